#include "gateway/file_reading.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "async/loop.h"
#include "base/log.h"
#include "gateway/attach.h"
#include "knowledge/shelf.h"
#include "vectors/full_name.h"
#include "wire/document.h"

namespace weir::gateway {
namespace {

constexpr size_t kAtOnce = 64;  // documents of one look
constexpr Duration kLookEvery = std::chrono::minutes(1);
constexpr Duration kLookLeast = std::chrono::seconds(1);
constexpr Duration kAgainFirst = std::chrono::seconds(2);

// Whether the same may go well a little later.
bool MayPass(const Error& error) {
  return error.code == Code::kUnavailable || error.code == Code::kBackendFailed ||
         error.code == Code::kDeadlineExceeded || error.code == Code::kRateLimited ||
         error.reason == "document_busy";
}

std::string KeyOf(const knowledge::DocumentInfo& document) {
  return document.collection + "\n" + document.id;
}

}  // namespace

FileReading::FileReading(const Executor& executor, Gateway& gateway, Documents& documents,
                         files::Store& files)
    : gateway_(gateway),
      documents_(documents),
      files_(files),
      running_(executor, "read files", [this]() -> Task<std::optional<MonotonicTime>> {
        if (!co_await ReadSome()) co_return std::nullopt;
        co_return NextLook();
      }) {}

MonotonicTime FileReading::NextLook() const {
  MonotonicTime next = gateway_.clock.Now() + kLookEvery;
  for (const auto& [key, failures] : failures_) next = std::min(next, failures.again_at);
  return std::max(next, gateway_.clock.Now() + kLookLeast);
}

Task<bool> FileReading::ReadSome() {
  for (;;) {
    auto waiting = co_await documents_.library.OnShelf<std::vector<knowledge::DocumentInfo>>(
        [](knowledge::Shelf& shelf, int64_t now_s) -> Result<std::vector<knowledge::DocumentInfo>> {
          if (auto emptied = shelf.EmptyExpired(now_s); !emptied) return Fail(emptied.error());
          return shelf.Waiting(kAtOnce);
        });
    if (!waiting) {
      if (waiting.error().code == Code::kCancelled) co_return false;
      LogWarning("files that wait cannot be listed: {}", waiting.error().message);
      co_return true;
    }
    // Who does not wait any more has no failures.
    if (waiting->size() < kAtOnce) {
      std::erase_if(failures_, [&](const auto& entry) {
        return std::ranges::find(*waiting, entry.first, KeyOf) == waiting->end();
      });
    }
    bool any = false;
    for (knowledge::DocumentInfo& document : *waiting) {
      const auto failures = failures_.find(KeyOf(document));
      if (failures != failures_.end() && failures->second.again_at > gateway_.clock.Now()) continue;
      any = true;
      const auto read = co_await ReadOne(std::move(document));
      if (!read && read.error().code == Code::kCancelled) co_return false;
      if (!read) LogWarning("a file could not be read: {}", read.error().message);
      // A registry that cannot be written is not asked again at once.
      if (!read) co_return true;
    }
    if (!any) co_return true;
  }
}

Task<Result<std::string>> FileReading::Content(std::string tenant, std::string id) {
  const auto file = co_await files_.Find(tenant, id);
  if (!file) co_return Fail(file.error());
  constexpr auto kMost = static_cast<int64_t>(wire::kDocumentBytesMax);
  if (file->bytes > kMost) {
    co_return Fail(Code::kTooLarge,
                   fmt::format("it has {} bytes; the most is {}", file->bytes, kMost), "document",
                   "document_too_large");
  }
  co_return co_await files_.Read(std::move(tenant), std::move(id), 0, kMost);
}

Task<Result<void>> FileReading::ReadOne(knowledge::DocumentInfo document) {
  const auto tenant = vectors::Split(document.collection);
  if (!tenant) co_return co_await Failed(std::move(document), {Code::kInternal, "a broken name"});
  auto content = co_await Content(tenant->tenant, document.file_id);
  if (!content && content.error().code == Code::kNotFound)
    content = Fail(Code::kUnprocessable, "the file is not kept any more", {}, "file_not_found");
  if (!content) co_return co_await Failed(std::move(document), std::move(content.error()));
  Asked asked = AskedOfText(document.asked, tenant->tenant);
  asked.label = document.label;
  auto ingested =
      co_await IngestUpload(gateway_, documents_, std::move(asked),
                            {.collection = document.collection,
                             .name = document.name,
                             .bytes = std::make_shared<const std::string>(std::move(*content)),
                             .label = document.label,
                             .file_id = document.file_id});
  if (!ingested) co_return co_await Failed(std::move(document), std::move(ingested.error()));
  failures_.erase(KeyOf(document));
  co_return Result<void>();
}

Task<Result<void>> FileReading::Failed(knowledge::DocumentInfo document, Error why) {
  const std::string key = KeyOf(document);
  if (why.code == Code::kCancelled) co_return Fail(std::move(why));
  if (why.reason == "document_cancelled") {
    failures_.erase(key);
    co_return Result<void>();
  }
  Failures& failures = failures_[key];
  if (MayPass(why) && ++failures.count < kAttemptsMax) {
    failures.again_at = gateway_.clock.Now() + kAgainFirst * (1 << failures.count);
    co_return Result<void>();
  }
  failures_.erase(key);
  // It may be failed already, by whoever read it; or nobody wants it any more.
  const auto refused = co_await documents_.library.OnShelf<bool>(
      [document = std::move(document), why](knowledge::Shelf& shelf,
                                            int64_t now_s) -> Result<bool> {
        auto now = shelf.Find(document.collection, document.id);
        if (!now || now->status != knowledge::DocumentStatus::kReading) return false;
        auto done = shelf.Refuse(std::move(*now), why, now_s);
        if (!done) return Fail(done.error());
        return true;
      });
  if (!refused) co_return Fail(refused.error());
  co_return Result<void>();
}

}  // namespace weir::gateway

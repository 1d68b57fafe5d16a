#include "server/kept_answers.h"

#include <fmt/core.h>

#include <algorithm>

namespace weir::server {
namespace {

bool IsKey(std::string_view key) {
  return !key.empty() && key.size() <= KeptAnswers::kKeyBytesMax &&
         std::ranges::all_of(key, [](char c) { return c > ' ' && c < 0x7f; });
}

size_t BytesOf(const KeptAnswer& answer) {
  size_t bytes = answer.reply.body.size();
  for (size_t i = 0; i < answer.reply.headers.size(); ++i) {
    bytes += answer.reply.headers.name(i).size() + answer.reply.headers.value(i).size();
  }
  return bytes;
}

}  // namespace

Result<KeptAnswers::Begun> KeptAnswers::Begin(std::string_view caller, std::string_view key,
                                              std::string request, MonotonicTime now) {
  if (!IsKey(key)) {
    return Fail(
        Code::kInvalidArgument,
        fmt::format("{} takes 1 to {} visible characters of ASCII", kIdempotencyKey, kKeyBytesMax),
        kIdempotencyKey);
  }
  while (!kept_.empty() && now - entries_.at(kept_.front()).begun > kFor) {
    Forget(std::string(kept_.front()));
  }
  std::string id = fmt::format("{}\n{}", caller, key);
  if (const auto found = entries_.find(id); found != entries_.end()) {
    const Entry& entry = found->second;
    if (entry.request != request) {
      return Fail(Code::kUnprocessable,
                  fmt::format("this {} came with another request before; a new request takes a new "
                              "key",
                              kIdempotencyKey),
                  kIdempotencyKey, "idempotency_key_reused");
    }
    if (entry.answer == nullptr) {
      return Fail(Error{Code::kConflict,
                        fmt::format("the request with this {} is still at work", kIdempotencyKey),
                        kIdempotencyKey, "idempotency_key_in_use", /*retry_after_s=*/1});
    }
    return Begun{.answer = entry.answer};
  }
  MakeRoom(kAnswersMax - 1, kBytesMax);
  if (entries_.size() >= kAnswersMax) {
    return Fail(Error{Code::kUnavailable,
                      fmt::format("{} requests with an {} are at work, the most there may be",
                                  kAnswersMax, kIdempotencyKey),
                      kIdempotencyKey, "queue_full", /*retry_after_s=*/1});
  }
  entries_.emplace(id, Entry{.request = std::move(request), .begun = now});
  return Begun{.claim = Claim(*this, std::move(id))};
}

void KeptAnswers::Keep(const std::string& id, KeptAnswer answer) {
  const size_t bytes = BytesOf(answer);
  if (bytes > kAnswerBytesMax) return Forget(id);
  MakeRoom(kAnswersMax, kBytesMax - bytes);
  entries_.at(id).answer = std::make_shared<const KeptAnswer>(std::move(answer));
  kept_.push_back(id);
  bytes_ += bytes;
}

void KeptAnswers::Forget(const std::string& id) {
  const auto found = entries_.find(id);
  if (found->second.answer != nullptr) {
    bytes_ -= BytesOf(*found->second.answer);
    std::erase(kept_, id);
  }
  entries_.erase(found);
}

void KeptAnswers::MakeRoom(size_t answers_max, size_t bytes_max) {
  while (!kept_.empty() && (entries_.size() > answers_max || bytes_ > bytes_max)) {
    Forget(std::string(kept_.front()));
  }
}

}  // namespace weir::server

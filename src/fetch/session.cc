#include "fetch/session.h"

#include <fmt/core.h>
#include <unistd.h>

#include <cstdlib>
#include <thread>
#include <utility>

#include "base/log.h"
#include "base/time_text.h"
#include "fetch/job_pipe.h"
#include "gguf/inspect.h"
#include "process/sandbox.h"

namespace weir::fetch {
namespace {

constexpr auto kProgressEvery = std::chrono::milliseconds(100);
constexpr auto kLookEvery = std::chrono::milliseconds(100);

}  // namespace

void Reporter::Note(std::string text) {
  Say({.kind = Event::Kind::kNote, .text = std::move(text)});
}

void Reporter::Begin(std::string name, uint64_t total, std::string sha256) {
  Say({.kind = Event::Kind::kBegin,
       .text = std::move(name),
       .total = total,
       .sha256 = std::move(sha256)});
}

void Reporter::Progress(uint64_t done, uint64_t total) {
  const MonotonicTime now = SystemClock().Now();
  if (now - last_ < kProgressEvery && done != total) return;
  last_ = now;
  Say({.kind = Event::Kind::kProgress, .done = done, .total = total});
}

void Reporter::Say(const Event& event) {
  if (!WriteAll(output_, PrintEvent(event) + "\n")) _exit(1);  // what arrived is kept
}

void CloseOff(const Job& job, bool network, std::vector<std::string> writable) {
  writable.push_back(job.store);
  const SandboxReport report =
      ApplySandbox(SandboxSpec::Fetch(std::move(writable), network, job.ca_file));
  for (const std::string& line : report.ToStrings()) LogDebug("sandbox: {}", line);
}

models::Manifest ManifestOf(const Source& source, const std::string& sha256, uint64_t size) {
  std::vector<models::StoredFile> adapters;
  for (const PartFile& file : source.adapters) adapters.push_back({file.sha256, file.size});
  std::optional<models::StoredFile> projector;
  if (source.projector) projector = {source.projector->sha256, source.projector->size};
  return {.name = source.name,
          .format = "gguf",
          .sha256 = sha256,
          .size = size,
          .licence = source.licence,
          .source = source.reference,
          .created = TimeText(SystemClock().WallNow()),
          .revision = source.revision,
          .chat_template = source.chat_template,
          .system = source.system,
          .licence_text = source.licence_text,
          .parameters = source.parameters,
          .adapters = std::move(adapters),
          .projector = std::move(projector)};
}

namespace {

// What came is not what was asked for; going on from it would give the same.
bool IsOfNoUse(const Error& error) {
  return error.reason == "wrong_sha256" || error.reason == "not_gguf" ||
         error.reason == "wrong_size" || error.code == Code::kNotFound ||
         error.code == Code::kUnauthenticated;
}

}  // namespace

Result<Arrived> FetchInto(const Session& session, const Source& source, const PartFile& file,
                          std::optional<models::Partial>& partial,
                          const std::function<void(uint64_t, uint64_t)>& on_progress) {
  auto arrived = FetchFile(
      session.downloads,
      {.who = source.who,
       .url = file.url,
       .token = source.token,
       .size = file.size,
       .sha256 = file.sha256,
       .connections = static_cast<int>(session.job.connections)},
      *partial, [&] { return session.writer.FreeBytes(); }, on_progress);
  if (!arrived && IsOfNoUse(arrived.error())) {
    session.writer.Discard(*std::exchange(partial, std::nullopt));
  }
  return arrived;
}

Result<void> Inspect(int file) {
  const auto info = gguf::InspectDescriptor(file);
  if (!info) {
    Error error = info.error();
    error.message =
        fmt::format("the file is refused: {}; get it from another source", error.message);
    return Fail(std::move(error));
  }
  if (info->kind == gguf::Kind::kModel && info->split.count == 1) return {};
  return Fail(
      Code::kUnprocessable,
      info->kind == gguf::Kind::kModel
          ? "the file is one part of several; pull the model by its repository (hf:)"
          : "the file is an adapter or a projector and no model; pull the model it goes with",
      "model", "not_a_model");
}

Result<std::optional<models::Partial>> BeginOrWait(const Session& session, const std::string& key,
                                                   const std::function<bool()>& is_there) {
  bool told = false;
  for (;;) {
    auto partial = session.writer.Begin(key);
    if (partial && told && is_there()) {
      session.writer.Discard(std::move(*partial));
      return std::nullopt;
    }
    if (partial) return std::optional(std::move(*partial));
    if (partial.error().reason != "in_progress") return Fail(partial.error());
    if (!std::exchange(told, true))
      session.reporter.Note("another process fetches the same file; waiting for it");
    const models::PartialView view = session.writer.Look(key);
    session.reporter.Progress(view.done(), view.total());
    std::this_thread::sleep_for(kLookEvery);
  }
}

}  // namespace weir::fetch

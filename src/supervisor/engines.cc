#include "supervisor/engines.h"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>

#include "process/socket_pair.h"

namespace weir {
namespace {

// Models whose failures are remembered. A gateway that makes up names beyond that only makes us
// forget failures.
constexpr size_t kHistoriesMax = 256;

uint32_t MillisecondsUp(Duration wait) {
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(wait).count();
  return static_cast<uint32_t>(std::clamp<int64_t>(ms, 0, UINT32_MAX));
}

// Whose failures are counted together: a bad adapter is not its model's fault.
std::string NameOf(const wire::StartEngine& request) {
  if (request.files.empty()) return "process without files";
  return fmt::format("{}", fmt::join(request.files, " "));
}

}  // namespace

Engines::Engine* Engines::Find(uint64_t id) {
  const auto found = std::ranges::find_if(
      running_, [id](const Engine& engine) { return engine.id == id && !engine.abandoned; });
  return found == running_.end() ? nullptr : &*found;
}

Result<void> Engines::MayStart(const wire::StartEngine& request, MonotonicTime now) {
  if (Find(request.engine) != nullptr) {
    return Fail(Code::kConflict, fmt::format("engine {} runs already", request.engine));
  }
  if (running_.size() >= options_.engines_max) {
    return Fail(Code::kRateLimited,
                fmt::format("{} engines run, and that is the limit", running_.size()));
  }
  if (options_.program.empty()) {
    return Fail(Code::kUnprocessable, "this launcher has no such program");
  }
  if (!options_.takes_files && !request.files.empty()) {
    return Fail(Code::kInvalidArgument, "this process takes no files");
  }
  if (options_.takes_files &&
      (request.files.empty() || request.files.size() > wire::kEngineFilesMax)) {
    return Fail(Code::kInvalidArgument,
                fmt::format("an engine takes 1 to {} files", wire::kEngineFilesMax));
  }
  const auto history = histories_.find(NameOf(request));
  if (history == histories_.end() || history->second.start_allowed_at <= now) return {};
  Error error{Code::kUnavailable,
              fmt::format("the {} failed {} times lately and is held back",
                          options_.takes_files ? "engine of this model" : "process",
                          history->second.policy.failures())};
  error.retry_after_s = static_cast<int>(
      std::chrono::ceil<std::chrono::seconds>(history->second.start_allowed_at - now).count());
  return Fail(std::move(error));
}

Result<std::vector<Fd>> Engines::OpenFiles(const std::vector<std::string>& paths) const {
  std::vector<Fd> files;
  for (const std::string& path : paths) {
    auto file = models_.Open(path);
    if (!file) return Fail(file.error());
    files.push_back(std::move(*file));
  }
  return files;
}

Result<Engines::Started> Engines::Start(const wire::StartEngine& request, MonotonicTime now) {
  if (auto allowed = MayStart(request, now); !allowed) return Fail(allowed.error());
  const auto files = OpenFiles(request.files);
  if (!files) return Fail(files.error());
  auto pair = MakeStreamPair();
  if (!pair) return Fail(pair.error());
  ChildSpec spec{options_.program, options_.arguments, options_.environment};
  // When memory runs out, an engine shall go, not the gateway or somebody's editor.
  spec.out_of_memory_score = options_.takes_files ? 500 : 0;
  spec.descriptors[wire::kEngineSocketFd] = pair->theirs.get();
  for (size_t i = 0; i < files->size(); ++i) {
    spec.descriptors[wire::kEngineFileFdFirst + static_cast<int>(i)] = (*files)[i].get();
  }
  if (handed_down_ >= 0) {
    spec.descriptors[wire::kEngineFileFdFirst + static_cast<int>(files->size())] = handed_down_;
  }
  auto child = Child::Spawn(spec);
  if (!child) return Fail(child.error());
  const pid_t pid = child->pid();
  running_.push_back({request.engine, NameOf(request), std::move(*child)});
  return Started{pid, std::move(pair->ours)};
}

void Engines::Stop(uint64_t engine, Duration grace, MonotonicTime now) {
  Engine* found = Find(engine);
  if (found == nullptr) return;
  found->stopped = true;
  found->child.Kill(SIGTERM);
  const MonotonicTime kill_at = now + grace;
  found->kill_at = std::min(found->kill_at.value_or(kill_at), kill_at);
}

void Engines::Kill(uint64_t engine) {
  if (Engine* found = Find(engine)) found->child.Kill(SIGKILL);
}

void Engines::KillAll() {
  for (Engine& engine : running_) {
    engine.abandoned = true;
    engine.child.Kill(SIGKILL);
  }
}

void Engines::AddTo(std::vector<pollfd>& polled) const {
  for (const Engine& engine : running_) polled.push_back({engine.child.poll_fd(), POLLIN, 0});
}

std::optional<MonotonicTime> Engines::NextDeadline() const {
  std::optional<MonotonicTime> next;
  for (const Engine& engine : running_) {
    if (engine.kill_at) next = std::min(next.value_or(*engine.kill_at), *engine.kill_at);
  }
  return next;
}

std::vector<wire::EngineExited> Engines::Reap(MonotonicTime now) {
  std::vector<wire::EngineExited> reports;
  std::erase_if(running_, [&](Engine& engine) {
    if (engine.kill_at && *engine.kill_at <= now) {
      engine.child.Kill(SIGKILL);
      engine.kill_at.reset();
    }
    const auto end = engine.child.TryWait();
    if (end && !engine.abandoned) reports.push_back(Report(engine, *end, now));
    return end.has_value();
  });
  return reports;
}

// An engine ends because it was told to, or it failed: nothing else closes its socket.
wire::EngineExited Engines::Report(const Engine& engine, const ChildEnd& end, MonotonicTime now) {
  wire::EngineExited report{engine.id, engine.stopped, end.Clean(), end.ToString()};
  if (engine.stopped) return report;
  const History& history = NoteFailure(engine.model, now);
  report.retry_after_ms = MillisecondsUp(history.start_allowed_at - now);
  report.failures = static_cast<uint32_t>(history.policy.failures());
  return report;
}

Engines::History& Engines::NoteFailure(const std::string& model, MonotonicTime now) {
  if (histories_.size() >= kHistoriesMax && !histories_.contains(model)) {
    std::erase_if(histories_,
                  [now](const auto& entry) { return entry.second.start_allowed_at <= now; });
    if (histories_.size() >= kHistoriesMax) histories_.erase(histories_.begin());
  }
  History& history =
      histories_.try_emplace(model, History{RestartPolicy(options_.restarts)}).first->second;
  const RestartDecision decision = history.policy.OnFailure(now);
  // Giving up on an engine means the longest wait: a new request may try again after it.
  const Duration wait = decision.verdict == RestartDecision::Verdict::kGiveUp
                            ? options_.restarts.backoff_max
                            : decision.wait;
  history.start_allowed_at = now + wait;
  return history;
}

}  // namespace weir

#include "backends/edge_servers.h"

#include <fmt/core.h>

#include <algorithm>

namespace weir::backends {
namespace {

constexpr int kRetryAfterStart_s = 5;  // a model's load takes that, or many times that

}  // namespace

std::string_view ServerStateName(wire::ServerState state) {
  switch (state) {
    case wire::ServerState::kStarting:
      return "starting";
    case wire::ServerState::kUp:
      return "up";
    case wire::ServerState::kFailed:
      break;
  }
  return "failed";
}

void EdgeServers::Use(const std::vector<Wanted>& wanted) {
  std::map<std::string, Known, std::less<>> servers;
  for (const Wanted& one : wanted) {
    const auto known = servers_.find(one.backend);
    const bool same =
        known != servers_.end() && known->second.report.fingerprint == one.fingerprint;
    servers[one.backend] =
        same ? known->second
             : Known{.report = {.backend = one.backend, .fingerprint = one.fingerprint}};
  }
  servers_ = std::move(servers);
  changed_.Set();
  changed_.Reset();
}

void EdgeServers::Take(const wire::ServerReport& report) {
  const auto found = servers_.find(report.backend);
  if (found == servers_.end() || found->second.report.fingerprint != report.fingerprint) return;
  const bool was_up = found->second.report.state == wire::ServerState::kUp;
  found->second = {.report = report,
                   .again_at = clock_.Now() + std::chrono::milliseconds(report.retry_after_ms)};
  if (!was_up && report.state == wire::ServerState::kUp && on_up) on_up(report.backend);
  changed_.Set();
  changed_.Reset();
}

Result<void> EdgeServers::Judge(const std::string& backend) const {
  const auto found = servers_.find(backend);
  if (found == servers_.end() || found->second.report.state == wire::ServerState::kUp) return {};
  const auto& [report, again_at] = found->second;
  if (report.state == wire::ServerState::kStarting) {
    return Fail({Code::kUnavailable, fmt::format("the server of backend '{}' is starting", backend),
                 "", "server_starting", kRetryAfterStart_s});
  }
  const auto wait = std::chrono::ceil<std::chrono::seconds>(again_at - clock_.Now()).count();
  return Fail({Code::kUnavailable,
               fmt::format("the server of backend '{}' failed and is started again later; see weir "
                           "doctor",
                           backend),
               "", "server_failed", static_cast<int>(std::clamp<int64_t>(wait, 1, 300))});
}

Task<Result<void>> EdgeServers::Ready(std::string backend, MonotonicTime until) {
  for (;;) {
    Result<void> ready = Judge(backend);
    if (ready || ready.error().reason != "server_starting") co_return ready;
    if (auto changed = co_await changed_.WaitUntil(until); !changed) {
      if (changed.error().code == Code::kCancelled) co_return changed;
      co_return ready;
    }
  }
}

bool EdgeServers::MayAsk(std::string_view backend) const {
  const auto found = servers_.find(backend);
  return found == servers_.end() || found->second.report.state != wire::ServerState::kFailed;
}

std::vector<EdgeServers::Status> EdgeServers::All() const {
  std::vector<Status> all;
  for (const auto& [name, known] : servers_) {
    const wire::ServerReport& report = known.report;
    all.push_back({name, report.state, report.pid, report.restarts, report.problem});
  }
  return all;
}

}  // namespace weir::backends

#include "supervisor/servers.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>

#include "base/log.h"
#include "process/fd_passing.h"
#include "process/socket_pair.h"
#include "supervisor/warden.h"

namespace weir {
namespace {

constexpr Duration kAskFirst = std::chrono::milliseconds(100);  // while it starts, then less often
constexpr Duration kAskStarting = std::chrono::seconds(1);
constexpr Duration kAskUp = std::chrono::seconds(5);
constexpr Duration kAnswerPatience = std::chrono::seconds(5);  // of one question
constexpr Duration kWardenMargin = std::chrono::seconds(2);    // beyond the grace that it was given
constexpr int kReadsAtOnce = 16;
constexpr size_t kReadBytes = 64 * 1024;

int64_t MillisecondsOf(Duration duration) {
  return std::chrono::ceil<std::chrono::milliseconds>(duration).count();
}

void Tell(const Fd& line, const std::string& text) {
  [[maybe_unused]] const auto sent =
      SendMessage(line.get(), std::as_bytes(std::span(text)), /*descriptors=*/{});
}

// Who starts often is asked often: a server that needs a second is not waited for longer.
Duration AskInterval(bool up, Duration age, Duration health_timeout) {
  if (up) return std::min<Duration>(kAskUp, health_timeout / 4);
  return std::clamp<Duration>(age / 10, kAskFirst, kAskStarting);
}

}  // namespace

void Servers::Use(std::vector<ServerSpec> specs, MonotonicTime now) {
  for (Server& server : servers_) {
    const auto spec = std::ranges::find(specs, server.spec.backend, &ServerSpec::backend);
    if (spec == specs.end()) {
      LogInfo("server of {}: it is no longer configured and ends", server.spec.backend);
      server.leaving = true;
      Stop(server, options_.grace, now);
      continue;
    }
    // One that was told to end does end, and is started anew even when it is wanted again.
    const bool same = spec->fingerprint == server.spec.fingerprint && !server.leaving &&
                      !(server.life && server.life->kill_at);
    server.leaving = false;
    if (!same) {
      LogInfo("server of {}: it is started again as configured now", server.spec.backend);
      server.next = std::move(*spec);
      Stop(server, options_.grace, now);
      if (!server.life) TakeNext(server, now);
    }
    specs.erase(spec);
  }
  for (ServerSpec& spec : specs) {
    servers_.push_back(
        {.spec = std::move(spec), .policy = RestartPolicy(options_.restarts), .start_at = now});
  }
}

// One that never ran yet, as far as anybody is told.
void Servers::TakeNext(Server& server, MonotonicTime now) {
  server.spec = *std::exchange(server.next, std::nullopt);
  server.policy = RestartPolicy(options_.restarts);
  server.state = wire::ServerState::kStarting;
  server.problem.clear();
  server.start_at = now;
  server.changed = true;
}

void Servers::Start(Server& server, MonotonicTime now) {
  server.start_at.reset();
  server.state = wire::ServerState::kStarting;
  server.changed = true;
  for (const LoopbackAddress& address : server.spec.addresses) {
    if (IsFree(address)) continue;
    return OnFailure(server, fmt::format("another program listens at {} already", server.spec.host),
                     now);
  }
  auto line = MakeMessagePair();
  auto output = MakePipe();
  if (!line || !output) {
    return OnFailure(server, line ? output.error().message : line.error().message, now);
  }
  ChildSpec spec{options_.program, options_.arguments, options_.environment};
  spec.arguments.push_back(server.spec.program);
  spec.arguments.insert(spec.arguments.end(), server.spec.arguments.begin(),
                        server.spec.arguments.end());
  spec.descriptors = {{STDOUT_FILENO, output->write.get()},
                      {STDERR_FILENO, output->write.get()},
                      {kWardenLineFd, line->theirs.get()}};
  spec.dies_with_parent = false;
  auto warden = Child::Spawn(spec);
  if (!warden) return OnFailure(server, warden.error().message, now);
  for (const Fd* ours : {&line->ours, &output->read}) {
    [[maybe_unused]] const auto set = SetNonBlocking(ours->get(), true);
  }
  server.life.emplace(Life{.warden = std::move(*warden),
                           .line = std::move(line->ours),
                           .output = std::move(output->read),
                           .started = now,
                           .check_at = now + kAskFirst,
                           .good_at = now});
}

void Servers::Stop(Server& server, Duration grace, MonotonicTime now) {
  server.start_at.reset();
  if (!server.life) return;
  Life& life = *server.life;
  Tell(life.line, fmt::format("stop {}", MillisecondsOf(grace)));
  life.check.reset();
  const MonotonicTime at = now + grace + kWardenMargin;
  life.kill_at = std::min(life.kill_at.value_or(at), at);
}

void Servers::Kill(Server& server, std::string why, MonotonicTime now) {
  Life& life = *server.life;
  if (!life.hangs.empty()) return;
  life.hangs = std::move(why);
  life.check.reset();
  Tell(life.line, "kill");
  life.kill_at = now + kWardenMargin;
}

void Servers::StopAll(Duration grace, MonotonicTime now) {
  for (Server& server : servers_) {
    server.leaving = true;
    server.next.reset();
    Stop(server, grace, now);
  }
}

void Servers::AddTo(std::vector<pollfd>& polled) const {
  for (const Server& server : servers_) {
    if (!server.life) continue;
    const Life& life = *server.life;
    polled.push_back({life.warden.poll_fd(), POLLIN, 0});
    if (life.output.valid()) polled.push_back({life.output.get(), POLLIN, 0});
    if (life.line.valid()) polled.push_back({life.line.get(), POLLIN, 0});
    if (life.check) polled.push_back(life.check->polled());
  }
}

std::optional<MonotonicTime> Servers::NextDeadline() const {
  std::optional<MonotonicTime> next;
  const auto count = [&next](MonotonicTime at) { next = std::min(next.value_or(at), at); };
  for (const Server& server : servers_) {
    if (server.start_at) count(*server.start_at);
    if (!server.life) continue;
    const Life& life = *server.life;
    if (life.kill_at) count(*life.kill_at);
    if (life.kill_at) continue;
    count(life.check ? life.check->deadline() : life.check_at);
  }
  return next;
}

std::vector<wire::ServerReport> Servers::Turn(MonotonicTime now) {
  std::vector<wire::ServerReport> reports;
  for (Server& server : servers_) {
    if (server.start_at && *server.start_at <= now) Start(server, now);
    if (server.life) Step(server, now);
    if (std::exchange(server.changed, false) && !server.leaving && !server.next) {
      reports.push_back(ReportOf(server, now));
    }
  }
  std::erase_if(servers_, [](const Server& server) { return server.leaving && !server.life; });
  return reports;
}

void Servers::Step(Server& server, MonotonicTime now) {
  Life& life = *server.life;
  ReadOutput(server, now);
  ReadLine(server);
  if (life.kill_at && *life.kill_at <= now) {
    life.warden.Kill(SIGKILL);
    life.kill_at = MonotonicTime::max();
  }
  if (!life.kill_at) AskHealth(server, now);
  if (const auto end = life.warden.TryWait()) OnEnd(server, *end, now);
}

// Until it is ready no request reaches it, so nothing of one can stand in what it says.
OutputLines::Sink Servers::LogOf(const Server& server) {
  const LogLevel level = server.life->was_up ? LogLevel::kDebug : LogLevel::kInfo;
  return [level, name = server.spec.backend](std::string_view line) {
    Log(level, "server of {} says: {}", name, line);
  };
}

void Servers::ReadOutput(Server& server, MonotonicTime now) {
  Life& life = *server.life;
  const OutputLines::Sink sink = LogOf(server);
  std::array<char, kReadBytes> buffer;
  for (int i = 0; i < kReadsAtOnce && life.output.valid(); ++i) {
    const ssize_t got = read(life.output.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return;
    if (got == 0) {
      life.lines.End(now, sink);
      life.output.Reset();
      return;
    }
    life.lines.Feed({buffer.data(), static_cast<size_t>(got)}, now, sink);
  }
}

void Servers::ReadLine(Server& server) {
  Life& life = *server.life;
  std::array<std::byte, 4096> buffer;
  while (life.line.valid()) {
    const auto received = ReceiveMessage(life.line.get(), buffer, 0);
    if (received && received->outcome == ReceiveOutcome::kNothingYet) return;
    if (!received || received->outcome == ReceiveOutcome::kClosed) return life.line.Reset();
    const std::string_view text(reinterpret_cast<const char*>(buffer.data()), received->size);
    if (text.starts_with("pid ")) {
      std::from_chars(text.data() + 4, text.data() + text.size(), server.pid);
      server.changed = true;
      LogInfo("server of {}: started as process {}", server.spec.backend, server.pid);
    } else if (text.starts_with("failed ")) {
      life.hangs = text.substr(7);
    }
  }
}

void Servers::AskHealth(Server& server, MonotonicTime now) {
  Life& life = *server.life;
  if (!life.check) {
    if (life.check_at > now) return;
    const auto& address = server.spec.addresses[life.address++ % server.spec.addresses.size()];
    life.check.emplace(address, server.spec.host, server.spec.health,
                       now + std::min(kAnswerPatience, server.spec.health_timeout));
  }
  const auto answer = life.check->Step(now);
  if (!answer) return;
  life.check.reset();
  life.check_at = now + AskInterval(life.was_up, now - life.started, server.spec.health_timeout);
  OnAnswer(server, *answer, now);
}

void Servers::OnAnswer(Server& server, const Result<void>& answer, MonotonicTime now) {
  Life& life = *server.life;
  if (answer) {
    life.good_at = now;
    life.bad_answer.clear();
    if (life.was_up) return;
    life.lines.TellLeftOut(LogOf(server));
    life.was_up = true;
    server.state = wire::ServerState::kUp;
    server.problem.clear();
    server.changed = true;
    LogInfo("server of {}: ready after {:.1f} s", server.spec.backend,
            Milliseconds(now - life.started) / 1000);
    return;
  }
  life.bad_answer = answer.error().message;
  const Duration patience = life.was_up ? server.spec.health_timeout : server.spec.start_timeout;
  if (now - life.good_at < patience) return;
  Kill(server,
       fmt::format("it was not {} within {} s ({} at {}{})", life.was_up ? "well" : "ready",
                   std::chrono::ceil<std::chrono::seconds>(patience).count(), life.bad_answer,
                   server.spec.host, server.spec.health),
       now);
}

void Servers::OnEnd(Server& server, const ChildEnd& end, MonotonicTime now) {
  ReadOutput(server, now);
  ReadLine(server);
  const Life life = std::move(*server.life);
  server.life.reset();
  server.pid = 0;
  server.changed = true;
  if (server.leaving) {
    LogInfo("server of {}: it ended: {}", server.spec.backend, end.ToString());
    return;
  }
  if (server.next) return TakeNext(server, now);
  std::string problem = life.hangs.empty() ? end.ToString() : life.hangs;
  // What it said before any request reached it may be shown to anybody.
  if (!life.was_up) {
    server.starting += now - life.started;
    if (!life.lines.last().empty()) problem += "; its last words: " + life.lines.last();
  }
  OnFailure(server, std::move(problem), now);
}

// Time that it spent in starts that failed does not count for the policy: a model that loads for
// minutes and fails each time would otherwise look like one that fails rarely.
void Servers::OnFailure(Server& server, std::string problem, MonotonicTime now) {
  server.problem = problem.substr(0, wire::kServerProblemBytesMax);
  server.changed = true;
  const RestartDecision decision = server.policy.OnFailure(now - server.starting);
  server.start_at = now + decision.wait;
  ++server.restarts;
  const bool failed = decision.verdict != RestartDecision::Verdict::kNow;
  server.state = failed ? wire::ServerState::kFailed : wire::ServerState::kStarting;
  LogWarning("server of {} failed: {}; it is started again {}", server.spec.backend, server.problem,
             failed ? fmt::format("in {} s",
                                  std::chrono::ceil<std::chrono::seconds>(decision.wait).count())
                    : "at once");
}

std::vector<wire::ServerReport> Servers::Reports(MonotonicTime now) const {
  std::vector<wire::ServerReport> reports;
  for (const Server& server : servers_) {
    if (!server.leaving && !server.next) reports.push_back(ReportOf(server, now));
  }
  return reports;
}

wire::ServerReport Servers::ReportOf(const Server& server, MonotonicTime now) {
  wire::ServerReport report{.backend = server.spec.backend,
                            .fingerprint = server.spec.fingerprint,
                            .state = server.state,
                            .pid = server.pid,
                            .restarts = server.restarts,
                            .problem = server.problem};
  if (server.state == wire::ServerState::kFailed && server.start_at) {
    report.retry_after_ms = static_cast<uint32_t>(
        std::clamp<int64_t>(MillisecondsOf(*server.start_at - now), 0, UINT32_MAX));
  }
  return report;
}

}  // namespace weir

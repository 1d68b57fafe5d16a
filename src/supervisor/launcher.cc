#include "supervisor/launcher.h"

#include <fmt/core.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <deque>
#include <filesystem>
#include <optional>
#include <utility>

#include "base/log.h"
#include "supervisor/serve_file.h"

namespace weir {
namespace {

constexpr int kMessagesAtOnce = 64;  // taken from the gateway before anything else has its turn
constexpr Duration kHangUpGrace = std::chrono::seconds(1);

// SQLite puts what does not fit into memory into temporary files, and the sandbox lets the gateway
// write in its data folder alone.
GatewayOptions WithTemporaryFolder(const LauncherOptions& options, int configuration) {
  GatewayOptions gateway = options.gateway;
  gateway.configuration = configuration;
  gateway.environment.push_back("TMPDIR=" + options.data_folder);
  return gateway;
}

class Launcher {
 public:
  Launcher(const LauncherOptions& options, SignalQueue& signals, const Clock& clock)
      : options_(options),
        signals_(signals),
        clock_(clock),
        engines_(options.engine),
        doors_(options.door),
        readers_(options.reader),
        fetches_(options.fetch),
        servers_(options.servers),
        restarts_(options.gateway_restarts) {}

  int Run() {
    IgnoreBrokenPipes();
    doors_.HandDown(Configuration());
    StartGateway();
    while (!exit_code_) {
      Wait();
      TakeSignals();
      TakeMessages();
      ReportEngines();
      ReportServers();
      WatchGateway();
    }
    EndServers();
    RemoveServeFile(options_.data_folder);
    return *exit_code_;
  }

 private:
  void StartGateway() {
    start_gateway_at_.reset();
    auto gateway = GatewayProcess::Start(WithTemporaryFolder(options_, Configuration()));
    if (gateway) {
      gateway_.emplace(std::move(*gateway));
      return;
    }
    LogError("{}", gateway.error().message);
    if (!was_ready_) {
      exit_code_ = 1;
    } else {
      DecideRestart();
    }
  }

  std::optional<MonotonicTime> NextDeadline() const {
    std::optional<MonotonicTime> next;
    const auto count = [&next](std::optional<MonotonicTime> at) {
      if (at) next = std::min(next.value_or(*at), *at);
    };
    for (const Kind& kind : kinds_) count(kind.processes.NextDeadline());
    count(servers_.NextDeadline());
    count(start_gateway_at_);
    count(kill_gateway_at_);
    return next;
  }

  int TimeoutMs() const {
    const auto next = NextDeadline();
    if (!next) return -1;
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(*next - clock_.Now()).count();
    return static_cast<int>(std::clamp<int64_t>(wait, 0, 60'000));
  }

  // Which of them became ready does not matter: all are looked at, and looking costs a system call
  // each.
  void Wait() {
    std::vector<pollfd> polled = {{signals_.poll_fd(), POLLIN, 0}};
    for (const Kind& kind : kinds_) kind.processes.AddTo(polled);
    servers_.AddTo(polled);
    if (gateway_) {
      polled.push_back({gateway_->child().poll_fd(), POLLIN, 0});
      const int events = POLLIN | (gateway_->HasUnsent() ? POLLOUT : 0);
      // A closed socket would be ready for ever; from then on its exit is what counts.
      if (!gateway_->closed()) {
        polled.push_back({gateway_->control_fd(), static_cast<short>(events), 0});
      }
    }
    poll(polled.data(), polled.size(), TimeoutMs());
  }

  void TakeSignals() {
    while (const auto signal = signals_.Next()) {
      if (*signal == SIGHUP) {
        StartReload();
      } else if (*signal == SIGTERM || *signal == SIGINT) {
        StartDrain();
      }
    }
  }

  // The one in force: it was taken last.
  int Configuration() const {
    return taken_.valid() ? taken_.get() : options_.gateway.configuration;
  }

  void StartReload() {
    if (!gateway_) return LogError("not reloaded: the gateway is just being started again");
    auto read = options_.read_configuration();
    if (!read) {
      for (const std::string& problem : read.error()) LogError("not reloaded: {}", problem);
      return;
    }
    auto copy = Duplicate(read->get());
    if (!copy) return LogError("not reloaded: {}", copy.error().message);
    asked_.push_back(std::move(*read));
    Tell(wire::Reload{}, std::move(*copy));
  }

  void StartDrain() {
    if (!gateway_) {  // it is waiting to be restarted
      exit_code_ = 0;
    } else if (std::exchange(draining_, true)) {
      KillGateway();  // whoever asks twice means at once
    } else {
      kill_gateway_at_ = clock_.Now() + options_.drain_timeout + options_.drain_margin;
      const auto ms = std::chrono::ceil<std::chrono::milliseconds>(options_.drain_timeout).count();
      Tell(wire::Drain{static_cast<uint32_t>(std::clamp<int64_t>(ms, 0, UINT32_MAX))});
    }
  }

  void TakeMessages() {
    if (!gateway_) return;
    Check(gateway_->Flush());
    for (int i = 0; i < kMessagesAtOnce && !gateway_->closed(); ++i) {
      auto message = gateway_->Receive();
      if (!message) {
        Check(Fail(message.error()));
        return;
      }
      if (!*message) return;
      std::visit([this](const auto& body) { On(body); }, **message);
    }
  }

  void On(const wire::Ready& ready) {
    if (auto written = WriteServeFile(options_.data_folder, ready.addresses, getpid()); !written) {
      Check(std::move(written));
      return;
    }
    UseServers();
    for (wire::ServerReport& report : servers_.Reports(clock_.Now())) Tell(std::move(report));
    if (std::exchange(was_ready_, true)) {
      LogInfo("the gateway answers again");
      return;
    }
    for (const std::string& address : ready.addresses) {
      const std::string line = fmt::format("weir: ready on {}\n", address);
      [[maybe_unused]] const ssize_t n = write(options_.output, line.data(), line.size());
    }
  }

  void UseServers() {
    auto specs = options_.load_servers ? options_.load_servers(Configuration()) : std::nullopt;
    if (specs) servers_.Use(std::move(*specs), clock_.Now());
  }

  void On(const wire::Reloaded& answer) {
    if (asked_.empty()) {
      return Check(Fail(Code::kBackendFailed,
                        "the gateway broke the control protocol: nobody asked for a reload"));
    }
    Fd configuration = std::move(asked_.front());
    asked_.pop_front();
    if (!answer.taken) return;
    taken_ = std::move(configuration);
    doors_.HandDown(taken_.get());
    if (!draining_) UseServers();
  }

  void On(const wire::StartEngine& request) {
    auto started = KindOf(request.engine).Start(request, clock_.Now());
    if (started) {
      Tell(wire::EngineStarted{request.engine, started->pid}, std::move(started->socket));
      return;
    }
    const Error& error = started.error();
    Tell(wire::EngineRefused{request.engine, error.code, error.message,
                             static_cast<uint32_t>(error.retry_after_s) * 1000});
  }

  void On(const wire::StopEngine& request) {
    Engines& those = KindOf(request.engine);
    if (request.hangs) return those.Kill(request.engine);
    those.Stop(request.engine, std::chrono::milliseconds(request.grace_ms), clock_.Now());
  }

  Engines& KindOf(uint64_t id) {
    if (id >= wire::kDoorIdFirst) return doors_;
    if (id >= wire::kReaderIdFirst) return readers_;
    return id >= wire::kFetchIdFirst ? fetches_ : engines_;
  }

  void ReportEngines() {
    for (const Kind& kind : kinds_) {
      for (wire::EngineExited& report : kind.processes.Reap(clock_.Now())) {
        const bool expected = report.stopped || (report.clean && &kind.processes != &engines_);
        if (!expected) LogWarning("{} ended: {}", kind.name, report.how);
        Tell(std::move(report));
      }
    }
  }

  void ReportServers() {
    for (wire::ServerReport& report : servers_.Turn(clock_.Now())) Tell(std::move(report));
  }

  // After the gateway, so that answers under way could end. A further signal means at once.
  void EndServers() {
    servers_.StopAll(options_.servers.grace, clock_.Now());
    servers_.Turn(clock_.Now());
    while (!servers_.empty()) {
      Wait();
      while (const auto signal = signals_.Next()) {
        if (*signal != SIGHUP) servers_.StopAll(Duration::zero(), clock_.Now());
      }
      servers_.Turn(clock_.Now());
    }
  }

  void Tell(const wire::ToGateway& message, Fd descriptor = Fd()) {
    if (gateway_) Check(gateway_->Send(message, std::move(descriptor)));
  }

  // A gateway that breaks the protocol is ended like one that crashed.
  void Check(Result<void> result) {
    if (result) return;
    LogError("{}", result.error().message);
    KillGateway();
  }

  // From here on only its exit is waited for.
  void KillGateway() {
    kill_gateway_at_.reset();
    killed_ = true;
    gateway_->child().Kill(SIGKILL);
  }

  void WatchGateway() {
    const MonotonicTime now = clock_.Now();
    if (start_gateway_at_ && *start_gateway_at_ <= now) StartGateway();
    if (!gateway_) return;
    // A gateway without its control socket is on its way out, or useless.
    if (gateway_->closed() && !killed_ && !kill_gateway_at_) kill_gateway_at_ = now + kHangUpGrace;
    if (kill_gateway_at_ && *kill_gateway_at_ <= now) {
      LogWarning("the gateway did not end in time");
      KillGateway();
    }
    if (const auto end = gateway_->child().TryWait()) OnGatewayEnd(*end);
  }

  void OnGatewayEnd(const ChildEnd& end) {
    gateway_.reset();
    asked_.clear();
    kill_gateway_at_.reset();
    killed_ = false;
    for (const Kind& kind : kinds_) kind.processes.KillAll();
    if (draining_) {
      exit_code_ = end.Clean() ? 0 : 1;
    } else if (!was_ready_ && !end.by_signal) {
      exit_code_ = end.code;
    } else {
      LogError("the gateway ended: {}", end.ToString());
      DecideRestart();
    }
  }

  void DecideRestart() {
    const RestartDecision decision = restarts_.OnFailure(clock_.Now());
    if (decision.verdict == RestartDecision::Verdict::kGiveUp) {
      LogError("the gateway failed {} times within {} s; giving up",
               options_.gateway_restarts.restarts_max + 1,
               std::chrono::duration_cast<std::chrono::seconds>(options_.gateway_restarts.window)
                   .count());
      exit_code_ = 1;
    } else {
      start_gateway_at_ = clock_.Now() + decision.wait;
    }
  }

  const LauncherOptions& options_;
  SignalQueue& signals_;
  const Clock& clock_;
  Engines engines_;
  Engines doors_;
  Engines readers_;
  Engines fetches_;
  Servers servers_;
  struct Kind {
    std::string_view name;  // for the log
    Engines& processes;
  };
  const std::array<Kind, 4> kinds_ = {{{"an engine", engines_},
                                       {"an egress process", doors_},
                                       {"a reader", readers_},
                                       {"a fetch process", fetches_}}};
  RestartPolicy restarts_;
  std::optional<GatewayProcess> gateway_;
  Fd taken_;              // by the last reload
  std::deque<Fd> asked_;  // of reloads that the gateway has not answered, the oldest first
  std::optional<MonotonicTime> start_gateway_at_;
  std::optional<MonotonicTime> kill_gateway_at_;
  bool killed_ = false;    // this life of the gateway got its SIGKILL
  bool draining_ = false;  // an ordered end was asked for
  bool was_ready_ = false;
  std::optional<int> exit_code_;
};

}  // namespace

int RunLauncher(const LauncherOptions& options, SignalQueue& signals, const Clock& clock) {
  return Launcher(options, signals, clock).Run();
}

Result<std::string> ProgramFolder() {
  std::error_code error;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return Fail(Code::kInternal, "cannot tell where this program lies");
  return program.parent_path().string();
}

}  // namespace weir

// The gateway's end of the control socket: asks the launcher for engines, hears of their ends and
// of the operator's wishes.
//
// I/O thread only, and it outlives every run of its Loop. When the launcher is gone, every Start
// that waits gets an error. The fleet sees it through EngineStarter, so that tests can start
// engines in other ways.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "async/descriptor.h"
#include "async/event.h"
#include "async/task.h"
#include "base/result.h"
#include "process/fd.h"
#include "wire/control.h"

namespace weir::backends {

class EngineStarter {
 public:
  virtual ~EngineStarter() = default;
  // Starts a process for these files; its socket. kUnavailable with retry_after_s when it failed
  // too often.
  virtual Task<Result<Fd>> Start(uint64_t engine, std::vector<std::string> files) = 0;
  // Ends the process, at the latest after `grace`.
  virtual void Stop(uint64_t engine, Duration grace) = 0;
  // Ends a process that hangs, at once; it counts as one that failed.
  virtual void Kill(uint64_t engine) = 0;
};

class LauncherLink final : public EngineStarter {
 public:
  struct Listener {
    std::function<void(const wire::EngineExited&)> on_engine_exited = {};
    std::function<void(Duration timeout)> on_drain = {};
    // With a copy of the configuration as it is now. Answered by Reloaded, once and in order.
    std::function<void(Fd configuration)> on_reload = {};
    std::function<void(const wire::ServerReport&)> on_server = {};
    std::function<void()> on_lost = {};  // the launcher is gone: nothing is left to serve for
  };

  // Takes ownership of `socket`.
  LauncherLink(const Executor& executor, int socket);
  // Starts to read; once.
  void Run(Listener listener);

  void Ready(std::vector<std::string> addresses);
  void Reloaded(bool taken);
  Task<Result<Fd>> Start(uint64_t engine, std::vector<std::string> files) override;
  void Stop(uint64_t engine, Duration grace) override;
  void Kill(uint64_t engine) override;

 private:
  struct Starting;

  Task<void> Read();
  Result<bool> ReadMessage();  // false: nothing more for now
  void Take(const wire::ToGateway& message, std::vector<Fd> descriptors);
  Result<void> Send(const wire::ToLauncher& message);
  void Lose(const Error& why);

  Executor executor_;
  Descriptor socket_;
  Listener listener_ = {};
  bool lost_ = false;
  std::unordered_map<uint64_t, std::shared_ptr<Starting>> starting_ = {};
};

}  // namespace weir::backends

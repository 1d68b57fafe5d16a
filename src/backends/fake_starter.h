// Starts fake engines instead of processes. A test decides how each of them behaves, whether a
// start fails, and when it goes on.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "async/event.h"
#include "backends/fake_engine.h"
#include "backends/launcher_link.h"

namespace weir::backends {

class FakeStarter final : public EngineStarter {
 public:
  explicit FakeStarter(const Executor& executor) : executor_(executor), go_on(executor) {
    go_on.Set();
  }
  ~FakeStarter() override {
    for (const auto& [id, engine] : engines) engine->Die();
  }

  Task<Result<Fd>> Start(uint64_t id, std::vector<std::string> files) override {
    ++starts;
    files_of[id] = std::move(files);
    if (auto allowed = co_await go_on.Wait(); !allowed) co_return std::unexpected(allowed.error());
    if (refusal) co_return Fail(*refusal);
    SocketPair pair = MakeStreamPair().value();
    const auto engine = FakeEngine::Start(executor_, std::move(pair.theirs));
    engines[id] = engine;
    engine->on_end = [this, id] { Exited(id); };
    if (prepare) prepare(*engine);
    co_return std::move(pair.ours);
  }
  // As the launcher does it: SIGTERM ends an engine.
  void Stop(uint64_t id, Duration) override {
    stopped.push_back(id);
    const auto found = engines.find(id);
    if (found != engines.end()) found->second->Die();
  }

  void Kill(uint64_t id) override {
    killed.push_back(id);
    const auto found = engines.find(id);
    if (found != engines.end()) found->second->Die();
  }

  FakeEngine& engine(uint64_t id) { return *engines.at(id); }

 private:
  // An end that nobody asked for is a failure, and the launcher bounds those.
  void Exited(uint64_t id) {
    if (!on_exited) return;
    wire::EngineExited report{.engine = id, .how = "signal 9 (KILL)"};
    report.stopped = std::ranges::find(stopped, id) != stopped.end();
    if (!report.stopped) report.failures = ++failures;
    if (report.failures > failures_max) report.retry_after_ms = 4000;
    on_exited(report);
  }

  Executor executor_;

 public:
  Event go_on;  // Start waits for it
  std::optional<Error> refusal = {};
  std::function<void(FakeEngine&)> prepare = {};
  size_t starts = 0;
  std::map<uint64_t, std::shared_ptr<FakeEngine>> engines = {};
  std::map<uint64_t, std::vector<std::string>> files_of = {};
  std::vector<uint64_t> stopped = {};
  std::vector<uint64_t> killed = {};  // the fleet called them failed
  uint32_t failures = 0;
  uint32_t failures_max = 1000;  // then the launcher holds the model back
  std::function<void(const wire::EngineExited&)> on_exited = {};
};

}  // namespace weir::backends

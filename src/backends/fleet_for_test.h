// A fleet over fake engines, for its tests.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "async/run_for_test.h"
#include "backends/engine_fleet.h"
#include "backends/fake_starter.h"

namespace weir::backends {

using StreamResult = Result<std::unique_ptr<EventStream>>;

class EngineFleetTest : public testing::Test {
 protected:
  EngineFleetTest() : starter_(loop_.executor()) {
    // Timers run by the machine's clock: what is due by this one is due by that one too, also on a
    // machine that was started a minute ago.
    clock_.Advance(-std::chrono::hours(10'000));
    starter_.on_exited = [this](const wire::EngineExited& exited) {
      if (fleet_) fleet_->OnEngineExited(exited);
    };
    Build({});
  }
  ~EngineFleetTest() override {
    streams_.clear();
    if (fleet_) fleet_->StopAll();
    starter_.go_on.Set();
    for (const auto& [id, engine] : starter_.engines) engine->Die();
    EXPECT_TRUE(loop_.RunFor(kTestPatience)) << "coroutines are left";
  }

  void Build(FleetOptions options) {
    options.stop_grace = std::chrono::milliseconds(20);
    fleet_ = std::make_unique<EngineFleet>(
        loop_.executor(), clock_, starter_,
        [this](const std::string& model) -> Result<ModelFile> {
          if (model == "none") return Fail(Code::kNotFound, "no such model");
          if (const auto found = files_.find(model); found != files_.end()) return found->second;
          return ModelFile{.files = {"/" + model + ".gguf"}, .settings = {.context_tokens = 64}};
        },
        options);
  }

  StreamResult Generate(const std::string& model, std::optional<int64_t> keep_alive_ms = {},
                        const chat::Principal& principal = {}) {
    const chat::GenerateRequest request{.prompts = {{.text = "hi"}},
                                        .keep_alive_ms = keep_alive_ms};
    return RunForTest(loop_, fleet_->Generate(principal, model, request));
  }
  // Generates and keeps the lease.
  void Hold(const std::string& model) { streams_.push_back(Generate(model).value()); }
  // A request that is not waited for.
  std::shared_ptr<std::optional<Result<wire::EngineInfo>>> Ask(const std::string& model) {
    auto answer = std::make_shared<std::optional<Result<wire::EngineInfo>>>();
    Spawn(loop_.executor(), "asks", Store(*fleet_, model, answer));
    return answer;
  }
  static Task<void> Store(EngineFleet& fleet, std::string model,
                          std::shared_ptr<std::optional<Result<wire::EngineInfo>>> answer) {
    answer->emplace(co_await fleet.Preload(model, std::nullopt));
  }

  Result<wire::EngineInfo> Preload(const std::string& model,
                                   std::optional<int64_t> keep_alive_ms = {}) {
    return RunForTest(loop_, fleet_->Preload(model, keep_alive_ms));
  }
  std::vector<EngineStatus> Status() { return RunForTest(loop_, fleet_->Status()); }
  std::vector<std::string> Loaded() {
    std::vector<std::string> names;
    for (const auto& line : Status()) {
      if (line.state == EngineState::kReady) names.push_back(line.model);
    }
    return names;
  }
  bool Until(const std::function<bool()>& holds) { return RunUntilTrue(loop_, holds); }
  // Whatever would happen now, happens.
  void Settle() { loop_.RunFor(std::chrono::milliseconds(5)); }

  Loop loop_;
  FakeClock clock_;
  FakeStarter starter_;
  std::map<std::string, ModelFile> files_;  // of models that are not like the others
  std::unique_ptr<EngineFleet> fleet_;
  std::vector<std::unique_ptr<EventStream>> streams_;
  size_t seen_ = 0;
};

}  // namespace weir::backends

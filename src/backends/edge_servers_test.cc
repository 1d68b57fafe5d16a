#include "backends/edge_servers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "async/run_for_test.h"
#include "async/spawn.h"

namespace weir::backends {
namespace {

using wire::ServerState;

class EdgeServersTest : public testing::Test {
 protected:
  EdgeServersTest() {
    servers_.on_up = [this](const std::string& backend) { up_ += backend + " "; };
    servers_.Use({{"rack", 1}});
  }
  void Say(ServerState state, uint64_t fingerprint = 1, uint32_t retry_after_ms = 0) {
    servers_.Take({.backend = "rack",
                   .fingerprint = fingerprint,
                   .state = state,
                   .retry_after_ms = retry_after_ms,
                   .problem = state == ServerState::kFailed ? "exit code 1" : ""});
  }
  Result<void> Ready(Duration patience = Duration::zero(), const std::string& backend = "rack") {
    return RunForTest(loop_, servers_.Ready(backend, SystemClock().Now() + patience));
  }

  Loop loop_;
  EdgeServers servers_{loop_.executor(), SystemClock()};
  std::string up_;
};

TEST_F(EdgeServersTest, ABackendWithoutAServerIsReady) {
  EXPECT_TRUE(Ready(Duration::zero(), "cloud"));
  EXPECT_TRUE(servers_.MayAsk("cloud"));
}

TEST_F(EdgeServersTest, OneThatNobodyHasHeardOfIsStarting) {
  EXPECT_TRUE(servers_.MayAsk("rack"));
  const auto ready = Ready();
  ASSERT_FALSE(ready);
  EXPECT_EQ(ready.error().code, Code::kUnavailable);
  EXPECT_EQ(ready.error().reason, "server_starting");
  EXPECT_GT(ready.error().retry_after_s, 0);
}

TEST_F(EdgeServersTest, WhoWaitsIsToldWhenItIsReady) {
  std::optional<Result<void>> result;
  const auto wait = [](EdgeServers& servers, std::optional<Result<void>>& into) -> Task<void> {
    into = co_await servers.Ready("rack", SystemClock().Now() + std::chrono::minutes(1));
  };
  Spawn(loop_.executor(), "wait", wait(servers_, result));
  loop_.RunFor(std::chrono::milliseconds(20));
  EXPECT_FALSE(result);
  Say(ServerState::kUp);
  loop_.RunFor(std::chrono::milliseconds(20));
  ASSERT_TRUE(result);
  EXPECT_TRUE(*result);
  EXPECT_EQ(up_, "rack ");
}

TEST_F(EdgeServersTest, OneThatFailedIsNotWaitedFor) {
  Say(ServerState::kFailed, 1, /*retry_after_ms=*/42'000);
  EXPECT_FALSE(servers_.MayAsk("rack"));
  const MonotonicTime start = SystemClock().Now();
  const auto ready = Ready(std::chrono::minutes(1));
  ASSERT_FALSE(ready);
  EXPECT_EQ(ready.error().reason, "server_failed");
  EXPECT_NEAR(ready.error().retry_after_s, 42, 1);
  EXPECT_LT(SystemClock().Now() - start, std::chrono::seconds(30));
  EXPECT_EQ(servers_.All().at(0).problem, "exit code 1");
}

TEST_F(EdgeServersTest, WhatIsSaidOfItsOldCommandDoesNotCount) {
  Say(ServerState::kUp);
  servers_.Use({{"rack", 2}});
  EXPECT_FALSE(Ready());
  Say(ServerState::kUp, /*fingerprint=*/1);
  EXPECT_FALSE(Ready());
  Say(ServerState::kUp, /*fingerprint=*/2);
  EXPECT_TRUE(Ready());
  servers_.Use({{"rack", 2}});
  EXPECT_TRUE(Ready());
  servers_.Use({});
  EXPECT_TRUE(servers_.All().empty());
  EXPECT_EQ(up_, "rack rack ");
}

}  // namespace
}  // namespace weir::backends

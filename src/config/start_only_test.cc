#include "config/start_only.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::config {
namespace {

TEST(StartOnly, WhatARunningServerKeepsIsTold) {
  const Settings in_force;
  EXPECT_THAT(StartOnlyChanges(in_force, in_force), testing::IsEmpty());
  Settings next;
  next.listen.value = {{"127.0.0.1", 1234}};
  next.limits.headers.value = 4096;
  next.limits.heartbeat.value = std::chrono::seconds(1);
  EXPECT_THAT(StartOnlyChanges(in_force, next),
              testing::ElementsAre("listen = [\"127.0.0.1:1234\"] takes effect when weir serve is "
                                   "started anew; until then it is [\"127.0.0.1:9347\"]",
                                   testing::StartsWith("limits.headers = \"4KiB\" takes effect")));
}

}  // namespace
}  // namespace weir::config

#include "process/signals.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

namespace weir {
namespace {

TEST(SignalQueue, DeliversSignalsToWhoeverPolls) {
  auto queue = SignalQueue::Open({SIGHUP, SIGUSR1});
  ASSERT_TRUE(queue) << queue.error().message;
  EXPECT_EQ(queue->Next(), std::nullopt);
  raise(SIGHUP);
  raise(SIGUSR1);
  pollfd item{queue->poll_fd(), POLLIN, 0};
  ASSERT_EQ(poll(&item, 1, 10'000), 1);
  EXPECT_EQ(queue->Next(), SIGHUP);
  EXPECT_EQ(queue->Next(), SIGUSR1);
  EXPECT_EQ(queue->Next(), std::nullopt);
}

TEST(IgnoreBrokenPipes, AWriteToNobodyIsOnlyAnError) {
  IgnoreBrokenPipes();
  auto pipe = MakePipe();
  pipe->read.Reset();
  EXPECT_EQ(write(pipe->write.get(), "x", 1), -1);
  EXPECT_EQ(errno, EPIPE);
}

}  // namespace
}  // namespace weir

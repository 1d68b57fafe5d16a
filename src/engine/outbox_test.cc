#include "engine/outbox.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "engine/reader.h"

namespace weir::engine {
namespace {

class OutboxTest : public ::testing::Test {
 protected:
  OutboxTest() { EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends_), 0); }
  ~OutboxTest() override {
    for (const int end : ends_) {
      if (end >= 0) close(end);
    }
  }
  Result<wire::Frame> Receive() { return ReadFrame(ends_[1], frames_); }

  int ends_[2] = {-1, -1};
  wire::FrameReader frames_;
};

TEST_F(OutboxTest, FramesLeaveInTheirOrderAtTheFlush) {
  Outbox outbox(ends_[0]);
  outbox.Put(wire::EngineFrame::kText, 4, wire::Text{"four"});
  outbox.PutFailure(5, {Code::kUnavailable, "later", "n", "queue_full", 9});
  char byte = 0;
  EXPECT_LT(recv(ends_[1], &byte, 1, MSG_DONTWAIT), 0) << "not before the flush";
  ASSERT_TRUE(outbox.Flush());
  const auto first = Receive();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->request, 4u);
  EXPECT_EQ(wire::Decode<wire::Text>(first->body)->text, "four");
  const auto second = Receive();
  ASSERT_TRUE(second);
  EXPECT_EQ(second->kind, static_cast<uint16_t>(wire::EngineFrame::kFailure));
  const auto failure = wire::Decode<wire::Failure>(second->body);
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->code, Code::kUnavailable);
  EXPECT_EQ(failure->message, "later");
  EXPECT_EQ(failure->param, "n");
  EXPECT_EQ(failure->reason, "queue_full");
  EXPECT_EQ(failure->retry_after_s, 9);
  ASSERT_TRUE(outbox.Flush());
  EXPECT_LT(recv(ends_[1], &byte, 1, MSG_DONTWAIT), 0) << "nothing is sent twice";
}

TEST_F(OutboxTest, ABodyBeyondTheLimitOfAFrameIsAFailureOfItsRequest) {
  Outbox outbox(ends_[0]);
  outbox.PutEncoded(wire::EngineFrame::kTokens, 8, std::string(wire::kFrameBodyBytesMax + 1, 'x'));
  ASSERT_TRUE(outbox.Flush());
  const auto frame = Receive();
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->request, 8u);
  ASSERT_EQ(frame->kind, static_cast<uint16_t>(wire::EngineFrame::kFailure));
  EXPECT_EQ(wire::Decode<wire::Failure>(frame->body)->code, Code::kTooLarge);
}

TEST_F(OutboxTest, MoreThanTheSocketHoldsIsSentWhole) {
  Outbox outbox(ends_[0]);
  const std::string body(4u << 20, 'x');
  outbox.PutEncoded(wire::EngineFrame::kText, 1, body);
  size_t received = 0;
  std::thread gateway([&] {
    if (const auto frame = Receive()) received = frame->body.size();
  });
  EXPECT_TRUE(outbox.Flush());
  gateway.join();
  EXPECT_EQ(received, body.size());
}

TEST_F(OutboxTest, AGatewayThatIsGoneIsToldByTheFlush) {
  Outbox outbox(ends_[0]);
  close(ends_[1]);
  ends_[1] = -1;
  outbox.Put(wire::EngineFrame::kText, 1, wire::Text{"x"});
  EXPECT_FALSE(outbox.Flush());
}

}  // namespace
}  // namespace weir::engine

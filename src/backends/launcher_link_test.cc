#include "backends/launcher_link.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "async/run_for_test.h"
#include "process/fd_passing.h"
#include "process/socket_pair.h"

namespace weir::backends {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;

class LauncherLinkTest : public testing::Test {
 protected:
  LauncherLinkTest() {
    auto pair = MakeMessagePair().value();
    launcher_ = std::move(pair.theirs);
    EXPECT_TRUE(SetNonBlocking(launcher_.get(), true).has_value());
    link_ = std::make_unique<LauncherLink>(loop_.executor(), pair.ours.Release());
    link_->Run({.on_engine_exited = [this](const auto& exited) { exited_.push_back(exited); },
                .on_drain = [this](Duration timeout) { drain_ = timeout; },
                .on_reload = [this](Fd) { ++reloads_; },
                .on_lost = [this] { ++lost_; }});
  }
  ~LauncherLinkTest() override {
    launcher_.Reset();
    EXPECT_TRUE(loop_.RunFor(kTestPatience)) << "coroutines are left";
  }

  // The launcher's side.
  std::optional<wire::ToLauncher> Hear() {
    std::array<std::byte, wire::kControlMessageBytesMax> buffer;
    const auto received = ReceiveMessage(launcher_.get(), buffer, 0).value();
    if (received.outcome != ReceiveOutcome::kMessage) return std::nullopt;
    return wire::Decode<wire::ToLauncher>(
        {reinterpret_cast<const char*>(buffer.data()), received.size});
  }
  void SayBytes(std::string_view bytes, std::span<const int> descriptors = {}) {
    const auto sent = SendMessage(
        launcher_.get(), std::as_bytes(std::span(bytes.data(), bytes.size())), descriptors);
    EXPECT_EQ(sent.value(), SendOutcome::kSent);
  }
  void Say(const wire::ToGateway& message, std::span<const int> descriptors = {}) {
    SayBytes(wire::Encode(message), descriptors);
  }

  using Started = std::shared_ptr<std::optional<Result<Fd>>>;
  static Task<void> Store(LauncherLink& link, uint64_t id, Started started) {
    started->emplace(co_await link.Start(id, {"/m.gguf"}));
  }
  Started Start(uint64_t id) {
    auto started = std::make_shared<std::optional<Result<Fd>>>();
    Spawn(loop_.executor(), "starts", Store(*link_, id, started));
    return started;
  }
  bool Until(const std::function<bool()>& holds) { return RunUntilTrue(loop_, holds); }

  Loop loop_;
  Fd launcher_;
  std::unique_ptr<LauncherLink> link_;
  std::vector<wire::EngineExited> exited_;
  std::optional<Duration> drain_;
  int reloads_ = 0;
  int lost_ = 0;
};

TEST_F(LauncherLinkTest, AStartedEngineComesWithItsSocket) {
  const Started started = Start(7);
  std::optional<wire::ToLauncher> heard;
  ASSERT_TRUE(Until([&] { return (heard = Hear()).has_value(); }));
  const auto& asked = std::get<wire::StartEngine>(*heard);
  EXPECT_EQ(asked.engine, 7u);
  EXPECT_THAT(asked.files, ElementsAre("/m.gguf"));

  Pipe pipe = MakePipe().value();
  const int descriptors[] = {pipe.write.get()};
  Say(wire::EngineStarted{7, 1234}, descriptors);
  ASSERT_TRUE(Until([&] { return started->has_value(); }));
  ASSERT_TRUE(started->value().has_value());
  ASSERT_EQ(write((*started)->value().get(), "x", 1), 1);
  char byte = 0;
  EXPECT_EQ(read(pipe.read.get(), &byte, 1), 1);
}

TEST_F(LauncherLinkTest, ARefusalSaysWhyAndWhenToComeBack) {
  const Started started = Start(1);
  ASSERT_TRUE(Until([&] { return Hear().has_value(); }));
  Say(wire::EngineRefused{1, Code::kUnavailable, "it failed too often", 1500});
  ASSERT_TRUE(Until([&] { return started->has_value(); }));
  const Error& error = started->value().error();
  EXPECT_EQ(error.code, Code::kUnavailable);
  EXPECT_EQ(error.message, "it failed too often");
  EXPECT_EQ(error.retry_after_s, 2);
}

TEST_F(LauncherLinkTest, AnswersFindTheirQuestions) {
  const Started a = Start(1);
  const Started b = Start(2);
  ASSERT_TRUE(Until([&] { return Hear().has_value(); }));
  Say(wire::EngineRefused{2, Code::kUnavailable, "b", 0});
  Say(wire::EngineRefused{99, Code::kUnavailable, "nobody", 0});
  Say(wire::EngineRefused{1, Code::kUnavailable, "a", 0});
  ASSERT_TRUE(Until([&] { return a->has_value() && b->has_value(); }));
  EXPECT_EQ(a->value().error().message, "a");
  EXPECT_EQ(b->value().error().message, "b");
}

TEST_F(LauncherLinkTest, AnEngineWithoutItsSocketIsAFailureAndNoEndlessWait) {
  const Started started = Start(1);
  ASSERT_TRUE(Until([&] { return Hear().has_value(); }));
  Say(wire::EngineStarted{1, 1234});
  ASSERT_TRUE(Until([&] { return started->has_value(); }));
  EXPECT_EQ(started->value().error().code, Code::kInternal);
}

TEST_F(LauncherLinkTest, ASocketThatNobodyWaitsForIsClosed) {
  Pipe pipe = MakePipe().value();
  const int descriptors[] = {pipe.write.get()};
  Say(wire::EngineStarted{5, 1}, descriptors);
  Say(wire::Reload{});
  ASSERT_TRUE(Until([&] { return reloads_ == 1; }));
  pipe.write.Reset();
  char byte = 0;
  EXPECT_EQ(read(pipe.read.get(), &byte, 1), 0);  // the last writer is gone
}

TEST_F(LauncherLinkTest, StopAndReadyReachTheLauncher) {
  link_->Ready({"http://127.0.0.1:9347"});
  link_->Stop(3, milliseconds(250));
  EXPECT_THAT(std::get<wire::Ready>(*Hear()).addresses, ElementsAre("http://127.0.0.1:9347"));
  const auto stop = std::get<wire::StopEngine>(*Hear());
  EXPECT_EQ(stop.engine, 3u);
  EXPECT_EQ(stop.grace_ms, 250u);
  EXPECT_FALSE(stop.hangs);
  link_->Kill(4);
  const auto hangs = std::get<wire::StopEngine>(*Hear());
  EXPECT_EQ(hangs.engine, 4u);
  EXPECT_TRUE(hangs.hangs);
}

TEST_F(LauncherLinkTest, TheOperatorsWishesAndEndsOfEnginesAreHeard) {
  Say(wire::EngineExited{.engine = 4, .how = "signal 11 (SEGV)"});
  Say(wire::Drain{30'000});
  Say(wire::Reload{});
  ASSERT_TRUE(Until([&] { return reloads_ == 1; }));
  ASSERT_EQ(exited_.size(), 1u);
  EXPECT_EQ(exited_[0].how, "signal 11 (SEGV)");
  EXPECT_EQ(drain_, milliseconds(30'000));
  EXPECT_EQ(lost_, 0);
}

TEST_F(LauncherLinkTest, WhenTheLauncherIsGoneEverybodyIsToldOnce) {
  const Started started = Start(1);
  ASSERT_TRUE(Until([&] { return Hear().has_value(); }));
  launcher_.Reset();
  ASSERT_TRUE(Until([&] { return started->has_value(); }));
  EXPECT_EQ(started->value().error().code, Code::kUnavailable);
  EXPECT_EQ(lost_, 1);
  const Started later = Start(2);
  ASSERT_TRUE(Until([&] { return later->has_value(); }));
  EXPECT_EQ(later->value().error().code, Code::kUnavailable);
  EXPECT_EQ(lost_, 1);
}

TEST_F(LauncherLinkTest, AMessageThatDoesNotDecodeEndsTheConversation) {
  const Started started = Start(1);
  ASSERT_TRUE(Until([&] { return Hear().has_value(); }));
  SayBytes("\xff\xff\xff");
  ASSERT_TRUE(Until([&] { return started->has_value(); }));
  EXPECT_FALSE(started->value().has_value());
  EXPECT_EQ(lost_, 1);
}

}  // namespace
}  // namespace weir::backends

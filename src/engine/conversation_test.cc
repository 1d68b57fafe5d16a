// What crosses a running answer: cancels, pauses, the gateway's end, and everything that breaks the
// protocol.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/test_conversation.h"

namespace weir::engine {
namespace {

using llama::testing::RandomPath;
using llama::testing::StoriesPath;
using testing::Completion;
using testing::Conversation;
using testing::Endless;
using testing::EngineFrame;
using testing::kOnce;
using testing::SmallSettings;
using testing::Story;

const std::string kLily = "Lily and her mom went to";

// A request in the middle of its answer that comes to no end: paused before it can.
uint64_t Held(Conversation& engine, chat::GenerateRequest request = Endless(kLily, 400)) {
  const uint64_t id = engine.Generate(request, {.client = 77});
  EXPECT_TRUE(engine.Next(id)) << "Started";
  engine.Send(EngineFrame::kPause, id);
  return id;
}

TEST(Conversation, ACancelledAnswerGivesOneFailureAndOthersGoOn) {
  WEIR_ENGINE_OR_SKIP(engine, SmallSettings(StoriesPath()));
  const std::string alone = engine.Run(Endless(kOnce, 60)).text();
  const uint64_t leaving = Held(engine);
  const uint64_t staying = engine.Generate(Endless(kOnce, 60), {.tenant_salt = 4});
  engine.Send(EngineFrame::kCancel, leaving);
  engine.Send(EngineFrame::kCancel, leaving);
  const Story left = engine.Finish(leaving);
  ASSERT_TRUE(left.failure);
  EXPECT_EQ(left.failure->code, Code::kCancelled);
  EXPECT_EQ(engine.Finish(staying).text(), alone);
  const wire::EngineStats stats = engine.Stats();
  EXPECT_EQ(engine.waiting(leaving), 0u) << "nothing comes after the failure";
  EXPECT_EQ(stats.running, 0);
  EXPECT_EQ(stats.waiting, 0);
}

TEST(Conversation, ACancelEndsALongPromptInItsMiddle) {
  wire::EngineSettings settings = SmallSettings(RandomPath());
  settings.context_tokens = 4096;
  settings.batch_tokens = 32;
  WEIR_ENGINE_OR_SKIP(engine, settings);
  chat::GenerateRequest request = Endless("", 8);
  request.prompts = {{.tokens = std::vector<int32_t>(4000, 300)}};
  const uint64_t id = engine.Generate(request);
  ASSERT_TRUE(engine.Next(id));  // Started, with 125 steps to go
  engine.Send(EngineFrame::kCancel, id);
  const Story story = engine.Finish(id);
  ASSERT_TRUE(story.failure) << "it went on to its end";
  EXPECT_EQ(story.failure->code, Code::kCancelled);
  EXPECT_EQ(engine.Stats().running, 0);
}

// Two streams share every step, neither is paused.
TEST(Conversation, AStreamThatIsCancelledDisturbsNoneThatSharesItsSteps) {
  WEIR_ENGINE_OR_SKIP(engine, SmallSettings(StoriesPath()));
  const std::string alone = engine.Run(Endless(kOnce, 400)).text();
  const uint64_t leaving = engine.Generate(Endless(kLily, 480), {.tenant_salt = 3, .client = 1});
  const uint64_t staying = engine.Generate(Endless(kOnce, 400), {.tenant_salt = 4, .client = 2});
  for (const uint64_t id : {leaving, staying}) {
    for (int i = 0; i < 4; ++i) ASSERT_TRUE(engine.Next(id)) << "in the middle of its answer";
  }
  engine.Send(EngineFrame::kCancel, leaving);
  const Story left = engine.Finish(leaving);
  ASSERT_TRUE(left.failure) << "it went on to its end";
  EXPECT_EQ(left.failure->code, Code::kCancelled);
  const Story stayed = engine.Finish(staying);
  EXPECT_EQ(stayed.completion_tokens(), 400);
  EXPECT_TRUE(alone.ends_with(stayed.text())) << "what was taken above was its beginning";
}

// The step itself is ended, not waited for: the whole prompt is one.
TEST(Conversation, ACancelEndsAStepInItsMiddle) {
  wire::EngineSettings settings = SmallSettings(llama::testing::SmolPath());
  settings.context_tokens = 4096;
  settings.batch_tokens = 2048;
  settings.micro_batch_tokens = 2048;
  WEIR_ENGINE_OR_SKIP(engine, settings);
  chat::GenerateRequest request = Endless("", 1);
  request.prompts = {{.tokens = std::vector<int32_t>(2000, 300)}};
  const auto start = std::chrono::steady_clock::now();
  const uint64_t whole = engine.Generate(request);
  ASSERT_FALSE(engine.Finish(whole).failure);
  const auto took = std::chrono::steady_clock::now() - start;
  request.prompts = {{.tokens = std::vector<int32_t>(2000, 400)}};
  const uint64_t id = engine.Generate(request);
  ASSERT_TRUE(engine.Next(id)) << "Started: its step follows at once";
  const auto cancelled = std::chrono::steady_clock::now();
  engine.Send(EngineFrame::kCancel, id);
  const Story story = engine.Finish(id);
  const auto until_failure = std::chrono::steady_clock::now() - cancelled;
  ASSERT_TRUE(story.failure) << "it went on to its end";
  EXPECT_LT(until_failure, took / 5) << "well before the step would have ended";
  EXPECT_EQ(engine.Stats().running, 0);
}

TEST(Conversation, ACancelOfTwoPromptsWithForksEndsThemAll) {
  WEIR_ENGINE_OR_SKIP(engine, SmallSettings(StoriesPath()));
  chat::GenerateRequest request = Endless(kOnce, 400);
  request.prompts.push_back({.text = kLily});
  request.n = 3;
  const uint64_t id = Held(engine, request);
  engine.Send(EngineFrame::kCancel, id);
  EXPECT_EQ(engine.Finish(id).failure->code, Code::kCancelled);
  const wire::EngineStats stats = engine.Stats();
  EXPECT_EQ(stats.running + stats.waiting, 0);
  EXPECT_EQ(engine.Run(Endless(kOnce, 5)).completion_tokens(), 5);
}

TEST(Conversation, ACancelBeforeTheStartIsOneFailure) {
  WEIR_ENGINE_OR_SKIP(engine, SmallSettings(StoriesPath()));
  // In one write, so that the engine may find both before it starts.
  std::string bytes;
  constexpr uint64_t kCount = 20;
  for (uint64_t id = 1; id <= kCount; ++id) {
    const wire::Generate body{{.client = id}, Endless(kOnce, 400)};
    bytes +=
        wire::EncodeFrame(static_cast<uint16_t>(EngineFrame::kGenerate), id, wire::Encode(body));
    bytes += wire::EncodeFrame(static_cast<uint16_t>(EngineFrame::kCancel), id, "");
  }
  bytes += wire::EncodeFrame(static_cast<uint16_t>(EngineFrame::kQueryStats), kCount + 1, "");
  engine.SendBytes(bytes);
  ASSERT_TRUE(engine.Next(kCount + 1));
  for (uint64_t id = 1; id <= kCount; ++id) {
    const Story story = engine.Finish(id);
    ASSERT_TRUE(story.failure);
    EXPECT_EQ(story.failure->code, Code::kCancelled);
    EXPECT_EQ(engine.waiting(id), 0u);
  }
}

TEST(Conversation, ACancelOfWhatEndedOrNeverWasIsIgnored) {
  WEIR_ENGINE_OR_SKIP(engine, SmallSettings(StoriesPath()));
  const uint64_t id = engine.Generate(Endless(kOnce, 3));
  ASSERT_TRUE(engine.Finish(id).done);
  for (const uint64_t gone : {id, uint64_t{0}, uint64_t{1} << 60}) {
    engine.Send(EngineFrame::kCancel, gone);
    engine.Send(EngineFrame::kPause, gone);
    engine.Send(EngineFrame::kResume, gone);
  }
  engine.Stats();
  EXPECT_EQ(engine.waiting(id), 0u);
}

TEST(Conversation, APauseHoldsThatAnswerAlone) {
  WEIR_ENGINE_OR_SKIP(engine, SmallSettings(StoriesPath()));
  const std::string alone = engine.Run(Endless(kLily, 100)).text();
  const std::string other = engine.Run(Endless(kOnce, 50)).text();
  const uint64_t paused = engine.Generate(Endless(kLily, 100), {.tenant_salt = 3, .client = 1});
  engine.Send(EngineFrame::kPause, paused);
  engine.Stats();
  const size_t arrived = engine.waiting(paused);
  const uint64_t running = engine.Generate(Endless(kOnce, 50), {.tenant_salt = 4, .client = 2});
  EXPECT_EQ(engine.Finish(running).text(), other);
  engine.Stats();
  // The prompt of a paused request goes on, up to its first token.
  EXPECT_LE(engine.waiting(paused), std::max(arrived, size_t{2}));
  const size_t held = engine.waiting(paused);
  ASSERT_TRUE(engine.Run(Endless(kOnce, 50)).done);
  engine.Stats();
  EXPECT_EQ(engine.waiting(paused), held);
  engine.Send(EngineFrame::kResume, paused);
  EXPECT_EQ(engine.Finish(paused).text(), alone);
}

TEST(Conversation, APauseBeforeTheFirstStepHoldsThatRequestAlone) {
  wire::EngineSettings settings = SmallSettings(StoriesPath());
  settings.sequences = 1;
  WEIR_ENGINE_OR_SKIP(engine, settings);
  const std::string alone = engine.Run(Endless(kOnce, 20)).text();
  const uint64_t running = engine.Generate(Endless(kLily, 300), {.client = 1});
  ASSERT_TRUE(engine.Next(running));
  // Two wait for the only place; the first of them is paused, and must not stand in the way.
  const uint64_t paused = engine.Generate(Endless(kOnce, 20), {.client = 2});
  engine.Send(EngineFrame::kPause, paused);
  const uint64_t behind = engine.Generate(Endless(kOnce, 20), {.client = 3});
  engine.Send(EngineFrame::kCancel, running);
  EXPECT_EQ(engine.Finish(running).failure->code, Code::kCancelled);
  EXPECT_EQ(engine.Finish(behind).text(), alone);
  EXPECT_EQ(engine.Stats().waiting, 1);
  EXPECT_EQ(engine.waiting(paused), 0u) << "it did not start";
  engine.Send(EngineFrame::kResume, paused);
  EXPECT_EQ(engine.Finish(paused).text(), alone);
}

TEST(Conversation, ARequestPausedBeforeItsFirstStepCanBeCancelled) {
  wire::EngineSettings settings = SmallSettings(StoriesPath());
  settings.sequences = 1;
  WEIR_ENGINE_OR_SKIP(engine, settings);
  const uint64_t running = Held(engine);
  const uint64_t paused = engine.Generate(Endless(kOnce, 20), {.client = 2});
  engine.Send(EngineFrame::kPause, paused);
  engine.Send(EngineFrame::kCancel, paused);
  EXPECT_EQ(engine.FailureOf(paused).code, Code::kCancelled);
  engine.Send(EngineFrame::kCancel, running);
  EXPECT_EQ(engine.Finish(running).failure->code, Code::kCancelled);
  const wire::EngineStats stats = engine.Stats();
  EXPECT_EQ(stats.waiting + stats.running, 0);
  EXPECT_EQ(engine.waiting(paused), 0u) << "one answer";
}

TEST(Conversation, StatsCountWhatWasDone) {
  WEIR_ENGINE_OR_SKIP(engine, SmallSettings(StoriesPath()));
  EXPECT_EQ(engine.Stats().requests, 0u);
  const Story story = engine.Run(Endless(kOnce, 10));
  const wire::EngineStats stats = engine.Stats();
  EXPECT_EQ(stats.requests, 1u);
  EXPECT_EQ(stats.prompt_tokens, static_cast<uint64_t>(story.prompt_tokens()));
  EXPECT_EQ(stats.generated_tokens, 10u);
  EXPECT_EQ(stats.cells, 2048);
  EXPECT_GT(stats.cells_used, 0) << "what was computed stays as cache";
  Held(engine);
  EXPECT_EQ(engine.Stats().running, 1);
}

TEST(Conversation, RequestsThatCameWithTheLoadAreNotLost) {
  const wire::EngineSettings settings = SmallSettings(StoriesPath());
  if (!std::filesystem::exists(settings.model_path)) GTEST_SKIP() << "no model file";
  Conversation engine;
  std::string bytes = wire::EncodeFrame(static_cast<uint16_t>(EngineFrame::kLoad), 0,
                                        wire::Encode(wire::LoadRequest{.settings = settings}));
  bytes += wire::EncodeFrame(static_cast<uint16_t>(EngineFrame::kGenerate), 1,
                             wire::Encode(wire::Generate{{}, Endless(kOnce, 5)}));
  engine.SendBytes(bytes);
  EXPECT_EQ(engine.Finish(1).completion_tokens(), 5);
}

TEST(Conversation, AGatewayThatClosesInTheMiddleEndsTheEngine) {
  WEIR_ENGINE_OR_SKIP(engine, SmallSettings(StoriesPath()));
  uint64_t last = 0;
  for (uint64_t i = 0; i < 16; ++i) last = engine.Generate(Endless(kOnce, 400), {.client = i});
  ASSERT_TRUE(engine.Next(last - 15));
  EXPECT_TRUE(engine.Close()) << "that is how conversations end";
}

TEST(Conversation, AGatewayThatClosesInsideAFrameBrokeTheProtocol) {
  WEIR_ENGINE_OR_SKIP(engine, SmallSettings(StoriesPath()));
  engine.SendBytes("\x10");
  const Result<void> ended = engine.Close();
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().code, Code::kBackendFailed);
}

TEST(Conversation, ABrokenFrameEndsTheEngineInTheMiddleOfAnswers) {
  WEIR_ENGINE_OR_SKIP(engine, SmallSettings(StoriesPath()));
  const uint64_t id = engine.Generate(Endless(kOnce, 400));
  ASSERT_TRUE(engine.Next(id));
  engine.Send(EngineFrame::kReady, 0);
  const Result<void> ended = engine.WaitForEnd();
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().code, Code::kBackendFailed);
}

TEST(Conversation, TheFirstFrameMustBeALoadOfThisProtocol) {
  {
    Conversation engine;
    engine.Send(EngineFrame::kQueryStats, 1);
    EXPECT_FALSE(engine.WaitForEnd());
  }
  {
    Conversation engine;
    engine.Send(EngineFrame::kLoad, 0, "nonsense");
    EXPECT_FALSE(engine.WaitForEnd());
  }
  {
    Conversation engine;
    const wire::LoadRequest other{.protocol = wire::kEngineProtocol + 1};
    engine.Send(EngineFrame::kLoad, 0, wire::Encode(other));
    const Result<void> ended = engine.WaitForEnd();
    ASSERT_FALSE(ended);
    EXPECT_THAT(ended.error().message, ::testing::HasSubstr("version"));
  }
  Conversation silent;
  EXPECT_TRUE(silent.Close()) << "a gateway may go before it asks for anything";
}

}  // namespace
}  // namespace weir::engine

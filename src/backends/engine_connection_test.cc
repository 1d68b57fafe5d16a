#include "backends/engine_connection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "async/deadline.h"
#include "async/run_for_test.h"
#include "backends/fake_engine.h"

namespace weir::backends {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using Kind = wire::EngineFrame;

// Everything until the end: the texts, and how it ended.
struct Heard {
  std::vector<std::string> texts = {};
  bool done = false;
  std::optional<Error> error = {};
};

Task<Heard> Listen(EventStream& stream) {
  Heard heard;
  while (!heard.done && !heard.error) {
    auto event = co_await stream.Next(seconds(10));
    if (!event) {
      heard.error = event.error();
    } else if (*event) {
      if (const auto* delta = std::get_if<chat::Delta>(&**event))
        heard.texts.push_back(delta->text);
      heard.done = std::holds_alternative<chat::Done>(**event);
    }
  }
  co_return heard;
}

class EngineConnectionTest : public testing::Test {
 protected:
  EngineConnectionTest() {
    auto pair = MakeStreamPair().value();
    engine_ = FakeEngine::Start(loop_.executor(), std::move(pair.theirs));
    connection_ = EngineConnection::Open(loop_.executor(), pair.ours.Release(), "m");
  }
  ~EngineConnectionTest() override {
    connection_->Close();
    engine_->Die();
    EXPECT_TRUE(loop_.RunFor(kTestPatience)) << "coroutines are left";
  }

  std::unique_ptr<EventStream> Generate(std::string text = "hi") {
    return connection_->Generate({}, {.model = "m", .prompts = {{.text = std::move(text)}}});
  }
  Heard Hear(EventStream& stream) { return RunForTest(loop_, Listen(stream)); }
  bool Until(const std::function<bool()>& holds) { return RunUntilTrue(loop_, holds); }
  // The engine says nothing of itself.
  void Silence() {
    engine_->on_frame = [](FakeEngine&, const wire::Frame&) {};
  }
  bool EngineGot(Kind kind, size_t count = 1) {
    return Until([&] { return engine_->Count(kind) >= count; });
  }

  Loop loop_;
  std::shared_ptr<FakeEngine> engine_;
  std::shared_ptr<EngineConnection> connection_;
};

TEST_F(EngineConnectionTest, LoadTellsWhatWasLoadedAndHowFarItIs) {
  engine_->on_frame = [](FakeEngine& engine, const wire::Frame& frame) {
    EXPECT_EQ(wire::Decode<wire::LoadRequest>(frame.body)->settings.context_tokens, 512);
    engine.Say(Kind::kLoading, 0, wire::Encode(wire::Loading{0.5}));
    engine.SayReady({.architecture = "llama"});
  };
  const auto info = RunForTest(loop_, connection_->Load({.context_tokens = 512}, kTestPatience));
  EXPECT_EQ(info.value().architecture, "llama");
  EXPECT_EQ(connection_->info().architecture, "llama");
  EXPECT_EQ(connection_->loading(), 0.5f);
}

TEST_F(EngineConnectionTest, AnEngineThatCannotLoadSaysWhy) {
  engine_->on_frame = [](FakeEngine& engine, const wire::Frame&) {
    engine.SayFailure(0, {Code::kUnprocessable, "no such architecture"});
  };
  const auto info = RunForTest(loop_, connection_->Load({}, kTestPatience));
  EXPECT_EQ(info.error().code, Code::kUnprocessable);
}

TEST_F(EngineConnectionTest, AnEngineThatDiesWhileLoadingIsABackendFailure) {
  engine_->on_frame = [](FakeEngine& engine, const wire::Frame&) { engine.Die(); };
  const auto info = RunForTest(loop_, connection_->Load({}, kTestPatience));
  EXPECT_EQ(info.error().code, Code::kBackendFailed);
}

TEST_F(EngineConnectionTest, EventsComeInOrder) {
  const auto stream = Generate();
  const Heard heard = Hear(*stream);
  EXPECT_THAT(heard.texts, ElementsAre("1", "2", "3", "4", "5"));
  EXPECT_TRUE(heard.done);
  EXPECT_EQ(connection_->open_requests(), 0u);
  EXPECT_EQ(engine_->Count(Kind::kCancel), 0u);
}

TEST_F(EngineConnectionTest, NextGivesNothingWhenItsPatienceIsOver) {
  Silence();
  const auto stream = Generate();
  const auto nothing = RunForTest(loop_, stream->Next(milliseconds(1)));
  EXPECT_FALSE(nothing.value().has_value());
  ASSERT_TRUE(EngineGot(Kind::kGenerate));
  engine_->SayText(1, "late");
  const auto event = RunForTest(loop_, stream->Next(seconds(10)));
  EXPECT_EQ(std::get<chat::Delta>(**event).text, "late");
}

TEST_F(EngineConnectionTest, APatienceOfZeroAsksWithoutWaiting) {
  const auto stream = Generate();
  EXPECT_FALSE(RunForTest(loop_, stream->Next(Duration::zero())).value().has_value());
  ASSERT_TRUE(EngineGot(Kind::kGenerate));
  ASSERT_TRUE(Until([&] { return connection_->open_requests() == 0; }));  // all of it is here
  int events = 0;
  while (RunForTest(loop_, stream->Next(Duration::zero())).value().has_value() && events < 8) {
    ++events;
  }
  EXPECT_EQ(events, 8);  // Started, five deltas, ChoiceDone, Done
}

TEST_F(EngineConnectionTest, RequestsThatRunTogetherGetTheirOwnEvents) {
  Silence();
  const auto a = Generate("a");
  const auto b = Generate("b");
  ASSERT_TRUE(EngineGot(Kind::kGenerate, 2));
  for (const char* text : {"1", "2"}) {
    engine_->SayText(2, std::string("b") + text);
    engine_->SayText(1, std::string("a") + text);
  }
  engine_->SayEnd(2);
  engine_->SayEnd(1);
  EXPECT_THAT(Hear(*a).texts, ElementsAre("a1", "a2"));
  EXPECT_THAT(Hear(*b).texts, ElementsAre("b1", "b2"));
}

TEST_F(EngineConnectionTest, DestroyingAStreamCancelsIt) {
  Silence();
  auto stream = Generate();
  ASSERT_TRUE(EngineGot(Kind::kGenerate));
  stream.reset();
  ASSERT_TRUE(EngineGot(Kind::kCancel));
  EXPECT_EQ(engine_->Last(Kind::kCancel)->request, 1u);
  EXPECT_EQ(connection_->open_requests(), 0u);
}

TEST_F(EngineConnectionTest, AStreamThatWasReadToItsEndIsNotCancelled) {
  auto stream = Generate();
  Hear(*stream);
  stream.reset();
  auto next = Generate();
  Hear(*next);
  EXPECT_EQ(engine_->Count(Kind::kCancel), 0u);
}

TEST_F(EngineConnectionTest, TheOtherQuestionsAreAnswered) {
  const chat::EmbedRequest embed{.inputs = {{.text = "a"}, {.text = "b"}}};
  EXPECT_EQ(RunForTest(loop_, connection_->Embed({}, embed)).value().vectors.size(), 2u);
  const chat::ScoreRequest score{.continuations = {"yes"}};
  EXPECT_EQ(RunForTest(loop_, connection_->Score({}, score)).value().continuations.size(), 1u);
  EXPECT_EQ(RunForTest(loop_, connection_->Tokenize({.text = "a"})).value().tokens.size(), 3u);
  EXPECT_EQ(RunForTest(loop_, connection_->Detokenize({{1}})).value().text, "one two three");
  EXPECT_EQ(RunForTest(loop_, connection_->QueryStats()).value().running, 7);
  EXPECT_EQ(engine_->Count(Kind::kCancel), 0u);
}

TEST_F(EngineConnectionTest, FiguresThatComeAfterTheDeadlineAreKept) {
  engine_->on_frame = [](FakeEngine& engine, const wire::Frame& frame) {
    if (FakeEngine::Is(frame, Kind::kCancel)) {
      engine.Say(Kind::kStats, frame.request, wire::Encode(wire::EngineStats{.running = 7}));
    }
  };
  const auto deadline = SystemClock().Now() + milliseconds(1);
  EXPECT_FALSE(RunForTest(loop_, WithDeadline(deadline, connection_->QueryStats())));
  EXPECT_TRUE(Until([&] { return connection_->stats().running == 7; }));
}

TEST_F(EngineConnectionTest, WhoStopsWaitingForAnAnswerCancelsTheQuestion) {
  Silence();
  const auto deadline = SystemClock().Now() + milliseconds(1);
  const auto stats = RunForTest(loop_, WithDeadline(deadline, connection_->QueryStats()));
  EXPECT_EQ(stats.error().code, Code::kDeadlineExceeded);
  EXPECT_TRUE(EngineGot(Kind::kCancel));
}

TEST_F(EngineConnectionTest, AnAnswerOfTheWrongKindIsABackendFailure) {
  engine_->on_frame = [](FakeEngine& engine, const wire::Frame& frame) {
    engine.Say(Kind::kText, frame.request, wire::Encode(wire::Text{"?"}));
  };
  EXPECT_EQ(RunForTest(loop_, connection_->QueryStats()).error().code, Code::kBackendFailed);
  const auto stream = Generate();
  EXPECT_EQ(Hear(*stream).error->code, Code::kBackendFailed);
}

// However it ends, everybody who waits is told at once, and what had arrived is still given.
struct Ending {
  const char* name;
  std::function<void(FakeEngine&)> end;
};
class EngineEnds : public EngineConnectionTest, public testing::WithParamInterface<Ending> {};

TEST_P(EngineEnds, EveryOpenRequestFailsAndTheEngineIsGone) {
  Silence();
  const auto a = Generate();
  const auto b = Generate();
  ASSERT_TRUE(EngineGot(Kind::kGenerate, 2));
  engine_->SayText(1, "first");
  GetParam().end(*engine_);
  const Heard heard = Hear(*a);
  EXPECT_THAT(heard.texts, ElementsAre("first"));
  ASSERT_TRUE(heard.error.has_value());
  EXPECT_EQ(heard.error->code, Code::kBackendFailed);
  EXPECT_EQ(Hear(*b).error->code, Code::kBackendFailed);
  EXPECT_TRUE(connection_->Gone().is_set());
  EXPECT_EQ(connection_->open_requests(), 0u);
  const auto later = Generate();
  EXPECT_EQ(Hear(*later).error->code, Code::kBackendFailed);
  EXPECT_EQ(RunForTest(loop_, connection_->QueryStats()).error().code, Code::kBackendFailed);
}

INSTANTIATE_TEST_SUITE_P(
    All, EngineEnds,
    testing::Values(Ending{"EndOfStream", [](FakeEngine& engine) { engine.Die(); }},
                    Ending{"InsideAFrame",
                           [](FakeEngine& engine) {
                             engine.SayBytes(wire::EncodeFrame(66, 1, "half").substr(0, 18));
                             engine.Die();
                           }},
                    Ending{"Garbage",
                           [](FakeEngine& engine) { engine.SayBytes(std::string(64, '\xfe')); }},
                    Ending{"AnOversizedFrame",
                           [](FakeEngine& engine) {
                             std::string header = wire::EncodeFrame(66, 1, "");
                             header[3] = '\x7f';  // of the length
                             engine.SayBytes(header);
                           }}),
    [](const auto& info) { return std::string(info.param.name); });

class HungEngine : public EngineConnectionTest {
 protected:
  HungEngine() {
    connection_->Close();
    auto pair = MakeStreamPair().value();
    engine_ = FakeEngine::Start(loop_.executor(), std::move(pair.theirs));
    connection_ =
        EngineConnection::Open(loop_.executor(), pair.ours.Release(), "m", milliseconds(200));
  }
  void Load() { ASSERT_TRUE(RunForTest(loop_, connection_->Load({}, kTestPatience))); }
  // It answers what it is asked between steps, and comes to no end with its work.
  void Work() {
    engine_->on_frame = [](FakeEngine& engine, const wire::Frame& frame) {
      if (FakeEngine::Is(frame, Kind::kQueryStats)) engine.Behave(frame);
    };
  }
};

TEST_F(HungEngine, ItsRequestsFailWithinTheBound) {
  Load();
  Silence();
  const auto stream = Generate();
  const MonotonicTime start = SystemClock().Now();
  const Heard heard = Hear(*stream);
  const Duration took = SystemClock().Now() - start;
  EXPECT_EQ(heard.error->code, Code::kBackendFailed);
  EXPECT_THAT(heard.error->message, HasSubstr("did not come to the end of a step for 0.2 s"));
  EXPECT_TRUE(connection_->Gone().is_set());
  EXPECT_GE(took, milliseconds(200));
  EXPECT_GE(engine_->Count(Kind::kQueryStats), 1u) << "it was asked before it was given up";
}

TEST_F(HungEngine, OneThatComesToTheEndOfItsStepsMayWorkForLong) {
  Load();
  Work();
  const auto stream = Generate();
  ASSERT_TRUE(EngineGot(Kind::kQueryStats, 5));
  EXPECT_FALSE(connection_->Gone().is_set());
}

TEST_F(HungEngine, OneThatHasNothingToDoIsLeftAlone) {
  Load();
  Silence();
  loop_.RunFor(milliseconds(500));
  EXPECT_FALSE(connection_->Gone().is_set());
  EXPECT_EQ(engine_->Count(Kind::kQueryStats), 0u);
}

TEST_F(HungEngine, ACancelThatIsNotAnsweredIsAHangToo) {
  Load();
  Silence();
  Generate().reset();
  EXPECT_EQ(connection_->open_requests(), 0u);
  EXPECT_TRUE(Until([&] { return connection_->Gone().is_set(); }));
}

TEST_F(EngineConnectionTest, AnUndecodableEventFailsItsOwnRequestAlone) {
  Silence();
  const auto bad = Generate();
  const auto good = Generate();
  ASSERT_TRUE(EngineGot(Kind::kGenerate, 2));
  engine_->Say(Kind::kEvent, 1, "\x02garbage");
  engine_->SayText(2, "fine");
  engine_->SayEnd(2);
  EXPECT_EQ(Hear(*bad).error->code, Code::kBackendFailed);
  EXPECT_TRUE(Hear(*good).done);
  EXPECT_FALSE(connection_->Gone().is_set());
}

TEST_F(EngineConnectionTest, FramesForNobodyAreDropped) {
  Silence();
  engine_->SayText(99, "for nobody");
  auto stream = Generate();
  ASSERT_TRUE(EngineGot(Kind::kGenerate));
  engine_->SayEnd(1);
  engine_->SayText(1, "after the end");
  engine_->SayFailure(1, {Code::kInternal, "after the end"});
  const Heard heard = Hear(*stream);
  EXPECT_TRUE(heard.done);
  EXPECT_TRUE(heard.texts.empty());
  EXPECT_FALSE(connection_->Gone().is_set());
}

TEST_F(EngineConnectionTest, AFailureOfTheEngineArrivesAsItIsAfterTheEventsBeforeIt) {
  Silence();
  const auto stream = Generate();
  ASSERT_TRUE(EngineGot(Kind::kGenerate));
  engine_->SayText(1, "some");
  engine_->SayFailure(1, {Code::kUnprocessable, "bad grammar", "grammar", "grammar_invalid", 3});
  const Heard heard = Hear(*stream);
  EXPECT_THAT(heard.texts, ElementsAre("some"));
  EXPECT_EQ(heard.error->code, Code::kUnprocessable);
  EXPECT_EQ(heard.error->param, "grammar");
  EXPECT_EQ(heard.error->retry_after_s, 3);
}

TEST_F(EngineConnectionTest, ASlowReaderPausesItsOwnRequestAndResumesItWhenItHasCaughtUp) {
  Silence();
  const auto slow = Generate();
  const auto other = Generate();
  ASSERT_TRUE(EngineGot(Kind::kGenerate, 2));
  for (size_t i = 0; i < kStreamEventsMax; ++i) engine_->SayText(1, "x");
  ASSERT_TRUE(EngineGot(Kind::kPause));
  EXPECT_EQ(engine_->Last(Kind::kPause)->request, 1u);
  engine_->SayEnd(2);
  EXPECT_TRUE(Hear(*other).done);

  EXPECT_TRUE(RunForTest(loop_, slow->Next(seconds(10))).value().has_value());
  loop_.RunFor(milliseconds(1));
  EXPECT_EQ(engine_->Count(Kind::kResume), 0u);  // one event less is no room yet
  for (size_t i = 1; i < kStreamEventsMax; ++i) {
    ASSERT_TRUE(RunForTest(loop_, slow->Next(seconds(10))).value().has_value());
  }
  ASSERT_TRUE(EngineGot(Kind::kResume));
  EXPECT_EQ(engine_->Count(Kind::kPause), 1u);
  EXPECT_EQ(engine_->Count(Kind::kResume), 1u);
  engine_->SayEnd(1);
  EXPECT_TRUE(Hear(*slow).done);
}

TEST_F(EngineConnectionTest, AnEngineThatIgnoresThePauseIsDropped) {
  Silence();
  const auto stream = Generate();
  ASSERT_TRUE(EngineGot(Kind::kGenerate));
  for (size_t i = 0; i <= kStreamEventsBroken; ++i) engine_->SayText(1, "x");
  ASSERT_TRUE(Until([&] { return connection_->Gone().is_set(); }));
  const Heard heard = Hear(*stream);
  EXPECT_EQ(heard.error->code, Code::kBackendFailed);
  EXPECT_THAT(heard.error->message, HasSubstr(std::to_string(kStreamEventsBroken)));
  EXPECT_GE(engine_->Count(Kind::kPause), 1u);
}

TEST_F(EngineConnectionTest, AnEngineThatFillsTheMemoryWithFewLargeEventsIsDropped) {
  Silence();
  const auto a = Generate();
  const auto b = Generate();
  ASSERT_TRUE(EngineGot(Kind::kGenerate, 2));
  const std::string large(size_t{32} << 20, 'x');
  for (uint64_t i = 0; i < 9; ++i) engine_->SayText(1 + i % 2, large);
  ASSERT_TRUE(Until([&] { return connection_->Gone().is_set(); }));
}

TEST_F(EngineConnectionTest, WhatWasTakenOrLeftDoesNotCountAsHeld) {
  Silence();
  const std::string large(size_t{32} << 20, 'x');
  for (size_t i = 1; i <= 10; ++i) {
    const auto stream = Generate();
    ASSERT_TRUE(EngineGot(Kind::kGenerate, i));
    // Not i: on a slow machine the guard asks for signs of life in between, under ids of its own.
    const uint64_t id = engine_->Last(Kind::kGenerate)->request;
    engine_->SayText(id, large);
    // One half is read, the other half is left unread.
    if (i % 2 == 0) {
      ASSERT_TRUE(RunForTest(loop_, stream->Next(seconds(10))).value().has_value());
    }
    engine_->SayText(id, "y");
    engine_->SayEnd(id);
    ASSERT_TRUE(Until([&] { return connection_->open_requests() == 0; }));
  }
  EXPECT_FALSE(connection_->Gone().is_set());
}

TEST_F(EngineConnectionTest, ARequestOverTheFrameLimitIsRefusedAndTheOthersGoOn) {
  const auto stream = Generate(std::string(wire::kFrameBodyBytesMax, 'x'));
  const Heard heard = Hear(*stream);
  EXPECT_EQ(heard.error->code, Code::kTooLarge);
  EXPECT_THAT(heard.error->message, HasSubstr(std::to_string(wire::kFrameBodyBytesMax)));
  const auto small = Generate();
  EXPECT_TRUE(Hear(*small).done);
}

TEST_F(EngineConnectionTest, TooManyOpenRequestsAreToldToComeBack) {
  Silence();
  std::vector<std::unique_ptr<EventStream>> streams;
  for (size_t i = 0; i < wire::kRequestsOpenMax; ++i) streams.push_back(Generate());
  const auto refused = Generate();
  const Heard heard = Hear(*refused);
  EXPECT_EQ(heard.error->code, Code::kUnavailable);
  EXPECT_EQ(heard.error->reason, "queue_full");
  EXPECT_GT(heard.error->retry_after_s, 0);
  streams.pop_back();
  EXPECT_EQ(connection_->open_requests(), wire::kRequestsOpenMax - 1);
}

TEST_F(EngineConnectionTest, AnEngineThatDoesNotReadGetsNoEndlessQueue) {
  const std::string large(size_t{48} << 20, 'x');
  const auto a = Generate(large);
  const auto b = Generate(large);
  const auto c = Generate(large);  // nothing has run since: all of it is still here
  EXPECT_EQ(Hear(*c).error->reason, "queue_full");
  EXPECT_TRUE(Hear(*a).done);
  EXPECT_TRUE(Hear(*b).done);
  EXPECT_EQ(wire::Decode<wire::Generate>(engine_->frames[1].body)->request.prompts[0].text, large);
}

TEST_F(EngineConnectionTest, CloseTellsThoseWhoWaitThatTheModelWasStopped) {
  Silence();
  const auto stream = Generate();
  connection_->Close();
  const Heard heard = Hear(*stream);
  EXPECT_EQ(heard.error->code, Code::kUnavailable);
  EXPECT_EQ(heard.error->reason, "model_stopped");
  EXPECT_TRUE(Until([&] { return engine_->closed; }));
}

TEST_F(EngineConnectionTest, AnEngineThatAlwaysHasMoreToSayDoesNotKeepOthersFromTheThread) {
  engine_->on_frame = [](FakeEngine& engine, const wire::Frame& frame) {
    if (!FakeEngine::Is(frame, Kind::kGenerate)) return;
    for (int i = 0; i < 10'000; ++i) engine.SayText(frame.request, "x");
  };
  const auto stream = Generate();
  // The pause leaves while more is still arriving.
  ASSERT_TRUE(EngineGot(Kind::kPause));
  EXPECT_FALSE(connection_->Gone().is_set());
}

}  // namespace
}  // namespace weir::backends

#include "backends/engine_fleet.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "backends/fleet_for_test.h"

namespace weir::backends {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using Kind = wire::EngineFrame;

TEST_F(EngineFleetTest, AModelIsLoadedWhenItIsAskedForAndOnce) {
  EXPECT_EQ(starter_.starts, 0u);
  EXPECT_TRUE(Generate("m").has_value());
  EXPECT_TRUE(Generate("m").has_value());
  EXPECT_EQ(starter_.starts, 1u);
  EXPECT_THAT(starter_.files_of[1], ElementsAre("/m.gguf"));
  const auto load = wire::Decode<wire::LoadRequest>(starter_.engine(1).frames.at(0).body);
  EXPECT_EQ(load->settings.context_tokens, 64);
  EXPECT_EQ(load->settings.model_name, "m");
  EXPECT_EQ(load->settings.model_path, "/proc/self/fd/4");
}

TEST_F(EngineFleetTest, ManyWhoWaitShareOneLoad) {
  starter_.go_on.Reset();
  const auto a = Ask("m");
  const auto b = Ask("m");
  const auto c = Ask("m");
  ASSERT_TRUE(Until([&] { return starter_.starts == 1; }));
  Settle();
  EXPECT_FALSE(a->has_value());
  starter_.go_on.Set();
  ASSERT_TRUE(Until([&] { return a->has_value() && b->has_value() && c->has_value(); }));
  EXPECT_TRUE(a->value() && b->value() && c->value());
  EXPECT_EQ(starter_.starts, 1u);
}

TEST_F(EngineFleetTest, AnUnknownModelStartsNothing) {
  EXPECT_EQ(Generate("none").error().code, Code::kNotFound);
  EXPECT_EQ(starter_.starts, 0u);
}

TEST_F(EngineFleetTest, HowLongAModelWillTakeToBeThereIsKnownFromItsLastLoad) {
  EXPECT_EQ(fleet_->ResidenceOf("m").load, std::nullopt) << "it was never loaded";
  starter_.go_on.Reset();
  const auto asked = Ask("m");
  ASSERT_TRUE(Until([&] { return starter_.starts == 1; }));
  EXPECT_EQ(fleet_->ResidenceOf("m").load, std::nullopt);
  EXPECT_EQ(fleet_->ResidenceOf("m").open, 1u);
  clock_.Advance(seconds(3));
  starter_.go_on.Set();
  ASSERT_TRUE(Until([&] { return asked->has_value(); }));
  EXPECT_EQ(fleet_->ResidenceOf("m").load, Duration::zero());
  Hold("m");
  EXPECT_EQ(fleet_->ResidenceOf("m").open, 1u);
  streams_.clear();
  ASSERT_TRUE(fleet_->Stop("m"));
  EXPECT_EQ(fleet_->ResidenceOf("m").load, seconds(3));
  starter_.go_on.Reset();
  const auto again = Ask("m");
  ASSERT_TRUE(Until([&] { return starter_.starts == 2; }));
  clock_.Advance(seconds(1));
  EXPECT_EQ(fleet_->ResidenceOf("m").load, seconds(2)) << "what is left of it";
  EXPECT_EQ(fleet_->ResidenceOf("m").took, seconds(3)) << "the last time";
  clock_.Advance(seconds(9));
  EXPECT_EQ(fleet_->ResidenceOf("m").load, Duration::zero());
  starter_.go_on.Set();
  ASSERT_TRUE(Until([&] { return again->has_value(); }));
}

TEST_F(EngineFleetTest, EveryKindOfQuestionReachesTheEngine) {
  const chat::EmbedRequest embed{.inputs = {{.text = "a"}}};
  EXPECT_EQ(RunForTest(loop_, fleet_->Embed({}, "m", embed)).value().vectors.size(), 1u);
  const chat::ScoreRequest score{.continuations = {"a", "b"}};
  EXPECT_EQ(RunForTest(loop_, fleet_->Score({}, "m", score)).value().continuations.size(), 2u);
  EXPECT_EQ(RunForTest(loop_, fleet_->Tokenize("m", {.text = "a"})).value().tokens.size(), 3u);
  EXPECT_EQ(RunForTest(loop_, fleet_->Detokenize("m", {{1}})).value().text, "one two three");
}

TEST_F(EngineFleetTest, WhoWaitsForALoadThatFailsGetsItsError) {
  starter_.prepare = [](FakeEngine& engine) {
    engine.on_frame = [](FakeEngine& self, const wire::Frame&) {
      self.SayFailure(0, {Code::kUnprocessable, "not a model"});
    };
  };
  const auto a = Ask("m");
  const auto b = Ask("m");
  ASSERT_TRUE(Until([&] { return a->has_value() && b->has_value(); }));
  EXPECT_EQ(a->value().error().message, "not a model");
  EXPECT_EQ(b->value().error().message, "not a model");
  EXPECT_TRUE(starter_.stopped.empty());
  EXPECT_THAT(starter_.killed, ElementsAre(1u));  // for the launcher to count
  EXPECT_EQ(Status().at(0).state, EngineState::kFailed);
  EXPECT_EQ(Status().at(0).last_error, "not a model");
}

TEST_F(EngineFleetTest, ALoadThatHangsEndsForAllWhoWaitAndTheEngineIsKilled) {
  Build({.load_timeout = std::chrono::milliseconds(30)});
  starter_.prepare = [](FakeEngine& engine) { engine.on_frame = [](FakeEngine&, const auto&) {}; };
  const auto a = Ask("m");
  const auto b = Ask("m");
  ASSERT_TRUE(Until([&] { return a->has_value() && b->has_value(); }));
  for (const auto& answer : {a, b}) {
    EXPECT_EQ(answer->value().error().code, Code::kUnavailable);
    EXPECT_EQ(answer->value().error().reason, "load_timeout");
  }
  EXPECT_THAT(starter_.killed, ElementsAre(1u)) << "as one that failed, for the launcher to count";
  EXPECT_EQ(Status().at(0).state, EngineState::kFailed);
  starter_.prepare = {};
  clock_.Advance(seconds(1));
  EXPECT_TRUE(Generate("m").has_value());
}

TEST_F(EngineFleetTest, ALoadWithProgressMayTakeLongerThanTheLimit) {
  Build({.load_timeout = std::chrono::milliseconds(200)});
  starter_.prepare = [](FakeEngine& engine) { engine.on_frame = [](FakeEngine&, const auto&) {}; };
  const auto answer = Ask("m");
  ASSERT_TRUE(Until([&] { return starter_.engines.contains(1); }));
  FakeEngine& engine = starter_.engine(1);
  ASSERT_TRUE(Until([&] { return engine.Count(Kind::kLoad) == 1; }));
  const MonotonicTime start = SystemClock().Now();
  for (float told = 0.05f; SystemClock().Now() - start < std::chrono::milliseconds(500);) {
    engine.Say(Kind::kLoading, 0, wire::Encode(wire::Loading{told += 0.02f}));
    loop_.RunFor(std::chrono::milliseconds(20));
  }
  EXPECT_FALSE(answer->has_value());
  engine.SayReady();
  ASSERT_TRUE(Until([&] { return answer->has_value(); }));
  EXPECT_TRUE(answer->value().has_value());
}

TEST_F(EngineFleetTest, ALoadThatOnlyPretendsToGoOnHangs) {
  Build({.load_timeout = std::chrono::milliseconds(100)});
  starter_.prepare = [](FakeEngine& engine) { engine.on_frame = [](FakeEngine&, const auto&) {}; };
  const auto answer = Ask("m");
  ASSERT_TRUE(Until([&] { return starter_.engines.contains(1); }));
  FakeEngine& engine = starter_.engine(1);
  float told = 0;
  ASSERT_TRUE(Until([&] {
    if (!engine.closed) engine.Say(Kind::kLoading, 0, wire::Encode(wire::Loading{told += 1e-6f}));
    return answer->has_value();
  }));
  EXPECT_EQ(answer->value().error().reason, "load_timeout");
}

TEST_F(EngineFleetTest, AFailedLoadIsNotTriedAgainBeforeItsTime) {
  starter_.prepare = [](FakeEngine& engine) {
    engine.on_frame = [](FakeEngine& self, const wire::Frame&) {
      self.SayFailure(0, {Code::kUnavailable, "no memory", "", "", /*retry_after_s=*/30});
    };
  };
  EXPECT_FALSE(Generate("m").has_value());
  clock_.Advance(seconds(29));
  EXPECT_EQ(Generate("m").error().message, "no memory; it is tried again in 1 s");
  Preload("other");  // does not make it forget
  EXPECT_EQ(Generate("m").error().message, "no memory; it is tried again in 1 s");
  EXPECT_EQ(starter_.starts, 2u);
  starter_.prepare = {};
  clock_.Advance(seconds(1));
  EXPECT_TRUE(Generate("m").has_value());
}

TEST_F(EngineFleetTest, ALauncherThatRefusesIsALoadThatFailed) {
  starter_.refusal = Error{Code::kUnavailable, "it failed too often", "", "engine_refused", 60};
  const auto refused = Generate("m");
  EXPECT_EQ(refused.error().reason, "engine_refused");
  EXPECT_EQ(refused.error().retry_after_s, 60);
  clock_.Advance(seconds(59));
  Generate("m");
  EXPECT_EQ(starter_.starts, 1u);
}

TEST_F(EngineFleetTest, AnIdleModelGoesAfterItsTime) {
  Build({.keep_alive = minutes(5)});
  Preload("m");
  clock_.Advance(minutes(5) - seconds(1));
  Settle();
  EXPECT_THAT(Loaded(), ElementsAre("m"));
  clock_.Advance(seconds(1));
  ASSERT_TRUE(Until([&] { return !starter_.stopped.empty(); }));
  EXPECT_TRUE(Status().empty());
  EXPECT_TRUE(Until([&] { return starter_.engine(1).closed; }));
  EXPECT_TRUE(Generate("m").has_value());
  EXPECT_EQ(starter_.starts, 2u);
}

TEST_F(EngineFleetTest, ANegativeKeepAliveNeverUnloads) {
  Build({.keep_alive = Duration(-1)});
  Preload("m");
  clock_.Advance(hours(10'000));
  Settle();
  EXPECT_THAT(Loaded(), ElementsAre("m"));
  EXPECT_FALSE(Status().at(0).unloads_in.has_value());
}

TEST_F(EngineFleetTest, TheLastRequestSaysHowLongItsModelStays) {
  Preload("m");
  ASSERT_TRUE(Generate("m", 1000).has_value());
  clock_.Advance(seconds(1));
  EXPECT_TRUE(Until([&] { return !starter_.stopped.empty(); }));
  Preload("n", std::numeric_limits<int64_t>::max());  // bounded, and no overflow
  clock_.Advance(hours(24));
  Settle();
  EXPECT_THAT(Loaded(), ElementsAre("n"));
}

TEST_F(EngineFleetTest, AModelThatGoesAtOnceStillAnswersWhoWaitedForIt) {
  Build({.keep_alive = Duration::zero()});
  const auto a = Ask("m");
  const auto b = Ask("m");
  ASSERT_TRUE(Until([&] { return a->has_value() && b->has_value(); }));
  EXPECT_TRUE(a->value().has_value());
  EXPECT_TRUE(b->value().has_value());
  EXPECT_EQ(starter_.starts, 1u);
  EXPECT_TRUE(Until([&] { return !starter_.stopped.empty(); }));
}

TEST_F(EngineFleetTest, AModelInUseStays) {
  Build({.keep_alive = minutes(1)});
  Hold("m");
  clock_.Advance(hours(1));
  Settle();
  EXPECT_THAT(Loaded(), ElementsAre("m"));
  EXPECT_EQ(Status().at(0).open_requests, 1u);
  streams_.clear();  // the time begins now
  Settle();
  EXPECT_THAT(Loaded(), ElementsAre("m"));
  clock_.Advance(minutes(1));
  EXPECT_TRUE(Until([&] { return !starter_.stopped.empty(); }));
}

TEST_F(EngineFleetTest, StopEndsTheRequestsThatRun) {
  starter_.prepare = [](FakeEngine& engine) {
    engine.on_frame = [](FakeEngine& self, const wire::Frame& frame) {
      if (FakeEngine::Is(frame, Kind::kLoad)) self.SayReady();
    };
  };
  Hold("m");
  EXPECT_TRUE(fleet_->Stop("m").has_value());
  const auto event = RunForTest(loop_, streams_[0]->Next(seconds(10)));
  EXPECT_EQ(event.error().reason, "model_stopped");
  EXPECT_EQ(fleet_->Stop("m").error().code, Code::kNotFound);
  EXPECT_THAT(starter_.stopped, ElementsAre(1u));
}

TEST_F(EngineFleetTest, StopBeforeTheProcessIsThereEndsTheWaitAndLeavesNoEngine) {
  starter_.go_on.Reset();
  const auto asked = Ask("m");
  ASSERT_TRUE(Until([&] { return starter_.starts == 1; }));
  EXPECT_TRUE(fleet_->Stop("m").has_value());
  ASSERT_TRUE(Until([&] { return asked->has_value(); }));
  EXPECT_EQ(asked->value().error().reason, "model_stopped");
  starter_.go_on.Set();
  ASSERT_TRUE(Until([&] { return starter_.engines.size() == 1; }));
  EXPECT_TRUE(Until([&] { return starter_.engine(1).closed; }));
  EXPECT_TRUE(Status().empty());
}

TEST_F(EngineFleetTest, StopBeforeTheLoadBeganStartsNoEngine) {
  const auto asked = Ask("m");
  ASSERT_TRUE(Until([&] { return fleet_->Stop("m").has_value() || starter_.starts > 0; }));
  ASSERT_TRUE(Until([&] { return asked->has_value(); }));
  Settle();
  for (const auto& [id, engine] : starter_.engines) EXPECT_TRUE(engine->closed);
  EXPECT_TRUE(Loaded().empty() || asked->value().has_value());
}

TEST_F(EngineFleetTest, StopWhileItLoadsEndsTheWait) {
  starter_.prepare = [](FakeEngine& engine) {
    engine.on_frame = [](FakeEngine&, const wire::Frame&) {};
  };
  const auto asked = Ask("m");
  ASSERT_TRUE(Until([&] { return starter_.engines.size() == 1; }));
  ASSERT_TRUE(Until([&] { return starter_.engine(1).Count(Kind::kLoad) == 1; }));
  fleet_->StopAll();
  ASSERT_TRUE(Until([&] { return asked->has_value(); }));
  EXPECT_EQ(asked->value().error().code, Code::kUnavailable);
}

TEST_F(EngineFleetTest, AnotherModelTakesThePlaceOfTheOneUsedLongestAgo) {
  Build({.engines_max = 2});
  Preload("a");
  clock_.Advance(seconds(1));
  Preload("b");
  clock_.Advance(seconds(1));
  Preload("a");
  clock_.Advance(seconds(1));
  Preload("c");
  EXPECT_THAT(Loaded(), ElementsAre("a", "c"));
}

TEST_F(EngineFleetTest, WhenAllAreBusyThereIsNoPlaceAndAHintWhenToComeBack) {
  Build({.engines_max = 2});
  Hold("a");
  Hold("b");
  const auto refused = Generate("c");
  EXPECT_EQ(refused.error().code, Code::kUnavailable);
  EXPECT_EQ(refused.error().reason, "no_room_for_model");
  EXPECT_THAT(refused.error().message, HasSubstr("2 models"));
  EXPECT_GT(refused.error().retry_after_s, 0);
  clock_.Advance(seconds(40));
  EXPECT_EQ(Generate("c").error().retry_after_s, 40) << "as long again as they have been busy";
  EXPECT_THAT(Loaded(), ElementsAre("a", "b"));
  streams_.pop_back();
  EXPECT_TRUE(Generate("c").has_value());
}

TEST_F(EngineFleetTest, AModelThatIsWaitedForKeepsItsPlace) {
  Build({.engines_max = 1});
  starter_.go_on.Reset();
  const auto first = Ask("a");
  ASSERT_TRUE(Until([&] { return starter_.starts == 1; }));
  EXPECT_EQ(Generate("b").error().reason, "no_room_for_model");
  starter_.go_on.Set();
  ASSERT_TRUE(Until([&] { return first->has_value(); }));
  EXPECT_TRUE(first->value().has_value());
}

TEST_F(EngineFleetTest, AnEngineThatDiesFailsItsRequestsAndComesBackByItself) {
  Preload("m", -1);
  Hold("m");
  clock_.Advance(minutes(1));
  starter_.engine(1).Die();
  // What it had said may have arrived; then the error.
  Result<std::optional<chat::Event>> event = std::optional<chat::Event>();
  for (int i = 0; i < 10 && event; ++i) {
    event = RunForTest(loop_, streams_[0]->Next(seconds(10)));
    if (event && *event && std::holds_alternative<chat::Done>(**event)) break;
  }
  ASSERT_TRUE(Until([&] { return starter_.engines.size() == 2; }));
  EXPECT_TRUE(Generate("m").has_value());
  EXPECT_EQ(starter_.starts, 2u);
  EXPECT_FALSE(Status().at(0).unloads_in.has_value());  // stays for ever, as was asked
}

TEST_F(EngineFleetTest, AnEngineThatBrokeTheProtocolIsEndedToo) {
  Preload("m");
  starter_.engine(1).SayBytes(std::string(64, '\xfe'));
  ASSERT_TRUE(Until([&] { return starter_.starts == 2; }));
  EXPECT_THAT(starter_.killed, ElementsAre(1u));
  EXPECT_THAT(starter_.stopped, ElementsAre());
  EXPECT_TRUE(Generate("m").has_value());
}

// Says that it is ready, and then nothing.
void Mute(FakeEngine& engine) {
  engine.on_frame = [](FakeEngine& self, const wire::Frame& frame) {
    if (FakeEngine::Is(frame, Kind::kLoad)) self.SayReady();
  };
}

TEST_F(EngineFleetTest, AnEngineThatHangsFailsItsRequestsAndIsReplaced) {
  Build({.step_timeout = std::chrono::milliseconds(100)});
  starter_.prepare = Mute;
  Hold("m");
  starter_.prepare = {};
  const auto event = RunForTest(loop_, streams_[0]->Next(seconds(10)));
  ASSERT_FALSE(event);
  EXPECT_EQ(event.error().code, Code::kBackendFailed);
  EXPECT_THAT(event.error().message, HasSubstr("end of a step for 0.1 s"));
  EXPECT_TRUE(Until([&] { return starter_.starts == 2; }));
  EXPECT_THAT(starter_.killed, ElementsAre(1u));
  EXPECT_EQ(Status().at(0).restarts, 1u);
}

TEST_F(EngineFleetTest, AModelThatKeepsFailingIsHeldBackAndSaysSo) {
  starter_.failures_max = 3;
  Preload("m", -1);
  for (uint64_t id = 1; id <= 3; ++id) {
    starter_.engine(id).Die();
    ASSERT_TRUE(Until([&] { return starter_.engines.size() == id + 1; }));
    ASSERT_TRUE(Generate("m").has_value()) << "restart " << id;
  }
  starter_.engine(4).Die();
  ASSERT_TRUE(Until([&] { return Status().at(0).state == EngineState::kFailed; }));
  const EngineStatus line = Status().at(0);
  EXPECT_THAT(line.last_error, HasSubstr("failed 4 times lately, last: signal 9 (KILL)"));
  EXPECT_EQ(line.retry_in, seconds(4));
  EXPECT_EQ(line.restarts, 4u);
  clock_.Advance(seconds(1));
  const Error refused = Generate("m").error();
  EXPECT_EQ(refused.code, Code::kUnavailable);
  EXPECT_EQ(refused.reason, "engine_failed");
  EXPECT_EQ(refused.retry_after_s, 3);
  EXPECT_THAT(refused.message, HasSubstr("tried again in 3 s"));
  EXPECT_EQ(starter_.starts, 4u);
  clock_.Advance(seconds(3));
  EXPECT_TRUE(Generate("m").has_value());
  EXPECT_EQ(starter_.starts, 5u);
}

TEST_F(EngineFleetTest, ANewEngineWaitsForTheEndOfTheOldProcess) {
  const auto held = std::make_shared<std::vector<wire::EngineExited>>();
  starter_.on_exited = [held](const wire::EngineExited& exited) { held->push_back(exited); };
  Preload("m", -1);
  starter_.engine(1).Die();
  ASSERT_TRUE(Until([&] { return !held->empty(); }));
  const auto asked = Ask("m");
  Settle();
  EXPECT_EQ(starter_.starts, 1u);
  EXPECT_FALSE(asked->has_value());
  fleet_->OnEngineExited(held->at(0));
  ASSERT_TRUE(Until([&] { return asked->has_value(); }));
  EXPECT_TRUE(asked->value().has_value());
  EXPECT_EQ(starter_.starts, 2u);
}

TEST_F(EngineFleetTest, AnotherModelDoesNotNotice) {
  Preload("a", -1);
  Hold("b");
  starter_.engine(1).Die();
  ASSERT_TRUE(Until([&] { return starter_.starts == 3; }));
  EXPECT_TRUE(RunForTest(loop_, streams_[0]->Next(seconds(10))).has_value());
  EXPECT_THAT(starter_.killed, ElementsAre(1u));
}

TEST_F(EngineFleetTest, AModelThatIsStoppedWhileItIsReplacedIsNotLoaded) {
  starter_.on_exited = {};  // the old process takes its time
  Preload("m", -1);
  starter_.engine(1).Die();
  ASSERT_TRUE(Until([&] { return !starter_.killed.empty(); }));
  EXPECT_TRUE(fleet_->Stop("m").has_value());
  fleet_->OnEngineExited({.engine = 1, .how = "signal 9 (KILL)"});
  Settle();
  EXPECT_EQ(starter_.starts, 1u);
  EXPECT_TRUE(Status().empty());
}

TEST_F(EngineFleetTest, TheLaunchersWordThatAnEngineEndedIsABackendFailure) {
  starter_.prepare = [](FakeEngine& engine) {
    engine.on_frame = [](FakeEngine& self, const wire::Frame& frame) {
      if (FakeEngine::Is(frame, Kind::kLoad)) self.SayReady();
    };
  };
  Hold("m");
  clock_.Advance(minutes(1));
  fleet_->OnEngineExited({.engine = 1, .how = "signal 11 (SEGV)"});
  EXPECT_EQ(RunForTest(loop_, streams_[0]->Next(seconds(10))).error().code, Code::kBackendFailed);
  EXPECT_TRUE(Until([&] { return starter_.starts == 2; }));
}

TEST_F(EngineFleetTest, AnEngineThatDiesWheneverItIsReadyDoesNotKeepARequestForEver) {
  starter_.prepare = [](FakeEngine& engine) {
    engine.on_frame = [](FakeEngine& self, const wire::Frame&) {
      self.SayReady();
      self.Die();
    };
  };
  const auto asked = Ask("m");
  EXPECT_TRUE(Until([&] { return asked->has_value(); }));
  starter_.refusal = Error{Code::kUnavailable, "enough"};  // as the launcher ends it
  Settle();
}

TEST_F(EngineFleetTest, StatusTellsWhatTheEngineTells) {
  Build({.keep_alive = minutes(5)});
  Preload("m");
  clock_.Advance(minutes(1));
  const auto line = Status().at(0);
  EXPECT_EQ(line.model, "m");
  EXPECT_EQ(line.info.architecture, "fake");
  EXPECT_EQ(line.stats.running, 7);
  EXPECT_EQ(line.unloads_in, minutes(4));
  EXPECT_EQ(line.open_requests, 0u);
  clock_.Advance(hours(1));
  const auto later = Status();  // it is about to go, or has gone
  EXPECT_TRUE(later.empty() || later.at(0).unloads_in == Duration::zero());
}

TEST_F(EngineFleetTest, StatusDoesNotWaitForAnEngineThatHangs) {
  starter_.prepare = [](FakeEngine& engine) {
    engine.on_frame = [](FakeEngine& self, const wire::Frame& frame) {
      if (FakeEngine::Is(frame, Kind::kLoad)) self.SayReady();
    };
  };
  Preload("m");
  const MonotonicTime before = SystemClock().Now();
  EXPECT_EQ(Status().at(0).stats.running, 0);
  EXPECT_FALSE(Status().at(0).answers);
  EXPECT_LT(SystemClock().Now() - before, seconds(10));
}

TEST_F(EngineFleetTest, EnginesTellTenantsAndClientsApartAndLearnNoName) {
  Build({.salt = 42});
  const auto caller = [&](const chat::Principal& principal) {
    EXPECT_TRUE(Generate("m", {}, principal).has_value());
    EXPECT_TRUE(Until([&] { return starter_.engine(1).Count(Kind::kGenerate) > seen_; }));
    ++seen_;
    const std::string& body = starter_.engine(1).Last(Kind::kGenerate)->body;
    EXPECT_EQ(body.find("tenant-"), std::string::npos);
    return wire::Decode<wire::Generate>(body)->caller;
  };
  const auto a1 = caller({.key_id = "key_1", .tenant = "tenant-a"});
  const auto a2 = caller({.key_id = "key_2", .tenant = "tenant-a"});
  const auto b = caller({.key_id = "key_1", .tenant = "tenant-b"});
  EXPECT_EQ(a1.tenant_salt, a2.tenant_salt);
  EXPECT_NE(a1.client, a2.client);
  EXPECT_NE(a1.tenant_salt, b.tenant_salt);
  EXPECT_NE(a1.client, b.client);

  // Names within a key are clients of that key.
  const auto ann = caller({.key_id = "key_1", .tenant = "tenant-a", .user = "ann", .peer = "p:1"});
  const auto bob = caller({.key_id = "key_1", .tenant = "tenant-a", .user = "bob", .peer = "p:1"});
  EXPECT_EQ(ann.key, bob.key);
  EXPECT_EQ(ann.key, a1.key);
  EXPECT_NE(ann.client, bob.client);
  EXPECT_NE(ann.key, a2.key);
  // So are its connections, where it names nobody.
  const auto one = caller({.key_id = "key_1", .tenant = "tenant-a", .peer = "p:1"});
  const auto other = caller({.key_id = "key_1", .tenant = "tenant-a", .peer = "p:2"});
  EXPECT_EQ(one.key, other.key);
  EXPECT_NE(one.client, other.client);
  // Without a key each of them stands for itself; a name is the same one on any connection.
  const auto stranger = caller({.tenant = "tenant-a", .peer = "p:1"});
  const auto another = caller({.tenant = "tenant-a", .peer = "p:2"});
  EXPECT_NE(stranger.key, another.key);
  const auto here = caller({.tenant = "tenant-a", .user = "ann", .peer = "p:1"});
  const auto there = caller({.tenant = "tenant-a", .user = "ann", .peer = "p:2"});
  EXPECT_EQ(here.key, there.key);
  EXPECT_EQ(here.client, there.client);
  EXPECT_NE(here.key, ann.key);
}

TEST_F(EngineFleetTest, AStreamMayOutliveTheFleet) {
  Hold("m");
  fleet_->StopAll();
  Settle();
  fleet_.reset();
  streams_.clear();
}

}  // namespace
}  // namespace weir::backends

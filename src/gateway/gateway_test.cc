#include "gateway/gateway.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "async/run_for_test.h"
#include "backends/fake_backend.h"
#include "gateway/embed.h"
#include "gateway/generate.h"
#include "gateway/neighbours.h"

namespace weir::gateway {
namespace {

using backends::Says;
using backends::Silence;
using chat::Label;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

const Error kBroken{Code::kBackendFailed, "it broke", "", "backend_failed"};

class GatewayTest : public testing::Test {
 protected:
  GatewayTest() {
    policy_.targets = {
        {.name = "a", .model = "m-a", .embeds = true},
        {.name = "b", .model = "m-b", .embeds = true},
        {.name = "cloud", .model = "m-c", .tier = routing::Tier::kCloud, .ceiling = Label::kPublic},
        {.name = "va", .model = "m-a", .generates = false, .embeds = true},
        {.name = "vb", .model = "m-b", .generates = false, .embeds = true}};
    policy_.virtuals = {{.name = "auto", .targets = {"a", "b"}},
                        {.name = "one", .targets = {"a"}},
                        {.name = "far", .targets = {"cloud"}},
                        {.name = "vectors", .targets = {"va", "vb"}}};
    backend_.models["m-a"].steps = Says({"A"});
    backend_.models["m-b"].steps = Says({"B"});
    backend_.models["m-c"].steps = Says({"C"});
  }
  ~GatewayTest() override { EXPECT_EQ(backend_.live_streams, 0); }

  Result<std::unique_ptr<Generation>> Start(const std::string& model, const Asked& asked = {}) {
    return Generate(gateway_, asked, {.model = model, .prompts = {{.text = "hi"}}});
  }
  Result<std::optional<chat::Event>> Next(Generation& generation, Duration patience = seconds(10)) {
    return RunForTest(loop_, generation.Next(patience));
  }
  // The text until the end, or the error.
  Result<std::string> Hear(Generation& generation) {
    std::string text;
    for (;;) {
      const auto event = Next(generation);
      if (!event) return std::unexpected(event.error());
      if (!*event) continue;
      if (const auto* delta = std::get_if<chat::Delta>(&**event)) text += delta->text;
      if (std::holds_alternative<chat::Done>(**event)) return text;
    }
  }
  // "target:outcome" of each attempt.
  std::vector<std::string> Attempts(const std::string& id) {
    std::vector<std::string> lines;
    for (const auto& attempt : gateway_.decisions.Find(id)->attempts) {
      lines.push_back(attempt.target + ":" + attempt.outcome);
    }
    return lines;
  }
  std::vector<std::string> LastAttempts() {
    return Attempts(gateway_.decisions.records().front().id);
  }

  Loop loop_;
  backends::FakeBackend backend_;
  routing::Policy policy_;
  Gateway gateway_{.clock = SystemClock(), .engines = backend_, .policy = [this] {
                     return std::make_shared<const routing::Policy>(policy_);
                   }};
};

TEST_F(GatewayTest, TheFirstEligibleTargetAnswers) {
  const auto generation = Start("auto").value();
  EXPECT_TRUE(backend_.asked.empty());  // nothing happens before the first Next
  EXPECT_EQ(Hear(*generation), "A");
  EXPECT_THAT(backend_.asked, ElementsAre("m-a"));
  EXPECT_EQ(generation->target().name, "a");
  EXPECT_THAT(Attempts(generation->decision_id()), ElementsAre("a:served"));
}

TEST_F(GatewayTest, ATargetThatFailsBeforeItsFirstEventIsReplacedByTheNext) {
  backend_.models["m-a"].steps = {kBroken};
  const auto generation = Start("auto").value();
  EXPECT_EQ(Hear(*generation), "B");
  EXPECT_EQ(generation->target().name, "b");
  EXPECT_THAT(Attempts(generation->decision_id()), ElementsAre("a:backend_failed", "b:served"));
  EXPECT_EQ(backend_.live_streams, 1);  // the one that failed is gone
}

TEST_F(GatewayTest, WhoHasToLoadForLongComesAfterWhoIsThere) {
  chat::Done timed{.usage = {.prompt_tokens = 100, .cached_tokens = 0, .completion_tokens = 20},
                   .prompt_ms = 100,
                   .decode_ms = 400};
  for (const char* model : {"m-a", "m-b"}) {
    backend_.models[model].steps = {chat::Event(chat::Delta{.text = model}), chat::Event(timed)};
  }
  for (const char* name : {"a", "b"}) ASSERT_TRUE(Hear(*Start(name).value()));
  EXPECT_EQ(Hear(*Start("auto").value()), "m-a");
  backend_.models["m-a"].residence.load = seconds(4);
  const auto generation = Start("auto").value();
  EXPECT_EQ(generation->target().name, "b");
  EXPECT_THAT(generation->decision().explanation,
              Contains(HasSubstr("chosen: b, in 0.4 s; a would take 4.4 s")));
  const auto* record = gateway_.decisions.Find(generation->decision_id());
  EXPECT_EQ(record->considered[0].speed.load_ms, 4'000);
  EXPECT_EQ(record->considered[0].expected_ms, 4'400);
  EXPECT_EQ(record->considered[1].speed.decode_rate, 50'000);
}

TEST_F(GatewayTest, AConversationAndALoopOfToolsStayWithWhoAnswered) {
  using enum chat::Role;
  chat::GenerateRequest request{.model = "auto",
                                .messages = {{.role = kUser, .parts = {{.text = "Hi"}}}}};
  const auto ask = [&] {
    auto generation = Generate(gateway_, {}, request).value();
    EXPECT_TRUE(Hear(*generation));
    return generation;
  };
  backend_.models["m-a"].steps = {kBroken};
  EXPECT_EQ(ask()->target().name, "b");
  backend_.models["m-a"].steps = Says({"A"});
  request.messages.push_back({.role = kAssistant, .parts = {{.text = "B"}}});
  request.messages.push_back({.role = kUser, .parts = {{.text = "And now?"}}});
  const auto next = ask();
  EXPECT_EQ(next->target().name, "b");
  const auto* record = gateway_.decisions.Find(next->decision_id());
  EXPECT_EQ(record->facts->last_target, "b");
  EXPECT_EQ(record->considered[1].speed.cached_tokens, 3 + 1) << "of its prompt and its answer";
  // Its model is no longer in memory, and so its prefix is gone.
  backend_.models["m-b"].residence.load = seconds(1);
  EXPECT_EQ(ask()->target().name, "a");
  backend_.models["m-b"].residence.load = Duration::zero();
  request.messages.push_back({.role = kAssistant, .tool_calls = {{.id = "1", .name = "look"}}});
  request.messages.push_back({.role = kTool, .parts = {{.text = "there"}}});
  EXPECT_EQ(ask()->target().name, "a");
  request.messages.back().parts[0].text = "elsewhere";
  policy_.virtuals[0].targets = {"b", "a"};
  EXPECT_EQ(ask()->target().name, "a") << "the order of the route is another one now";
}

TEST_F(GatewayTest, NeighboursAreAskedOnlyOfAnIdleModelInMemoryAndNeverWaitedFor) {
  policy_.virtuals.push_back({.name = "asks",
                              .targets = {"a", "cloud"},
                              .goal = {.quality_min = 9'000},
                              .neighbours = true});
  policy_.virtuals.push_back({.name = "embedding", .targets = {"va"}});
  chat::GenerateRequest request{.model = "asks",
                                .messages = {{.parts = {{.text = "What is a weir?"}}}}};
  auto& model = backend_.models["m-a"];
  const auto look = [&](const std::string& name) {
    Asked asked{.label = Label::kPublic};
    request.model = name;
    RunForTest(loop_, LookForNeighbours(gateway_, asked, request));
    return asked;
  };
  model.residence = {};
  EXPECT_EQ(look("asks").no_place, "the embedding model is not loaded");
  model.residence = {.load = Duration::zero(), .open = 1};
  EXPECT_EQ(look("asks").no_place, "the embedding model is busy");
  model.residence.open = 0;
  model.load_time = seconds(30);
  EXPECT_EQ(look("asks").no_place, "the embedding model did not answer in time");
  model.load_time = {};
  EXPECT_FALSE(look("auto").place) << "no goal, no neighbours";
  backend_.asked.clear();
  const Asked found = look("asks");
  ASSERT_TRUE(found.place) << found.no_place;
  EXPECT_EQ(found.place->vector, (routing::RoundedVector{76, 102}));
  EXPECT_THAT(backend_.asked, ElementsAre("m-a"));

  const auto decided = [&](const Asked& asked) {
    const auto generation = Generate(gateway_, asked, request).value();
    auto record = *gateway_.decisions.Find(generation->decision_id());
    return record;
  };
  EXPECT_THAT(decided(found).explanation,
              Contains(HasSubstr("neighbours: abstain, nobody has a vote yet")));
  EXPECT_EQ(decided(found).place, found.place);
  std::vector<routing::Neighbour> voters;
  for (int i = 0; i < 6; ++i) voters.push_back({.id = std::to_string(i), .place = *found.place});
  gateway_.neighbours = std::make_shared<const routing::Neighbours>(voters);
  const auto record = decided(found);
  EXPECT_EQ(record.facts->vote, (routing::NeighbourVote{6, 0, 10'000}));
  EXPECT_THAT(record.explanation, Contains(HasSubstr("of 6 near questions 0 were answered right")));
  Asked secret = found;
  secret.label = Label::kSecret;
  EXPECT_FALSE(decided(secret).place) << "vectors are data about text";
}

TEST_F(GatewayTest, ATargetThatCannotBeLoadedIsReplacedToo) {
  backend_.models["m-a"].refusal = Error{Code::kUnavailable, "no room"};
  const auto generation = Start("auto").value();
  EXPECT_EQ(Hear(*generation), "B");
  EXPECT_THAT(Attempts(generation->decision_id()), ElementsAre("a:unavailable", "b:served"));
}

TEST_F(GatewayTest, EveryTargetGetsTheWholeRequest) {
  backend_.models["m-a"].steps = {kBroken};
  const auto generation = Start("auto").value();
  ASSERT_TRUE(Hear(*generation).has_value());
  ASSERT_EQ(backend_.requests.size(), 2u);
  EXPECT_EQ(backend_.requests[0], backend_.requests[1]);
  EXPECT_EQ(backend_.requests[1].prompts.at(0).text, "hi");
}

TEST_F(GatewayTest, WhenAllFailItSaysWhatWasTried) {
  backend_.models["m-a"].steps = {kBroken};
  backend_.models["m-b"].refusal = Error{Code::kUnavailable, "no room", "", "", 7};
  const auto generation = Start("auto").value();
  const auto heard = Hear(*generation);
  EXPECT_EQ(heard.error().code, Code::kUnavailable);
  EXPECT_THAT(heard.error().message, HasSubstr("tried: a (backend_failed), b (unavailable)"));
  EXPECT_EQ(heard.error().retry_after_s, 7);
  EXPECT_THAT(Attempts(generation->decision_id()),
              ElementsAre("a:backend_failed", "b:unavailable"));
}

TEST_F(GatewayTest, AnErrorOfTheRequestItselfIsNoReasonToAskAnother) {
  backend_.models["m-a"].refusal = Error{Code::kInvalidArgument, "bad grammar", "grammar"};
  const auto generation = Start("auto").value();
  EXPECT_EQ(Hear(*generation).error().param, "grammar");
  EXPECT_THAT(backend_.asked, ElementsAre("m-a"));
  EXPECT_THAT(Attempts(generation->decision_id()), ElementsAre("a:invalid_argument"));
}

TEST_F(GatewayTest, AfterTheFirstEventAFailureEndsTheAnswer) {
  backend_.models["m-a"].steps = {chat::Event(chat::Delta{.text = "half"}), kBroken};
  const auto generation = Start("auto").value();
  EXPECT_TRUE(Next(*generation).value().has_value());
  EXPECT_EQ(Next(*generation).error().code, Code::kBackendFailed);
  EXPECT_THAT(backend_.asked, ElementsAre("m-a"));
  EXPECT_THAT(Attempts(generation->decision_id()), ElementsAre("a:backend_failed"));
}

TEST_F(GatewayTest, PatienceThatEndsWhileAModelLoadsLosesNothing) {
  backend_.models["m-a"].load_time = milliseconds(20);
  const auto generation = Start("one").value();
  EXPECT_FALSE(Next(*generation, milliseconds(1)).value().has_value());
  EXPECT_EQ(Hear(*generation), "A");
  EXPECT_EQ(backend_.requests.at(0), backend_.requests.back());
  EXPECT_THAT(Attempts(generation->decision_id()), ElementsAre("a:served"));
}

TEST_F(GatewayTest, ADeadlineOfTheBackendsOwnIsAnErrorAndNoPatience) {
  backend_.models["m-a"].refusal = Error{Code::kDeadlineExceeded, "the provider was too slow"};
  const auto generation = Start("one").value();
  EXPECT_EQ(Next(*generation).error().message, "the provider was too slow");
}

TEST_F(GatewayTest, TheDeadlineOfTheRequestEndsIt) {
  backend_.models["m-a"].steps = {chat::Event(chat::Delta{.text = "half"}), Duration(seconds(30))};
  const auto generation = Start("auto", {.deadline = milliseconds(20)}).value();
  EXPECT_TRUE(Next(*generation).value().has_value());
  const MonotonicTime before = SystemClock().Now();
  const auto late = Next(*generation);
  EXPECT_EQ(late.error().code, Code::kDeadlineExceeded);
  EXPECT_EQ(late.error().param, "x-weir-deadline-ms");
  EXPECT_LT(SystemClock().Now() - before, seconds(10));
  EXPECT_EQ(backend_.live_streams, 0);  // the work is cancelled at once
  EXPECT_THAT(Attempts(generation->decision_id()), ElementsAre("a:deadline_exceeded"));
}

TEST_F(GatewayTest, TheDeadlineCountsWhileAModelLoads) {
  backend_.models["m-a"].load_time = seconds(30);
  const auto generation = Start("one", {.deadline = milliseconds(10)}).value();
  EXPECT_EQ(Next(*generation).error().code, Code::kDeadlineExceeded);
  EXPECT_THAT(Attempts(generation->decision_id()), ElementsAre("a:deadline_exceeded"));
}

TEST_F(GatewayTest, SilenceIsNoEnd) {
  backend_.models["m-a"].steps.push_front(Silence{});
  const auto generation = Start("one").value();
  EXPECT_FALSE(Next(*generation).value().has_value());
  EXPECT_EQ(Hear(*generation), "A");
}

TEST_F(GatewayTest, WithoutAnEligibleTargetTheFilterIsNamed) {
  const auto labelled = Start("far", {.label = Label::kSecret});
  EXPECT_EQ(labelled.error().reason, "label_exceeds_ceiling");
  EXPECT_EQ(
      Start("far", {.label = Label::kPublic, .tier_max = routing::Tier::kEdge}).error().reason,
      "policy_forbids");
  EXPECT_EQ(Start("nothing").error().reason, "model_not_found");
  EXPECT_TRUE(backend_.asked.empty());
  const auto& records = gateway_.decisions.records();
  ASSERT_EQ(records.size(), 2u) << "refusals are kept, but not what names nothing here";
  const DecisionRecord& first = records.back();
  EXPECT_EQ(first.refused, "label_exceeds_ceiling");
  EXPECT_TRUE(first.order.empty());
  ASSERT_EQ(first.considered.size(), 1u) << "replay needs to know how they were doing";
  EXPECT_EQ(first.considered[0].failed, routing::kLabelExceedsCeiling);
  EXPECT_THAT(first.explanation, Contains("cloud: passed over (label_exceeds_ceiling)"));
}

TEST_F(GatewayTest, TheLabelIsTheJoinOfTheKeysFloorAndWhatTheCallerSays) {
  const auto label = [&](Label floor, std::optional<Label> said) {
    const Asked asked{.principal = {.label_floor = floor}, .label = said};
    return LabelOf(gateway_, asked, "auto", {}, {}, {}).value().label;
  };
  EXPECT_EQ(label(Label::kPublic, std::nullopt), Label::kInternal);  // the default
  EXPECT_EQ(label(Label::kPublic, Label::kPublic), Label::kPublic);
  EXPECT_EQ(label(Label::kPersonal, Label::kPublic), Label::kPersonal);
  EXPECT_EQ(label(Label::kPersonal, std::nullopt), Label::kPersonal);
  EXPECT_EQ(label(Label::kPersonal, Label::kSecret), Label::kSecret);
}

TEST_F(GatewayTest, WhatTheDetectorsFindRaisesTheLabelAndNeverLowersIt) {
  const auto label = [&](const privacy::Scanned& scanned, const Asked& asked = {}) {
    return LabelOf(gateway_, asked, "auto", {}, {}, scanned).value();
  };
  const privacy::Scanned iban{.label = Label::kPersonal,
                              .why = {"label personal: detector iban at message 2"}};
  const Asked open{.label = Label::kPublic};
  EXPECT_EQ(label(iban, open).label, Label::kPersonal);
  EXPECT_THAT(label(iban, open).why, Contains("label personal: detector iban at message 2"));
  EXPECT_EQ(label(iban, {.label = Label::kSecret}).label, Label::kSecret);
  gateway_.default_label = Label::kSecret;
  EXPECT_EQ(label(iban).label, Label::kSecret) << "below the default, it changes nothing";
  const privacy::Scanned opaque{.unscanned = true, .unscanned_at = "message 1"};
  EXPECT_EQ(label(opaque, open).label, Label::kUnscanned);
  const Asked asserting{.principal = {.may_assert_label = true}, .label = Label::kPublic};
  EXPECT_EQ(label(opaque, asserting).label, Label::kPublic)
      << "a key may cover what cannot be read";
  EXPECT_EQ(label(iban, asserting).label, Label::kPersonal) << "and not what was found";
}

TEST_F(GatewayTest, AKeysFloorKeepsItsRequestsFromTheCloud) {
  const Asked asked{.principal = {.label_floor = Label::kPersonal}, .label = Label::kPublic};
  EXPECT_EQ(Start("far", asked).error().reason, "label_exceeds_ceiling");
  EXPECT_EQ(RunForTest(loop_, Score(gateway_, asked, {.model = "far", .continuations = {"x"}}))
                .error()
                .reason,
            "label_exceeds_ceiling");
}

TEST_F(GatewayTest, APolicyThatIsReplacedDoesNotTouchARequestThatRuns) {
  const auto generation = Start("auto").value();
  policy_ = {};
  EXPECT_EQ(Hear(*generation), "A");
  EXPECT_EQ(Start("auto").error().code, Code::kNotFound);
}

TEST_F(GatewayTest, DecisionsAreKeptNewestFirstAndBounded) {
  const std::string open = gateway_.decisions.Add({});
  std::string first;
  for (size_t i = 0; i < DecisionLog::kEndedMax + 1; ++i) {
    const std::string id = gateway_.decisions.Add({.key_id = std::to_string(i)});
    if (i == 0) first = id;
    EXPECT_TRUE(gateway_.decisions.End(id)->ended);
  }
  EXPECT_EQ(gateway_.decisions.records().size(), DecisionLog::kEndedMax + 1);
  EXPECT_EQ(gateway_.decisions.Find(first), nullptr);
  EXPECT_EQ(gateway_.decisions.records().front().key_id, std::to_string(DecisionLog::kEndedMax));
  EXPECT_FALSE(gateway_.decisions.Find(open)->ended) << "of a request that is under way";
}

TEST_F(GatewayTest, DecisionsThatNobodyEndsAreBoundedToo) {
  const std::string first = gateway_.decisions.Add({});
  gateway_.decisions.End(gateway_.decisions.Add({}));
  constexpr size_t kMax = DecisionLog::kOpenMax + DecisionLog::kEndedMax;
  for (size_t i = 0; i < 2 * kMax; ++i) gateway_.decisions.Add({});
  EXPECT_EQ(gateway_.decisions.Find(first), nullptr);
  EXPECT_EQ(gateway_.decisions.records().size(), kMax);
}

TEST_F(GatewayTest, ARequestIsRecordedHoweverManyEndBesideIt) {
  const auto generation = Start("auto").value();
  for (size_t i = 0; i < 2048; ++i) gateway_.decisions.End(gateway_.decisions.Add({}));
  EXPECT_EQ(Hear(*generation), "A");
  const auto* record = gateway_.decisions.Find(generation->decision_id());
  ASSERT_NE(record, nullptr);
  EXPECT_TRUE(record->served);
}

TEST_F(GatewayTest, ADecisionThatTheLogForgotDoesNotHurtItsRequest) {
  const auto generation = Start("auto").value();
  constexpr size_t kMax = DecisionLog::kOpenMax + DecisionLog::kEndedMax;
  for (size_t i = 0; i < 2 * kMax; ++i) gateway_.decisions.Add({});
  EXPECT_EQ(Hear(*generation), "A");
}

TEST_F(GatewayTest, AGenerationEndsWhenItsKeyIsNoLongerValid) {
  Error revoked{Code::kUnauthenticated, "revoked", "", "key_revoked"};
  bool valid = true;
  gateway_.still_valid = [&](const chat::Principal& principal) -> Result<void> {
    EXPECT_EQ(principal.key_id, "key_1");
    return valid ? Result<void>() : Fail(revoked);
  };
  backend_.models["m-a"].steps = Says({"one", "two", "three"});
  const auto generation = Start("auto", {.principal = {.key_id = "key_1"}}).value();
  ASSERT_TRUE(Next(*generation));
  EXPECT_EQ(backend_.live_streams, 1);
  valid = false;
  const auto event = Next(*generation);
  ASSERT_FALSE(event);
  EXPECT_EQ(event.error().reason, "key_revoked");
  EXPECT_EQ(backend_.live_streams, 0) << "the work is cancelled, and no other target is asked";
  EXPECT_THAT(Attempts(generation->decision_id()), ElementsAre("a:key_revoked"));
}

TEST_F(GatewayTest, WhoWaitsForAQuietTargetIsStoppedTooWhenTheKeyIsRevoked) {
  backend_.models["m-a"].steps = {backends::Step(Duration(seconds(30)))};
  int looks = 0;
  gateway_.still_valid = [&](const chat::Principal&) -> Result<void> {
    if (++looks < 2) return {};
    return Fail(Code::kUnauthenticated, "revoked", {}, "key_revoked");
  };
  const auto generation = Start("auto").value();
  const MonotonicTime start = SystemClock().Now();
  EXPECT_EQ(Next(*generation, seconds(20)).error().reason, "key_revoked");
  EXPECT_LT(SystemClock().Now() - start, seconds(10));
}

TEST_F(GatewayTest, EmbeddingsFallBackAsGenerationsDo) {
  backend_.models["m-a"].refusal = kBroken;
  const auto answered =
      RunForTest(loop_, Embed(gateway_, {.principal = {.key_id = "key_1"}},
                              {.model = "vectors", .inputs = {{.text = "x"}, {.text = "y"}}}));
  ASSERT_TRUE(answered.has_value());
  EXPECT_EQ(answered->target.name, "vb");
  EXPECT_EQ(answered->value.vectors.size(), 2u);
  EXPECT_EQ(backend_.principals.back().key_id, "key_1");
  EXPECT_THAT(Attempts(answered->decision_id), ElementsAre("va:backend_failed", "vb:served"));
}

TEST_F(GatewayTest, AnErrorOfTheRequestEndsAnEmbedding) {
  backend_.models["m-a"].refusal = Error{Code::kInvalidArgument, "too long"};
  const auto answered =
      RunForTest(loop_, Embed(gateway_, {}, {.model = "vectors", .inputs = {{.text = "x"}}}));
  EXPECT_EQ(answered.error().message, "too long");
  EXPECT_THAT(LastAttempts(), ElementsAre("va:invalid_argument"));
}

TEST_F(GatewayTest, OnlyTargetsThatEmbedAreAskedToEmbed) {
  const Asked asked{.label = Label::kPublic};
  EXPECT_EQ(RunForTest(loop_, Embed(gateway_, asked, {.model = "far", .inputs = {{.text = "x"}}}))
                .error()
                .reason,
            "wrong_task");
}

TEST_F(GatewayTest, ABackendThatForgetsAnInputFailed) {
  backend_.models["m-a"].answers_missing = 1;
  const auto vectors = RunForTest(
      loop_, Embed(gateway_, {}, {.model = "one", .inputs = {{.text = "x"}, {.text = "y"}}}));
  EXPECT_EQ(vectors.error().code, Code::kBackendFailed);
  const auto scores =
      RunForTest(loop_, Score(gateway_, {}, {.model = "one", .continuations = {"x", "y"}}));
  EXPECT_EQ(scores.error().code, Code::kBackendFailed);
}

TEST_F(GatewayTest, ADeadlineEndsAnEmbedding) {
  backend_.models["m-a"].load_time = seconds(30);
  const auto answered = RunForTest(loop_, Embed(gateway_, {.deadline = milliseconds(5)},
                                                {.model = "one", .inputs = {{.text = "x"}}}));
  EXPECT_EQ(answered.error().code, Code::kDeadlineExceeded);
}

TEST_F(GatewayTest, ScoresComeInTheOrderOfTheContinuations) {
  const auto answered =
      RunForTest(loop_, Score(gateway_, {}, {.model = "auto", .continuations = {"x", "y"}}));
  ASSERT_TRUE(answered.has_value());
  EXPECT_EQ(answered->value.continuations.at(0).logprob, -1.0);
  EXPECT_EQ(answered->value.continuations.at(1).logprob, -2.0);
  EXPECT_EQ(answered->target.name, "a");
}

TEST(FeaturesOf, CountsBytesAndSeesWhatIsNeeded) {
  const chat::GenerateRequest request{
      .messages = {{.parts = {{.text = "12345"},
                              {.kind = chat::Part::Kind::kImage, .data = "123"}}}},
      .suffix = "1",
      .tools = {{.name = "t", .description = "12", .parameters = "1234"}},
      .response_format = {.kind = chat::ResponseFormat::Kind::kJsonSchema}};
  const auto features = routing::FeaturesOf(request);
  EXPECT_EQ(features.prompt_bytes, 5 + 3 + 1 + 2 + 4);
  EXPECT_TRUE(features.images);
  EXPECT_FALSE(features.audio);
  EXPECT_TRUE(features.tools);
  EXPECT_TRUE(features.json_schema);
}

TEST(FeaturesOf, ToolsThatMayNotBeCalledAreNotNeeded) {
  chat::GenerateRequest request{.tools = {{.name = "t"}}};
  request.tool_choice.mode = chat::ToolChoice::Mode::kNone;
  EXPECT_FALSE(routing::FeaturesOf(request).tools);
}

}  // namespace
}  // namespace weir::gateway

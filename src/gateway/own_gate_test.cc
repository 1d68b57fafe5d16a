#include "gateway/own_gate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <deque>

#include "async/run_for_test.h"
#include "backends/fake_backend.h"
#include "gateway/fake_accounts.h"
#include "gateway/generate.h"
#include "gateway/hear_for_test.h"

namespace weir::gateway {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::string_view kSum = "Ana has 2 lamps and buys 3 more. How many has she?";

// The lead of the likeliest token: 10 % right at none, 90 % at a whole one; the larger model is
// right in 60 %. After 8 tokens and after 32; of a whole draft for code alone.
const char* const kCalibrated = R"({"version":1,"pairs":[
  {"draft_model":"m-a","larger_model":"m-b",
   "draft_sha256":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
   "larger_sha256":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
   "kind":"math","check_pays":false,"tasks":9,"draft_right":9000,"larger_right":6000,
   "points":[{"likelihood_milli":-2000,"draft_right":1000,"larger_right":6000},{"likelihood_milli":0,"draft_right":9500,"larger_right":6000}],
   "gates":[
    {"after_tokens":8,"signal":"margin_mean","auroc":{"middle":8000,"low":7000,"high":9000},"pays":true,
     "points":[{"value_milli":0,"draft_right":1000,"larger_right":6000},{"value_milli":1000,"draft_right":9000,"larger_right":6000}]},
    {"after_tokens":32,"signal":"margin_mean","auroc":{"middle":8000,"low":7000,"high":9000},"pays":true,
     "points":[{"value_milli":0,"draft_right":1000,"larger_right":6000},{"value_milli":1000,"draft_right":9000,"larger_right":6000}]}]},
  {"draft_model":"m-a","larger_model":"m-b",
   "draft_sha256":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
   "larger_sha256":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
   "kind":"code","check_pays":false,"tasks":9,"draft_right":9000,"larger_right":6000,
   "points":[{"likelihood_milli":-2000,"draft_right":1000,"larger_right":6000},{"likelihood_milli":0,"draft_right":9500,"larger_right":6000}],
   "gates":[
    {"after_tokens":0,"signal":"margin_min","auroc":{"middle":8000,"low":7000,"high":9000},"pays":true,
     "points":[{"value_milli":0,"draft_right":1000,"larger_right":6000},{"value_milli":1000,"draft_right":9000,"larger_right":6000}]}]}]})";

chat::Event Token(const std::string& text, float lead) {
  const float second = std::log((1 - lead) / 2 + 1e-6f);
  const float first = std::log((1 + lead) / 2);
  return chat::Delta{
      .text = text,
      .logprobs = {{.bytes = text, .logprob = first, .top = {{text, first}, {"?", second}}}}};
}

// An answer of `sure` sure tokens, and then `doubtful` doubtful ones.
std::deque<backends::Step> Story(int sure, int doubtful) {
  std::deque<backends::Step> steps = {chat::Event(chat::Started{.prompt_tokens = 3})};
  for (int i = 0; i < sure; ++i) steps.push_back(Token("s", 1));
  for (int i = 0; i < doubtful; ++i) steps.push_back(Token("d", 0));
  steps.push_back(chat::Event(chat::ChoiceDone{}));
  steps.push_back(
      chat::Event(chat::Done{.usage = {.prompt_tokens = 3, .completion_tokens = sure + doubtful}}));
  return steps;
}

class OwnGateTest : public testing::Test {
 protected:
  OwnGateTest() {
    policy_.targets = {{.name = "a", .model = "m-a", .file_sha256 = std::string(64, 'a')},
                       {.name = "b", .model = "m-b", .file_sha256 = std::string(64, 'b')}};
    policy_.virtuals = {{.name = "auto", .targets = {"a", "b"}}};
    backend_.models["m-b"].steps = backends::Says({"five"});
  }
  ~OwnGateTest() override { EXPECT_EQ(backend_.live_streams, 0); }

  std::unique_ptr<Generation> Start(std::string_view text = kSum, const Asked& asked = {}) {
    chat::GenerateRequest request{.model = "auto"};
    request.messages.push_back({.role = chat::Role::kUser, .parts = {{.text = std::string(text)}}});
    return std::move(Generate(gateway_, asked, std::move(request)).value());
  }
  std::string Hear(Generation& generation) { return gateway::Hear(loop_, generation); }
  std::vector<std::string> Attempts(const Generation& generation) {
    std::vector<std::string> lines;
    for (const auto& attempt : gateway_.decisions.Find(generation.decision_id())->attempts) {
      lines.push_back(attempt.target + ":" + attempt.outcome);
    }
    return lines;
  }

  Loop loop_;
  backends::FakeBackend backend_;
  routing::Policy policy_;
  const std::shared_ptr<const routing::DraftCheck> known_ =
      std::make_shared<const routing::DraftCheck>(*routing::DraftCheck::Parse(kCalibrated));
  Gateway gateway_{.clock = SystemClock(),
                   .engines = backend_,
                   .policy = [this] { return std::make_shared<const routing::Policy>(policy_); },
                   .draft_check = known_};
};

TEST_F(OwnGateTest, AStreamThatBeginsSurelyGoesOnWhateverComesLater) {
  backend_.models["m-a"].steps = Story(32, 8);
  const auto generation = Start();
  EXPECT_EQ(Hear(*generation), std::string(32, 's') + std::string(8, 'd'));
  ASSERT_TRUE(generation->checked());
  EXPECT_EQ(generation->checked()->gate, routing::GateKind::kFirstTokens);
  EXPECT_NEAR(generation->checked()->verdict.confidence, 9'000, 10);
  EXPECT_EQ(generation->checked()->checker, "") << "nobody read it";
  EXPECT_THAT(generation->decision().explanation.back(),
              HasSubstr("first gate: looks at margin_mean"));
  EXPECT_THAT(Attempts(*generation), ElementsAre("a:served"));
  EXPECT_TRUE(backend_.requests.front().logprobs) << "of the engine";
}

TEST_F(OwnGateTest, OfAStreamThatBeginsDoubtfullyTheClientSeesNothing) {
  backend_.models["m-a"].steps = Story(0, 400);
  const auto generation = Start();
  EXPECT_EQ(Hear(*generation), "five");
  EXPECT_EQ(generation->target().name, "b");
  ASSERT_TRUE(generation->checked());
  EXPECT_FALSE(generation->checked()->verdict.accepted);
  EXPECT_THAT(Attempts(*generation), ElementsAre("a:draft_rejected", "b:served"));
  EXPECT_FALSE(backend_.requests.back().logprobs) << "the next one is asked as it was asked for";
  const auto* record = gateway_.decisions.Find(generation->decision_id());
  ASSERT_TRUE(record->checked && record->checked->own);
  EXPECT_EQ(record->checked->own->after_tokens, 32);
  EXPECT_EQ(record->checked->at_milli, 0);
}

TEST_F(OwnGateTest, AShortAnswerIsJudgedWhole) {
  backend_.models["m-a"].steps = Story(0, 3);
  EXPECT_EQ(Hear(*Start()), "five");
  backend_.models["m-a"].steps = Story(3, 0);
  EXPECT_EQ(Hear(*Start()), "sss");
}

TEST_F(OwnGateTest, AWholeDraftIsJudgedAtItsEndWhereItIsHeldBack) {
  backend_.models["m-a"].steps = Story(40, 1);
  const auto generation = Start("Fix ```x = 1```", {.whole = true});
  EXPECT_EQ(Hear(*generation), "five") << "one doubtful token";
  EXPECT_EQ(generation->checked()->gate, routing::GateKind::kWholeDraft);
  backend_.models["m-a"].steps = Story(41, 0);
  EXPECT_EQ(Hear(*Start("Fix ```x = 1```", {.whole = true})), std::string(41, 's'));
}

TEST_F(OwnGateTest, ARefusalIsNotAcceptedHoweverSureItsTokensAre) {
  std::deque<backends::Step> story = {chat::Event(chat::Started{.prompt_tokens = 3})};
  for (const char letter : std::string_view("I'm sorry, but I can't help with that sum of yours."))
    story.push_back(Token(std::string(1, letter), 1));
  story.push_back(chat::Event(chat::ChoiceDone{}));
  story.push_back(chat::Event(chat::Done{}));
  backend_.models["m-a"].steps = std::move(story);
  for (const Asked& asked : {Asked{}, Asked{.whole = true}}) {
    const auto generation = Start(asked.whole ? "Fix ```x = 1```" : kSum, asked);
    EXPECT_EQ(Hear(*generation), "five") << asked.whole;
    EXPECT_EQ(generation->checked()->fault, routing::DraftFault::kRefusal);
  }
}

TEST_F(OwnGateTest, ADraftThatWasCutOffIsWrittenOnceMoreWhenNobodyElseCanAnswer) {
  FakeAccounts accounts;
  gateway_.accounts = &accounts;
  backend_.models["m-a"].steps = Story(0, 40);
  backend_.models["m-b"].steps = {Error{Code::kBackendFailed, "it broke", "", "backend_failed"}};
  backend_.on_next = [this] {
    if (backend_.requests.size() == 2) backend_.models["m-a"].steps = backends::Says({"four"});
  };
  const auto generation = Start();
  EXPECT_EQ(Hear(*generation), "four");
  EXPECT_FALSE(backend_.requests.back().logprobs) << "nobody judges it any more";
  EXPECT_THAT(Attempts(*generation),
              ElementsAre("a:draft_rejected", "b:backend_failed", "a:served"));
  EXPECT_EQ(accounts.unsettled, 0);
}

TEST_F(OwnGateTest, WhenNobodyCanAnswerTheDraftIsNotWrittenForEver) {
  backend_.models["m-a"].steps = Story(0, 40);
  backend_.models["m-b"].steps = {Error{Code::kBackendFailed, "it broke", "", "backend_failed"}};
  backend_.on_next = [this] {
    if (backend_.requests.size() == 2) {
      backend_.models["m-a"].steps = {Error{Code::kBackendFailed, "it broke", "", ""}};
    }
  };
  EXPECT_THAT(Hear(*Start()), HasSubstr("error"));
  EXPECT_EQ(backend_.requests.size(), 3u);
}

TEST_F(OwnGateTest, TheUsersConfidenceDecides) {
  backend_.models["m-a"].steps = Story(20, 20);  // 62 % right after 32 tokens
  EXPECT_EQ(Hear(*Start()), std::string(20, 's') + std::string(20, 'd')) << "no gain";
  backend_.models["m-a"].steps = Story(16, 24);  // 50 %
  EXPECT_EQ(Hear(*Start()), "five");
  policy_.virtuals[0].confidence_min = 4'000;
  EXPECT_EQ(Hear(*Start()), std::string(16, 's') + std::string(24, 'd'));
}

// A stream whose events take their time, by a clock of the test's.
class SlowStream final : public backends::EventStream {
 public:
  SlowStream(FakeClock& clock, Duration pause) : clock_(clock), pause_(pause) {}
  Task<Result<std::optional<chat::Event>>> Next(Duration patience) override {
    if (patience < left_) {
      clock_.Advance(patience);
      left_ -= patience;
      co_return std::optional<chat::Event>();
    }
    clock_.Advance(left_);
    left_ = pause_;
    co_return std::optional(Token("d", 0));
  }

 private:
  FakeClock& clock_;
  const Duration pause_;
  Duration left_ = pause_;
};

class HoldBackTest : public testing::Test {
 protected:
  // What became of a stream with a token in each `pause`, and after how long.
  std::string Hear(Duration pause) {
    routing::CheckPlan plan{.gate = routing::GateKind::kFirstTokens,
                            .checker = {.name = "b", .model = "m-b"},
                            .calibration = known_->Find(std::string(64, 'a'), std::string(64, 'b'),
                                                        routing::TaskKind::kMath),
                            .confidence_min = 8'500};
    GatedDraft draft(clock_, plan, std::make_unique<SlowStream>(clock_, pause));
    const MonotonicTime begun = clock_.Now();
    for (;;) {
      auto event = RunForTest(loop_, draft.Next(std::chrono::milliseconds(400)));
      if (event && !*event) continue;
      waited_ = clock_.Now() - begun;
      notes_ = draft.TakeNotes();
      return event ? "released" : event.error().reason;
    }
  }

  Loop loop_;
  FakeClock clock_;
  const std::shared_ptr<const routing::DraftCheck> known_ =
      std::make_shared<const routing::DraftCheck>(*routing::DraftCheck::Parse(kCalibrated));
  Duration waited_ = {};
  std::vector<std::string> notes_ = {};
};

TEST_F(HoldBackTest, AfterThirtyTwoTokensTheGateSpeaks) {
  EXPECT_EQ(Hear(std::chrono::milliseconds(10)), "draft_rejected");
  EXPECT_EQ(waited_, std::chrono::milliseconds(320));
}

TEST_F(HoldBackTest, AfterAWhileItSpeaksByTheTokensThatAreThere) {
  EXPECT_EQ(Hear(std::chrono::milliseconds(100)), "draft_rejected");
  EXPECT_EQ(waited_, std::chrono::milliseconds(1'600)) << "1.5 s after the first token";
}

TEST_F(HoldBackTest, WithFewerTokensThanAnyGateNeedsTheStreamIsReleased) {
  EXPECT_EQ(Hear(std::chrono::milliseconds(700)), "released");
  EXPECT_EQ(waited_, std::chrono::milliseconds(2'200));
  EXPECT_THAT(notes_, ElementsAre("first gate: 3 tokens are not enough, not judged"));
}

}  // namespace
}  // namespace weir::gateway

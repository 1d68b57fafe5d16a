#include "backends/provider_fleet.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "async/run_for_test.h"
#include "async/spawn.h"
#include "backends/fake_door.h"
#include "backends/permits.h"
#include "backends/provider_errors.h"

namespace weir::backends {
namespace {

using testing::HasSubstr;

// A dialect of one line: the body is the last text; an answer is words that end in a full stop.
class PlainAnswer final : public chat::ProviderAnswer {
 public:
  Result<void> Head(int status, const chat::ProviderHeaders& headers) override {
    status_ = status;
    retry_after_s_ = chat::RetryAfterSeconds(headers);
    return {};
  }
  Result<void> Feed(std::string_view bytes, std::vector<chat::Event>& out) override {
    if (status_ != 200) return {};
    if (!std::exchange(started_, true)) out.emplace_back(chat::Started{});
    if (!bytes.empty()) out.emplace_back(chat::Delta{.text = std::string(bytes)});
    if (bytes.ends_with('.')) {
      done_ = true;
      out.emplace_back(chat::ChoiceDone{});
      out.emplace_back(chat::Done{});
    }
    return {};
  }
  Result<void> End(std::vector<chat::Event>&) override {
    const char* word = status_ == 500 ? "unreadable_output" : "";
    if (status_ != 200) return Fail(chat::ProviderStatusError(status_, retry_after_s_, word));
    if (!done_) return Fail(Code::kBackendFailed, "cut", "", "stream_cut");
    return {};
  }
  bool Finished() const override { return done_; }
  chat::Usage Reported() const override { return {}; }

 private:
  int status_ = 0;
  int retry_after_s_ = 0;
  bool started_ = false;
  bool done_ = false;
};

const chat::ProviderDialect kPlain = {
    .name = "plain",
    .write = [](const chat::GenerateRequest& request, const chat::ProviderModel&,
                const chat::Quirks&, bool stream) -> Result<chat::ProviderCall> {
      if (request.n > 1) {
        return Fail(Code::kUnprocessable, "one choice alone", "n", "not_supported_by_target");
      }
      return chat::ProviderCall{.path = stream ? "/say" : "/say-all",
                                .body = chat::TextOf(request.messages.back())};
    },
    .read = [](const chat::GenerateRequest&, const chat::ProviderCall&, const chat::Quirks&)
        -> std::unique_ptr<chat::ProviderAnswer> { return std::make_unique<PlainAnswer>(); },
    .write_embed = [](const chat::EmbedRequest& request, const chat::ProviderModel&,
                      const chat::Quirks&) -> Result<chat::ProviderCall> {
      return chat::ProviderCall{.path = "/embed", .body = request.inputs.front().text};
    },
    .read_embed = [](const chat::EmbedRequest&, std::string_view body) -> Result<chat::Embeddings> {
      if (body != "1 0") return Fail(Code::kBackendFailed, "no vector", "", "provider_malformed");
      return chat::Embeddings{.vectors = {{1, 0}}};
    }};

class ProviderFleetTest : public testing::Test {
 protected:
  ProviderFleetTest() {
    starter_.destinations = {{"cloud", {"https://a", "https://b"}, chat::Label::kInternal}};
    starter_.policy_hash = privacy::PolicyHash("p");
    starter_.prepare = [this](FakeDoor& door) { door.scripts = scripts_; };
    door_.Use({starter_.destinations, starter_.policy_hash});
    Use({});
  }
  ~ProviderFleetTest() override {
    door_.Use({});
    for (const auto& door : starter_.doors) door->Die();
    loop_.RunFor(std::chrono::milliseconds(300));
  }
  void Use(ProviderTarget target) {
    target.name = "big";
    target.backend = "cloud";
    target.dialect = &kPlain;
    fleet_.Use({target});
  }
  std::unique_ptr<EventStream> Ask(chat::Label label = chat::Label::kPublic, bool others = false,
                                   std::string text = "hi") {
    chat::GenerateRequest request;
    request.messages = {{.parts = {{.text = std::move(text)}}}};
    auto stream = fleet_.Generate(
        {.request_id = "dec", .target = "big", .label = label, .others_left = others}, request);
    EXPECT_TRUE(stream);
    return std::move(*stream);
  }
  // The text of the whole answer, or the reason why there is none.
  Task<std::string> Read(EventStream& stream) {
    std::string text;
    for (;;) {
      auto event = co_await stream.Next(std::chrono::seconds(10));
      if (!event) co_return text + "!" + event.error().reason;
      if (!*event) continue;
      if (const auto* delta = std::get_if<chat::Delta>(&**event)) text += delta->text;
      if (std::holds_alternative<chat::Done>(**event)) co_return text;
    }
  }
  std::string Answer(chat::Label label = chat::Label::kPublic, bool others = false) {
    const auto stream = Ask(label, others);
    std::string text = RunForTest(loop_, Read(*stream));
    notes_ = stream->TakeNotes();
    return text;
  }
  Result<chat::Embeddings> Embed(chat::Label label = chat::Label::kPublic,
                                 std::optional<int32_t> tokens_max = {}) {
    return RunForTest(
        loop_, fleet_.Embed({.request_id = "dec", .target = "big", .label = label},
                            {.inputs = {{.text = "hi"}}, .input_tokens_max = tokens_max}, notes_));
  }
  FakeDoor& door() { return *starter_.doors.back(); }

  Loop loop_;
  FakeDoorStarter starter_{loop_.executor()};
  std::deque<DoorScript> scripts_ = {};
  Door door_{loop_.executor(), SystemClock(), starter_};
  EdgeServers servers_{loop_.executor(), SystemClock()};
  ProviderFleet fleet_{loop_.executor(),
                       SystemClock(),
                       door_,
                       servers_,
                       {.backoff_first = std::chrono::milliseconds(1)}};
  std::vector<std::string> notes_ = {};
};

TEST_F(ProviderFleetTest, WhoWantsAWholeAnswerAsksForOneThatMayTakeItsTime) {
  scripts_ = {{.pieces = {"a."}}, {.pieces = {"b."}}, {.pieces = {"c."}}};
  Use({.timeouts = {.first_byte_ms = 1'000}, .whole_ms = 60'000});
  const auto asked = [this](bool whole, int32_t tokens) {
    const auto stream = fleet_.Generate(
        {.request_id = "dec", .target = "big", .label = chat::Label::kPublic, .whole = whole},
        {.messages = {{.parts = {{.text = "hi"}}}}, .max_tokens = tokens});
    EXPECT_THAT(RunForTest(loop_, Read(**stream)), testing::EndsWith("."));
    const wire::EgressCall& call = door().calls.back();
    return std::pair(call.path, call.timeouts.first_byte_ms);
  };
  EXPECT_EQ(asked(true, 21'333), std::pair(std::string("/say-all"), 60'000U));
  EXPECT_EQ(asked(true, 21'334), std::pair(std::string("/say"), 1'000U)) << "it may take too long";
  EXPECT_EQ(asked(false, 10), std::pair(std::string("/say"), 1'000U));
}

TEST_F(ProviderFleetTest, AnAnswerComesThroughTheDoorWithItsPermit) {
  scripts_ = {{.pieces = {"a", "b."}}};
  EXPECT_EQ(Answer(), "ab.");
  ASSERT_EQ(door().calls.size(), 1u);
  EXPECT_EQ(door().calls[0].body, "hi");
  EXPECT_EQ(door().calls[0].permit.label, chat::Label::kPublic);
}

TEST_F(ProviderFleetTest, NothingLeavesAboveTheCeiling) {
  EXPECT_EQ(Answer(chat::Label::kPersonal), "!label_exceeds_ceiling");
  EXPECT_TRUE(starter_.doors.empty() || door().calls.empty());
}

TEST_F(ProviderFleetTest, AnErrorStatusIsTriedAgainWithAPermitOfItsOwn) {
  scripts_ = {{.status = 503}, {.pieces = {"ok."}}};
  EXPECT_EQ(Answer(), "ok.");
  ASSERT_EQ(door().calls.size(), 2u);
  EXPECT_NE(door().calls[0].permit.serial, door().calls[1].permit.serial);
  EXPECT_THAT(notes_.at(0), HasSubstr("provider_overloaded"));
  EXPECT_EQ(fleet_.Status().at(0).retries, 1u);
}

TEST_F(ProviderFleetTest,
       ACallThatTheProviderDidNotTakeIsTriedAgainWithAPermitOfItsOwnAndCostsNothing) {
  const Error left{Code::kUnavailable, "x", "", "call_not_taken"};
  scripts_ = {{.failure = left, .before_head = true}, {.pieces = {"ok."}}};
  EXPECT_EQ(Answer(), "ok.");
  ASSERT_EQ(door().calls.size(), 2u);
  EXPECT_NE(door().calls[0].permit.serial, door().calls[1].permit.serial);
  EXPECT_FALSE(MayHaveCost(left));
}

// Until it is let go, the one worker does nothing else.
void Hold(WorkerPool& workers, const Executor& executor, std::promise<void>& let_go) {
  Spawn(executor, "holds the worker",
        [](WorkerPool& pool, std::shared_future<void> until) -> Task<void> {
          co_await pool.Run<int>([until] {
            until.wait();
            return Result<int>(0);
          });
        }(workers, let_go.get_future().share()));
}

// The one worker is held, so that a large call's permit waits; everybody else is served.
TEST_F(ProviderFleetTest, ALargeCallIsHashedBesideTheThreadThatServes) {
  WorkerPool workers(loop_.executor(), 1, 8);
  ProviderFleet fleet(loop_.executor(), SystemClock(), door_, servers_, {.workers = &workers});
  fleet.Use({{.name = "big", .backend = "cloud", .dialect = &kPlain}});
  scripts_ = {{.pieces = {"small."}}, {.pieces = {"large."}}};
  std::promise<void> let_go;
  Hold(workers, loop_.executor(), let_go);
  const auto ask = [&](std::string text) {
    chat::GenerateRequest request;
    request.messages = {{.parts = {{.text = std::move(text)}}}};
    return std::move(*fleet.Generate(
        {.request_id = "dec", .target = "big", .label = chat::Label::kPublic}, request));
  };
  const std::string sound(kHashedHereBytesMax + 1, 'x');
  const auto large = ask(sound);
  EXPECT_EQ(RunForTest(loop_, Read(*ask("hi"))), "small.");
  ASSERT_EQ(door().calls.size(), 1u);
  EXPECT_EQ(door().calls[0].body, "hi");
  let_go.set_value();
  EXPECT_EQ(RunForTest(loop_, Read(*large)), "large.");
  ASSERT_EQ(door().calls.size(), 2u);
  EXPECT_EQ(door().calls[1].body, sound);
}

TEST_F(ProviderFleetTest, OneWhoLeavesWhileHisLargeCallIsHashedTakesNothingAlong) {
  WorkerPool workers(loop_.executor(), 1, 8);
  ProviderFleet fleet(loop_.executor(), SystemClock(), door_, servers_, {.workers = &workers});
  fleet.Use({{.name = "big", .backend = "cloud", .dialect = &kPlain}});
  scripts_ = {{.pieces = {"next."}}};
  std::promise<void> let_go;
  Hold(workers, loop_.executor(), let_go);
  chat::GenerateRequest request;
  request.messages = {{.parts = {{.text = std::string(kHashedHereBytesMax + 1, 'x')}}}};
  const ProviderAsk by{.request_id = "dec", .target = "big", .label = chat::Label::kPublic};
  auto left = std::move(*fleet.Generate(by, request));
  loop_.RunFor(std::chrono::milliseconds(1));
  left.reset();
  let_go.set_value();
  const auto next = std::move(*fleet.Generate(by, request));
  EXPECT_EQ(RunForTest(loop_, Read(*next)), "next.");
}

TEST_F(ProviderFleetTest, AModelThatWritesNonsenseIsNoFailureOfItsServerAndIsNotAskedTwice) {
  constexpr int kAnswers = 2 * Breaker::kFailuresInRow;
  scripts_.assign(kAnswers, {.status = 500});
  for (int i = 0; i < kAnswers; ++i) EXPECT_EQ(Answer(), "!unreadable_output");
  EXPECT_EQ(door().calls.size(), size_t{kAnswers});
  EXPECT_EQ(fleet_.Status().at(0).breaker, Breaker::State::kClosed);
}

TEST_F(ProviderFleetTest, AServerThatStartsIsWaitedForAsLongAsAConnection) {
  scripts_ = {{.pieces = {"ok."}}};
  servers_.Use({{"cloud", 1}});
  Use({.timeouts = {.connect_ms = 20}});
  EXPECT_EQ(Answer(), "!server_starting");
  EXPECT_TRUE(starter_.doors.empty() || door().calls.empty());
  EXPECT_EQ(fleet_.Status().at(0).breaker, Breaker::State::kClosed);
  Use({.timeouts = {.connect_ms = 60'000}});
  const auto stream = Ask();
  loop_.RunFor(std::chrono::milliseconds(20));
  servers_.Take({.backend = "cloud", .fingerprint = 1, .state = wire::ServerState::kUp});
  EXPECT_EQ(RunForTest(loop_, Read(*stream)), "ok.");
}

TEST_F(ProviderFleetTest, OneWhoseServerFailedMayNotBeAsked) {
  servers_.Use({{"cloud", 1}});
  EXPECT_TRUE(fleet_.MayAsk("big"));
  servers_.Take({.backend = "cloud", .fingerprint = 1, .state = wire::ServerState::kFailed});
  EXPECT_FALSE(fleet_.MayAsk("big"));
  EXPECT_FALSE(fleet_.AnyMayAsk());
  EXPECT_EQ(Answer(), "!server_failed");
}

TEST_F(ProviderFleetTest, AServerThatWasStartedAnewIsForgiven) {
  Use({.retries = 0});
  for (int i = 0; i < 12; ++i) {
    scripts_.push_back(
        {.failure = Error{Code::kBackendFailed, "x", "", "answer_cut"}, .before_head = true});
  }
  for (int i = 0; i < 10 && fleet_.MayAsk("big"); ++i) Answer();
  EXPECT_FALSE(fleet_.MayAsk("big"));
  fleet_.Forgive("another");
  EXPECT_FALSE(fleet_.MayAsk("big"));
  fleet_.Forgive("cloud");
  EXPECT_TRUE(fleet_.MayAsk("big"));
}

TEST_F(ProviderFleetTest, WhatMayHaveCostIsNotRepeated) {
  scripts_ = {{.pieces = {""}}};
  EXPECT_EQ(Answer(), "!stream_cut");
  EXPECT_EQ(door().calls.size(), 1u);
}

TEST_F(ProviderFleetTest, AfterTheFirstByteAFailureIsTheEnd) {
  scripts_ = {{.pieces = {"a"}, .failure = Error{Code::kBackendFailed, "x", "", "answer_cut"}}};
  EXPECT_EQ(Answer(), "a!answer_cut");
  EXPECT_EQ(door().calls.size(), 1u);
}

TEST_F(ProviderFleetTest, ATimeOutOfTheProviderIsItsFailureAndNotTheRequests) {
  scripts_ = {{.failure = Error{Code::kDeadlineExceeded, "late", "", "first_byte_timeout"},
               .before_head = true}};
  const auto stream = Ask();
  auto event = RunForTest(loop_, stream->Next(std::chrono::seconds(10)));
  ASSERT_FALSE(event);
  EXPECT_EQ(event.error().code, Code::kBackendFailed);
}

TEST_F(ProviderFleetTest, ALongRetryAfterIsNotWaitedForWhereOthersAreLeft) {
  scripts_ = {{.status = 429, .headers = {{"retry-after", "30"}}}};
  EXPECT_EQ(Answer(chat::Label::kPublic, /*others=*/true), "!provider_rate_limited");
  EXPECT_FALSE(fleet_.MayAsk("big") && fleet_.Status().at(0).may_ask == false);
}

TEST_F(ProviderFleetTest, WhatIsKnownOfAPlaceIsForgottenWhenItIsReachedInAnotherWay) {
  scripts_ = {{.status = 404}, {.pieces = {"ok."}}};
  Use({.reached_by = 1});
  EXPECT_EQ(Answer(), "!model_retired");
  Use({.reached_by = 1});
  EXPECT_FALSE(fleet_.MayAsk("big"));
  Use({.reached_by = 2});
  EXPECT_EQ(Answer(), "ok.");
}

TEST_F(ProviderFleetTest, ARetryAfterMayBeADate) {
  scripts_ = {{.status = 429,
               .headers = {{"date", "Sun, 06 Nov 1994 08:49:37 GMT"},
                           {"retry-after", "Sun, 06 Nov 1994 08:50:07 GMT"}}}};
  const auto stream = Ask(chat::Label::kPublic, /*others=*/true);
  auto event = RunForTest(loop_, stream->Next(std::chrono::seconds(10)));
  ASSERT_FALSE(event);
  EXPECT_EQ(event.error().retry_after_s, 30);
}

TEST_F(ProviderFleetTest, ARetiredModelIsKnownAsSuch) {
  scripts_ = {{.status = 410}};
  Use({.retries = 0});
  EXPECT_EQ(Answer(), "!model_retired");
  EXPECT_TRUE(fleet_.IsRetired("big"));
  EXPECT_FALSE(fleet_.MayAsk("big"));
}

TEST_F(ProviderFleetTest, LeavingEndsTheCall) {
  scripts_ = {{.pieces = {"a"}, .hangs = true}};
  {
    const auto stream = Ask();
    ASSERT_TRUE(RunForTest(loop_, stream->Next(std::chrono::seconds(10))));
  }
  EXPECT_TRUE(RunUntilTrue(loop_, [&] { return !door().cancelled.empty(); }));
  EXPECT_TRUE(RunUntilTrue(loop_, [&] { return fleet_.Status().at(0).running == 0; }));
}

TEST_F(ProviderFleetTest, AnAnswerIsReadToItsEndSoThatItsConnectionIsKept) {
  scripts_ = {{.pieces = {"a."}}};
  EXPECT_EQ(Answer(), "a.");
  EXPECT_TRUE(RunUntilTrue(loop_, [&] { return fleet_.Status().at(0).running == 0; }));
  EXPECT_TRUE(door().cancelled.empty());
}

TEST_F(ProviderFleetTest, AnAnswerWithoutAnEndOfItsBodyGivesItsSeatBack) {
  scripts_ = {{.pieces = {"a."}, .hangs = true}};
  EXPECT_EQ(Answer(), "a.");
  EXPECT_TRUE(RunUntilTrue(loop_, [&] { return fleet_.Status().at(0).running == 0; }));
  EXPECT_TRUE(RunUntilTrue(loop_, [&] { return !door().cancelled.empty(); }));
}

TEST_F(ProviderFleetTest, SeatsAreBoundedAndTheQueueToo) {
  scripts_ = {{.pieces = {"a"}, .hangs = true}, {.pieces = {"b."}}};
  Use({.concurrency = 1, .queue = 1});
  auto first = Ask();
  ASSERT_TRUE(RunForTest(loop_, first->Next(std::chrono::seconds(10))));
  const auto second = Ask();
  EXPECT_TRUE(RunUntilTrue(loop_, [&] { return fleet_.Status().at(0).waiting == 1; }));
  EXPECT_EQ(Answer(), "!queue_full");
  first.reset();
  EXPECT_EQ(RunForTest(loop_, Read(*second)), "b.");
}

TEST_F(ProviderFleetTest, AConversationStaysAtItsReplica) {
  for (int i = 0; i < 8; ++i) scripts_.push_back({.pieces = {"."}});
  Use({.replicas = 2});
  for (int i = 0; i < 8; ++i) EXPECT_EQ(Answer(), ".");
  for (const auto& call : door().calls)
    EXPECT_EQ(call.permit.replica, door().calls[0].permit.replica);
}

TEST_F(ProviderFleetTest, WhatOneReplicaDoesNotDoAnotherIsAskedForAtOnce) {
  const Error nobody{Code::kUnavailable, "x", "", "connect_failed"};
  const DoorScript failures[] = {{.failure = nobody, .before_head = true},
                                 {.status = 429, .headers = {{"retry-after", "3600"}}},
                                 {.status = 503},
                                 {.status = 404},
                                 {.status = 401}};
  int32_t place = 10;
  for (const DoorScript& failure : failures) {
    Use({.replicas = 2, .queue = ++place, .retries = 0});  // another queue: nothing is known of it
    if (!starter_.doors.empty()) door().scripts = {failure, {.pieces = {"ok."}}};
    scripts_ = {failure, {.pieces = {"ok."}}};
    EXPECT_EQ(Answer(), "ok.") << failure.status;
    const auto& calls = door().calls;
    EXPECT_NE(calls[calls.size() - 2].permit.replica, calls.back().permit.replica);
    EXPECT_FALSE(fleet_.IsRetired("big"));
  }
}

TEST_F(ProviderFleetTest, WhatIsTheRequestsFaultNoOtherReplicaIsAskedFor) {
  scripts_ = {{.status = 400}};
  Use({.replicas = 2});
  EXPECT_EQ(Answer(), "!provider_rejected");
}

TEST_F(ProviderFleetTest, ARequestAfterATimeOutGoesToAnotherReplica) {
  scripts_ = {{.failure = Error{Code::kDeadlineExceeded, "late", "", "first_byte_timeout"},
               .before_head = true},
              {.pieces = {"ok."}}};
  Use({.replicas = 2});
  EXPECT_EQ(Answer(), "!first_byte_timeout") << "it may have cost something";
  ASSERT_EQ(door().calls.size(), 1u);
  EXPECT_EQ(Answer(), "ok.");
  EXPECT_NE(door().calls[0].permit.replica, door().calls[1].permit.replica);
}

TEST_F(ProviderFleetTest, EveryReplicaIsAskedBeforeOneIsAskedAgain) {
  for (int i = 0; i < 3; ++i) scripts_.push_back({.status = 429});
  Use({.replicas = 2, .retries = 1});
  EXPECT_EQ(Answer(), "!provider_rate_limited");
  ASSERT_EQ(door().calls.size(), 3u);
  EXPECT_NE(door().calls[0].permit.replica, door().calls[1].permit.replica);
}

TEST_F(ProviderFleetTest, ADoorThatDiesFailsItsCallsAndIsOpenedAgain) {
  scripts_ = {{.pieces = {"a"}, .hangs = true}};
  const auto stream = Ask();
  ASSERT_TRUE(RunForTest(loop_, stream->Next(std::chrono::seconds(10))));
  scripts_ = {{.pieces = {"again."}}};
  door().Die();
  EXPECT_EQ(RunForTest(loop_, Read(*stream)), "a!door_gone");
  EXPECT_EQ(Answer(), "again.");
  EXPECT_EQ(starter_.doors.size(), 2u);
}

TEST_F(ProviderFleetTest, WhatATargetCannotDoIsSaidAtOnce) {
  chat::GenerateRequest request{.n = 2};
  request.messages = {{.parts = {{.text = "hi"}}}};
  const auto stream = fleet_.Generate({.target = "big"}, request);
  ASSERT_FALSE(stream);
  EXPECT_EQ(stream.error().reason, "not_supported_by_target");
}

TEST_F(ProviderFleetTest, VectorsComeThroughTheSameDoorAndAreTriedAgain) {
  scripts_ = {{.status = 503}, {.pieces = {"1 ", "0"}}};
  const auto vectors = Embed();
  ASSERT_TRUE(vectors) << vectors.error().message;
  EXPECT_EQ(vectors->vectors, (std::vector<std::vector<float>>{{1, 0}}));
  ASSERT_EQ(door().calls.size(), 2u);
  EXPECT_EQ(door().calls[1].body, "hi");
  EXPECT_THAT(notes_.at(0), HasSubstr("provider_overloaded"));
  EXPECT_EQ(fleet_.Status().at(0).running, 0);
}

TEST_F(ProviderFleetTest, TextsAboveTheCeilingAreNotEmbedded) {
  EXPECT_EQ(Embed(chat::Label::kPersonal).error().reason, "label_exceeds_ceiling");
  EXPECT_TRUE(starter_.doors.empty() || door().calls.empty());
}

TEST_F(ProviderFleetTest, NoProviderCountsTheTokensOfATextForUs) {
  scripts_ = {{.pieces = {"1 0"}}};
  const auto counted = Embed(chat::Label::kPublic, 7);
  ASSERT_FALSE(counted);
  EXPECT_EQ(counted.error().reason, "not_supported_by_target");
  EXPECT_EQ(counted.error().param, "input_tokens_max");
  EXPECT_TRUE(Embed(chat::Label::kPublic, chat::kModelInput))
      << "what is too long is its own affair";
}

TEST_F(ProviderFleetTest, AnAnswerWithoutVectorsIsAFailure) {
  scripts_ = {{.pieces = {"nonsense"}}, {.status = 410}};
  Use({.retries = 0});
  EXPECT_EQ(Embed().error().reason, "provider_malformed");
  EXPECT_EQ(Embed().error().reason, "model_retired");
  EXPECT_TRUE(fleet_.IsRetired("big"));
}

}  // namespace
}  // namespace weir::backends

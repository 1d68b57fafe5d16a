// The scheduler's random histories (scheduler/world.h) against the real engine and a tiny model:
// what each request is answered among all the others is what it is answered alone.
//
// WEIR_ENGINE_SEEDS sets how many (default 6), WEIR_SEED runs one. The steps of a history are the
// engine's own here, and so are its bounds but for sequences and rows; plans_on_model_test has the
// histories' own plans, with faults of steps and groups. What the histories reached is counted and
// asserted.
#include <gtest/gtest.h>

#include "engine/test_numerics.h"
#include "scheduler/world.h"

namespace weir::engine {
namespace {

using llama::testing::GemmaPath;
using llama::testing::RandomPath;
using llama::testing::StoriesPath;
using llama::testing::TinyPath;
using scheduler::testing::Action;
using scheduler::testing::FromEnvironment;
using scheduler::testing::History;
using testing::Compare;
using testing::Conversation;
using testing::EngineFrame;
using testing::SmallSettings;
using testing::Story;

constexpr int32_t kFirstToken = 300;  // words of the model, for the letters of a history

struct Asked {
  chat::GenerateRequest request = {};
  bool scores = false;  // continuations of its prompt are scored instead
  wire::Caller caller = {};
  uint64_t id = 0;
  bool cancelled = false;
};

// Continuations that begin alike, so that they share more than the prompt.
wire::Score ScoringOf(const Asked& asked, const wire::Caller& caller) {
  return {caller,
          {.prompt = asked.request.prompts[0],
           .continuations = {" the little bird", " the little dog and", " once"}}};
}

struct Model {
  std::string path = {};
  float numerics = testing::kNumerics;
};

wire::EngineSettings SettingsOf(const Model& model, const History& history) {
  wire::EngineSettings settings = SmallSettings(model.path);
  settings.context_tokens = 256;  // the least that libllama makes
  settings.sequences = std::max(2, history.options.seqs_max);
  settings.batch_tokens = std::max(8, history.options.batch_tokens_max);
  return settings;
}

class Play {
 public:
  Play(const History& history, Conversation& engine) : history_(history), engine_(engine) {}

  std::vector<Asked>& Run() {
    for (const Action& action : history_.actions) Act(action);
    for (const Asked& asked : asked_) {
      if (!asked.scores) engine_.Send(EngineFrame::kResume, asked.id);
    }
    return asked_;
  }

 private:
  Asked* Back(int32_t back) {
    const auto size = static_cast<int32_t>(asked_.size());
    return back < size ? &asked_[static_cast<size_t>(size - 1 - back)] : nullptr;
  }

  void Act(const Action& action) {
    Asked* meant = Back(action.back);
    switch (action.kind) {
      case Action::Kind::kSubmit:
      case Action::Kind::kSubmitInStep:
        return Submit(action);
      case Action::Kind::kCancel:
      case Action::Kind::kCancelInStep:
        if (meant == nullptr) return;
        meant->cancelled = true;
        return engine_.Send(EngineFrame::kCancel, meant->id);
      case Action::Kind::kPause:
        if (meant != nullptr && !meant->scores) engine_.Send(EngineFrame::kPause, meant->id);
        return;
      case Action::Kind::kResume:
        if (meant != nullptr && !meant->scores) engine_.Send(EngineFrame::kResume, meant->id);
        return;
      case Action::Kind::kStep:
        engine_.Stats();  // answered between two steps
        return;
    }
  }

  void Submit(const Action& action) {
    const Asked* before = action.continues >= 0 ? Back(action.continues) : nullptr;
    std::vector<int32_t> prompt = scheduler::testing::PromptOf(
        action, before == nullptr ? nullptr : &before->request.prompts[0].tokens, kFirstToken);
    if (prompt.empty()) prompt.push_back(kFirstToken);
    Asked asked;
    asked.request =
        testing::WithCandidates(testing::Endless("", std::max(1, action.max_new_tokens)));
    asked.request.prompts = {{.tokens = std::move(prompt)}};
    asked.request.n = action.forks;
    if (action.deterministic) asked.request.sampling.seed = 7;
    asked.request.priority = static_cast<chat::Priority>(action.priority);
    asked.caller = {
        .tenant_salt = action.tenant, .key = action.client % 2, .client = action.client};
    asked.scores = action.scores;
    asked.id = asked.scores ? engine_.Ask(EngineFrame::kScore, ScoringOf(asked, asked.caller))
                            : engine_.Generate(asked.request, asked.caller);
    asked_.push_back(std::move(asked));
  }

  const History& history_;
  Conversation& engine_;
  std::vector<Asked> asked_ = {};
};

struct Count {
  size_t answers = 0;
  size_t scores = 0;
  size_t diverged = 0;
  wire::EngineStats reached = {};  // sums
};

void CompareAnswers(const Model& model, uint64_t seed, const Story& alone, const Story& story,
                    Count& count) {
  const auto where = [&](int32_t choice) {
    return fmt::format("seed {} (WEIR_SEED={} runs it alone), choice {}", seed, seed, choice);
  };
  ASSERT_EQ(alone.failure.has_value(), story.failure.has_value())
      << where(0) << ": " << (story.failure ? story.failure->message : alone.failure->message);
  for (const auto& [choice, tokens] : alone.tokens) {
    ASSERT_TRUE(story.tokens.contains(choice)) << where(choice) << ": no answer";
    const auto comparison = Compare(tokens, story.tokens.at(choice), model.numerics);
    EXPECT_EQ(comparison.difference, "") << where(choice);
    ++count.answers;
    count.diverged += comparison.diverged_at.has_value();
  }
}

// Nothing when it was cancelled.
std::optional<chat::Scores> FinishScores(Conversation& engine, uint64_t id) {
  const std::optional<wire::Frame> frame = engine.Next(id);
  if (!frame || !Conversation::Is(*frame, EngineFrame::kScores)) return std::nullopt;
  const auto scores = wire::Decode<chat::Scores>(frame->body);
  return scores ? std::optional(*scores) : std::nullopt;
}

void CompareScores(const Model& model, const std::optional<chat::Scores>& alone,
                   const std::optional<chat::Scores>& among, Count& count) {
  ASSERT_TRUE(alone);
  ASSERT_TRUE(among);
  ASSERT_EQ(alone->continuations.size(), among->continuations.size());
  for (size_t i = 0; i < alone->continuations.size(); ++i) {
    const auto& expected = alone->continuations[i];
    EXPECT_EQ(among->continuations[i].tokens, expected.tokens);
    EXPECT_NEAR(among->continuations[i].logprob, expected.logprob,
                static_cast<double>(model.numerics) * expected.tokens);
  }
  ++count.scores;
}

void RunSeed(const Model& model, uint64_t seed, Count& count) {
  const History history = scheduler::testing::RandomHistory(seed);
  Conversation engine(SettingsOf(model, history));
  ASSERT_TRUE(engine.info());
  Play play(history, engine);
  const std::vector<Asked>& asked = play.Run();
  std::vector<Story> stories(asked.size());
  std::vector<std::optional<chat::Scores>> scores(asked.size());
  for (size_t i = 0; i < asked.size(); ++i) {
    if (asked[i].scores) {
      scores[i] = FinishScores(engine, asked[i].id);
    } else {
      stories[i] = engine.Finish(asked[i].id);
    }
  }
  Conversation fresh(SettingsOf(model, history));
  for (size_t i = 0; i < asked.size(); ++i) {
    if (asked[i].cancelled) continue;
    // A tenant of its own: nothing is shared with the requests before it.
    const wire::Caller stranger{.tenant_salt = 1000 + i};
    SCOPED_TRACE(fmt::format("seed {}, request {}", seed, i));
    if (asked[i].scores) {
      const uint64_t id = fresh.Ask(EngineFrame::kScore, ScoringOf(asked[i], stranger));
      CompareScores(model, FinishScores(fresh, id), scores[i], count);
    } else {
      CompareAnswers(model, seed, fresh.Run(asked[i].request, stranger), stories[i], count);
    }
  }
  const wire::EngineStats stats = engine.Stats();
  EXPECT_EQ(stats.running + stats.waiting, 0) << "seed " << seed;
  count.reached.hits_idle += stats.hits_idle;
  count.reached.hits_running += stats.hits_running;
  count.reached.hits_joined += stats.hits_joined;
  count.reached.hits_host += stats.hits_host;
  count.reached.preemptions += stats.preemptions;
  count.reached.draft_tokens_accepted += stats.draft_tokens_accepted;
}

Count RunSeeds(const Model& model, uint64_t seeds) {
  const uint64_t only = FromEnvironment("WEIR_SEED", 0);
  const uint64_t first = only > 0 ? only : 1;
  const uint64_t last = only > 0 ? only : seeds;
  Count count;
  for (uint64_t seed = first; seed <= last && !::testing::Test::HasFatalFailure(); ++seed) {
    RunSeed(model, seed, count);
  }
  EXPECT_GT(count.answers, 0u);
  if (only == 0 && seeds > 1) EXPECT_GT(count.scores, 0u);
  EXPECT_LE(count.diverged * 10, count.answers) << "numerics explain few differences, not many";
  return count;
}

TEST(EngineHistory, AnswersAmongOthersAreTheAnswersAlone) {
  if (!std::filesystem::exists(StoriesPath())) GTEST_SKIP() << "no model file for this test";
  const Count count = RunSeeds({StoriesPath()}, FromEnvironment("WEIR_ENGINE_SEEDS", 6));
  RecordProperty("answers", std::to_string(count.answers));
  RecordProperty("diverged", std::to_string(count.diverged));
  if (FromEnvironment("WEIR_SEED", 0) > 0) return;
  EXPECT_GT(count.reached.hits_idle, 0u);
  EXPECT_GT(count.reached.hits_running, 0u);
  EXPECT_GT(count.reached.hits_joined, 0u);
  EXPECT_GT(count.reached.hits_host, 0u);
  EXPECT_GT(count.reached.preemptions, 0u);
  EXPECT_GT(count.reached.draft_tokens_accepted, 0u);
}

TEST(EngineHistory, SoTheyAreWithAVocabularyOfThousands) {
  if (!std::filesystem::exists(RandomPath())) GTEST_SKIP() << "no model file for this test";
  RunSeeds({RandomPath()}, FromEnvironment("WEIR_ENGINE_SEEDS", 6) / 3);
}

TEST(EngineHistory, SoTheyAreWithASlidingWindow) {
  if (!std::filesystem::exists(GemmaPath())) GTEST_SKIP() << "gemma3:270m is not in the store";
  RunSeeds({GemmaPath(), testing::kNumericsOfQuantised},
           FromEnvironment("WEIR_ENGINE_SEEDS", 6) / 6);
}

// Sixteen tokens long, so most of these histories go beyond it.
TEST(EngineHistory, SoTheyAreWithATinySlidingWindow) {
  if (!std::filesystem::exists(TinyPath("gemma3"))) GTEST_SKIP() << "no model file for this test";
  const Count count = RunSeeds({TinyPath("gemma3")}, FromEnvironment("WEIR_ENGINE_SEEDS", 6));
  if (FromEnvironment("WEIR_SEED", 0) > 0) return;
  EXPECT_GT(count.reached.hits_idle, 0u);
  EXPECT_GT(count.reached.hits_running, 0u);
}

TEST(EngineHistory, SoTheyAreWithAStateThatCannotBeCut) {
  for (const char* kind : {"mamba", "lfm2"}) {
    SCOPED_TRACE(kind);
    if (!std::filesystem::exists(TinyPath(kind))) GTEST_SKIP() << "no model file for this test";
    const Count count = RunSeeds({TinyPath(kind)}, FromEnvironment("WEIR_ENGINE_SEEDS", 6));
    if (FromEnvironment("WEIR_SEED", 0) == 0) EXPECT_GT(count.reached.hits_idle, 0u);
  }
}

// An answer that comes back otherwise than it was sampled: the state at the prompt's end is there.
void ExpectOnlyWhatIsNewToBeComputed(const std::string& path) {
  WEIR_ENGINE_OR_SKIP(engine, SmallSettings(path));
  Conversation fresh(SmallSettings(path));
  auto request = testing::WithCandidates(testing::Endless("", 12));
  request.prompts = {{.tokens = {}}};
  std::vector<int32_t>& talk = request.prompts[0].tokens;
  for (int32_t turn = 0; turn < 4; ++turn) {
    const auto before = static_cast<int32_t>(talk.size());
    for (int32_t i = 0; i < 20; ++i) talk.push_back(kFirstToken + (turn * 31 + i * 7) % 100);
    const Story story = engine.Run(request);
    EXPECT_EQ(story.cached_tokens(), before);
    const Story alone = fresh.Run(request, {.tenant_salt = 1000u + static_cast<uint64_t>(turn)});
    EXPECT_EQ(alone.cached_tokens(), 0);
    EXPECT_EQ(Compare(alone.tokens.at(0), story.tokens.at(0)).difference, "") << "turn " << turn;
  }
}

TEST(EngineHistory, AConversationOverAStateThatCannotBeCutComputesOnlyWhatIsNew) {
  ExpectOnlyWhatIsNewToBeComputed(TinyPath("mamba"));
  ExpectOnlyWhatIsNewToBeComputed(TinyPath("lfm2"));
}

// The yardstick itself: a cell of another sequence is no matter of the last digits.
TEST(EngineHistory, AnotherTextIsNotTakenForNumerics) {
  WEIR_ENGINE_OR_SKIP(engine, SmallSettings(StoriesPath()));
  const auto ask = [&](std::vector<int32_t> prompt) {
    auto request = testing::WithCandidates(testing::Endless("", 24));
    request.prompts = {{.tokens = std::move(prompt)}};
    return engine.Run(request).tokens[0];
  };
  const auto right = ask({310, 320, 330, 340, 350, 360, 370, 380});
  EXPECT_EQ(Compare(right, right).difference, "");
  EXPECT_NE(Compare(right, ask({310, 320, 330, 341, 350, 360, 370, 380})).difference, "");
  auto shorter = right;
  shorter.pop_back();
  EXPECT_NE(Compare(right, shorter).difference, "");
}

}  // namespace
}  // namespace weir::engine

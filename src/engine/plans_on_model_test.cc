// The scheduler's random histories (scheduler/world.h) with everything in them, over a real llama
// context and tiny models: the same few cells, groups, forks, scores, host copies that fail, and
// steps that are aborted, refused or lost. What each request is answered is what it is answered
// alone; test_numerics.h says how rounding is told from a fault.
//
// history_test plays them through the whole engine, whose bounds and steps are its own; here every
// plan is the history's. An aborted step is one of which the leading rows were decoded, as
// llama_decode leaves it; a lost one keeps rows that the scheduler is not told of.
//
// WEIR_ENGINE_SEEDS sets how many histories (default 6), WEIR_SEED runs one.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "engine/plan_edits.h"
#include "engine/test_numerics.h"
#include "llama/logit_math.h"
#include "llama/test_models.h"
#include "llama/token_stats.h"
#include "scheduler/world.h"

namespace weir::engine {
namespace {

using llama::testing::StoriesPath;
using llama::testing::TinyPath;
using scheduler::EndReason;
using scheduler::Event;
using scheduler::Plan;
using scheduler::RequestId;
using scheduler::Row;
using scheduler::SeqOp;
using scheduler::StepOutcome;
using scheduler::Submission;
using scheduler::Token;
using scheduler::testing::Action;
using scheduler::testing::FromEnvironment;
using scheduler::testing::History;
using Answer = std::vector<chat::TokenLogprob>;

constexpr Token kFirstToken = 300;  // words of the model, for the letters of a history
constexpr size_t kCandidates = 6;
constexpr int64_t kStepsMax = 20'000;

std::unique_ptr<llama::Context> MakeContext(const llama::Model& model,
                                            const scheduler::Options& o) {
  auto context = llama::Context::Create(model, {.cells = std::max(256, o.cells),
                                                .batch_rows = std::max(64, o.batch_tokens_max),
                                                .sequences = std::max(2, o.seqs_max),
                                                .threads = 1,
                                                .threads_batch = 1});
  EXPECT_TRUE(context);
  return context ? std::move(*context) : nullptr;
}

// The token that a branch draws: the likeliest, but that branches of one prompt begin with others.
struct Drawn {
  Token token = 0;
  chat::TokenLogprob entry = {};
};
Drawn Draw(std::span<const float> logits, int32_t branch, bool first) {
  std::vector<llama::Ranked> top;
  llama::SelectTop(logits, kCandidates, top);
  const size_t rank = first ? static_cast<size_t>(branch) % 4 : 0;
  Drawn drawn{.token = top[rank].token};
  drawn.entry = {.bytes = std::to_string(drawn.token),
                 .logprob = static_cast<float>(llama::Logprob(logits, drawn.token))};
  for (const llama::Ranked& one : top) {
    drawn.entry.top.push_back(
        {std::to_string(one.token), static_cast<float>(llama::Logprob(logits, one.token))});
  }
  return drawn;
}

// A request by itself in a memory of its own.
class Alone {
 public:
  explicit Alone(const llama::Model& model, const scheduler::Options& options)
      : context_(MakeContext(model, options)) {}

  Answer Ask(const std::vector<Token>& prompt, int32_t branch, size_t tokens) {
    context_->Clear();
    std::span<const float> logits = Take(prompt, 0, nullptr);
    Answer answer;
    auto position = static_cast<int32_t>(prompt.size());
    while (answer.size() < tokens) {
      Drawn drawn = Draw(logits, branch, answer.empty());
      answer.push_back(std::move(drawn.entry));
      if (answer.size() < tokens) logits = Take({&drawn.token, 1}, position++, nullptr);
    }
    return answer;
  }
  // The log-probability of each token of the prompt but the first.
  std::vector<double> Score(const std::vector<Token>& prompt) {
    context_->Clear();
    std::vector<double> scores;
    (void)Take(prompt, 0, &scores);
    return scores;
  }

 private:
  // The logits behind the last token. One row at a time where each is wanted.
  std::span<const float> Take(std::span<const Token> tokens, int32_t position,
                              std::vector<double>* scores) {
    const auto most = static_cast<size_t>(context_->batch_rows());
    for (size_t done = 0; done < tokens.size();) {
      const size_t count = scores != nullptr ? 1 : std::min(most, tokens.size() - done);
      std::vector<llama::Row> rows;
      for (size_t i = 0; i < count; ++i) {
        rows.push_back({.token = tokens[done + i],
                        .position = position + static_cast<int32_t>(done + i),
                        .sequence = 0,
                        .output = i + 1 == count});
      }
      EXPECT_EQ(context_->Decode(rows), llama::DecodeOutcome::kOk);
      done += count;
      last_ = static_cast<int32_t>(count) - 1;
      if (scores != nullptr && done < tokens.size())
        scores->push_back(llama::Logprob(context_->Logits(last_), tokens[done]));
    }
    return context_->Logits(last_);
  }

  std::unique_ptr<llama::Context> context_;
  int32_t last_ = 0;
};

struct Count {
  size_t answers = 0;
  size_t scores = 0;
  size_t diverged = 0;
  size_t aborted = 0, refused = 0, lost = 0;
  size_t groups = 0;  // steps of another group than the first
  scheduler::Stats reached = {};
};

class Play {
 public:
  Play(const llama::Model& model, const History& history, Count& count)
      : history_(history),
        count_(count),
        context_(MakeContext(model, history.options)),
        scheduler_(history.options),
        edits_(*context_, scheduler_),
        alone_(model, history.options) {}

  void Run() {
    const auto& actions = history_.actions;
    for (size_t i = 0; i < actions.size() && Fine(); ++i) {
      const bool in_step = i + 1 < actions.size() && InStep(actions[i + 1].kind);
      switch (actions[i].kind) {
        case Action::Kind::kStep:
          Step(actions[i], in_step ? &actions[i + 1] : nullptr);
          break;
        case Action::Kind::kSubmit:
          Submit(actions[i]);
          break;
        case Action::Kind::kCancel:
          Cancel(actions[i].back);
          break;
        case Action::Kind::kPause:
          if (const auto* client = Back(actions[i].back)) scheduler_.Pause(client->submission.id);
          break;
        case Action::Kind::kResume:
          if (const auto* client = Back(actions[i].back)) scheduler_.Resume(client->submission.id);
          break;
        case Action::Kind::kCancelInStep:
        case Action::Kind::kSubmitInStep:
          break;  // with the step before
      }
    }
    for (const auto& [id, client] : clients_) scheduler_.Resume(id);
    int64_t steps = 0;
    while (Fine() && steps < kStepsMax && Step({}, nullptr)) ++steps;
    ASSERT_LT(steps, kStepsMax) << "it never ends";
    if (Fine()) Compare();
    Add(scheduler_.stats());
  }

 private:
  struct Branch {
    Answer answer = {};
    std::vector<Token> tokens = {};
    bool ended = false;
  };
  struct Client {
    Submission submission = {};
    bool cancelled = false;
    bool cut_allowed = false;  // a step with rows of it was refused or lost
    std::vector<Branch> branches = {};
    std::map<int32_t, double> scores = {};  // of the token behind each row that was scored
  };

  static bool Fine() { return !::testing::Test::HasFailure(); }
  static bool InStep(Action::Kind kind) {
    return kind == Action::Kind::kCancelInStep || kind == Action::Kind::kSubmitInStep;
  }
  Client* Back(int32_t back) {
    const auto found = clients_.find(last_id_ - static_cast<RequestId>(back));
    return found == clients_.end() ? nullptr : &found->second;
  }
  void Cancel(int32_t back) {
    Client* client = Back(back);
    if (client == nullptr) return;
    scheduler_.Cancel(client->submission.id);
    client->cancelled = true;
  }

  std::vector<Token> PromptOf(const Action& action) {
    const Client* before = action.continues >= 0 ? Back(action.continues) : nullptr;
    if (before == nullptr) return scheduler::testing::PromptOf(action, nullptr, kFirstToken);
    std::vector<Token> whole = before->submission.prompt;
    const auto& answer = before->branches[0].tokens;
    whole.insert(whole.end(), answer.begin(), answer.end());
    return scheduler::testing::PromptOf(action, &whole, kFirstToken);
  }

  void Submit(const Action& action) {
    Submission s = SubmissionOf(action, last_id_ + 1, PromptOf(action));
    if (!scheduler_.Submit(s, now_)) return;  // too long, or too many: the pure tests look at these
    ++last_id_;
    Client& client = clients_[s.id];
    client.branches.resize(static_cast<size_t>(s.forks));
    client.submission = std::move(s);
  }

  // False when there is nothing to do.
  bool Step(const Action& action, const Action* meanwhile) {
    now_ += std::chrono::milliseconds(5);
    const Plan plan = scheduler_.Next(now_);
    for (const SeqOp& op : plan.ops) Apply(op, action.host_fails);
    TakeEvents();
    if (plan.rows.empty()) return !plan.ops.empty();
    if (plan.group != 0) ++count_.groups;
    if (meanwhile != nullptr && meanwhile->kind == Action::Kind::kCancelInStep)
      Cancel(meanwhile->back);
    if (meanwhile != nullptr && meanwhile->kind == Action::Kind::kSubmitInStep) Submit(*meanwhile);
    Decode(plan, action);
    TakeEvents();
    return true;
  }

  void Apply(const SeqOp& op, bool host_fails) {
    if (host_fails && op.kind == SeqOp::Kind::kSave) return scheduler_.Saved(op.slot, 0);
    if (host_fails && op.kind == SeqOp::Kind::kRestore)
      return scheduler_.Restored(op.slot, op.seq, false);
    edits_.Apply(op);
  }

  void Decode(const Plan& plan, const Action& action) {
    StepOutcome outcome{.kind = action.outcome};
    const bool cut =
        outcome.kind == StepOutcome::Kind::kAborted || outcome.kind == StepOutcome::Kind::kFailed;
    size_t kept =
        cut ? std::min(static_cast<size_t>(action.cut), plan.rows.size()) : plan.rows.size();
    if (outcome.kind == StepOutcome::Kind::kNoRoom) kept = 0;
    std::vector<llama::Row> rows;
    for (size_t i = 0; i < kept; ++i) {
      const Row& row = plan.rows[i];
      rows.push_back({row.token, row.pos, row.seq, row.output && !cut});
    }
    if (!rows.empty()) {
      ASSERT_EQ(context_->Decode(rows), llama::DecodeOutcome::kOk) << "a plan against the rules";
    }
    count_.aborted += outcome.kind == StepOutcome::Kind::kAborted;
    count_.refused += outcome.kind == StepOutcome::Kind::kNoRoom;
    count_.lost += outcome.kind == StepOutcome::Kind::kFailed;
    for (const Row& row : plan.rows) {
      const auto same = [&](const auto& reached) { return reached.seq == row.seq; };
      if (outcome.kind == StepOutcome::Kind::kAborted &&
          std::ranges::none_of(outcome.reached, same)) {
        outcome.reached.push_back({row.seq, context_->LastPosition(row.seq) + 1});
      }
      if (outcome.kind == StepOutcome::Kind::kFailed || outcome.kind == StepOutcome::Kind::kNoRoom)
        clients_.at(row.request).cut_allowed = true;
    }
    scheduler_.Decoded(outcome, std::chrono::microseconds(5000 + 900 * plan.rows.size()));
    if (outcome.kind != StepOutcome::Kind::kDone) return;
    Token drawn = llama::kNoToken;
    for (size_t i = 0; i < plan.rows.size(); ++i) {
      const Row& row = plan.rows[i];
      const bool used = row.output && !row.IsVoidAfter(drawn);
      drawn =
          used ? Deliver(row, context_->Logits(static_cast<int32_t>(i))) : Token{llama::kNoToken};
    }
  }

  // What the row's last branch goes on with.
  Token Deliver(const Row& row, std::span<const float> logits) {
    Token last = llama::kNoToken;
    Client& client = clients_.at(row.request);
    if (client.cancelled) return last;
    const Submission& s = client.submission;
    const auto next = static_cast<size_t>(row.pos) + 1;
    if (s.prompt_outputs_from >= 0 && row.pos >= s.prompt_outputs_from && next < s.prompt.size())
      client.scores[row.pos] = llama::Logprob(logits, s.prompt[next]);
    for (int32_t b = row.branch; b < row.branch + row.samples; ++b) {
      Branch& branch = client.branches.at(static_cast<size_t>(b));
      if (branch.ended) continue;
      Drawn drawn = Draw(logits, b, branch.answer.empty());
      branch.answer.push_back(std::move(drawn.entry));
      branch.tokens.push_back(drawn.token);
      scheduler_.Sampled(s.id, b, drawn.token);
      last = drawn.token;
    }
    return last;
  }

  void TakeEvents() {
    for (const Event& event : scheduler_.TakeEvents()) {
      Client& client = clients_.at(event.request);
      if (event.kind != Event::Kind::kEnded || client.cancelled) continue;
      Branch& branch = client.branches.at(static_cast<size_t>(event.branch));
      branch.ended = true;
      const Submission& s = client.submission;
      const auto answered = static_cast<int32_t>(branch.answer.size());
      if (event.reason == EndReason::kLength) EXPECT_EQ(answered, s.max_new_tokens);
      if (event.reason == EndReason::kFailed) EXPECT_TRUE(client.cut_allowed);
    }
  }

  void Compare() {
    for (const auto& [id, client] : clients_) {
      if (client.cancelled) continue;
      const Submission& s = client.submission;
      SCOPED_TRACE(fmt::format("request {}", id));
      for (size_t b = 0; b < client.branches.size(); ++b) {
        const Branch& branch = client.branches[b];
        ASSERT_TRUE(branch.ended) << "branch " << b << " never ends";
        if (branch.answer.empty()) continue;
        const auto comparison = testing::Compare(
            alone_.Ask(s.prompt, static_cast<int32_t>(b), branch.answer.size()), branch.answer);
        EXPECT_EQ(comparison.difference, "") << "branch " << b;
        ++count_.answers;
        count_.diverged += comparison.diverged_at.has_value();
      }
      if (s.prompt_outputs_from < 0 || client.cut_allowed) continue;
      const std::vector<double> expected = alone_.Score(s.prompt);
      for (auto at = static_cast<size_t>(s.prompt_outputs_from); at + 1 < s.prompt.size(); ++at) {
        const auto got = client.scores.find(static_cast<int32_t>(at));
        ASSERT_NE(got, client.scores.end()) << "row " << at << " was not scored";
        EXPECT_NEAR(got->second, expected[at], static_cast<double>(testing::kNumerics));
        ++count_.scores;
      }
    }
  }

  void Add(const scheduler::Stats& stats) {
    count_.reached.hits_cached += stats.hits_cached;
    count_.reached.hits_running += stats.hits_running;
    count_.reached.hits_joined += stats.hits_joined;
    count_.reached.hits_host += stats.hits_host;
    count_.reached.preemptions += stats.preemptions;
    count_.reached.host_failures += stats.host_failures;
    count_.reached.draft_tokens += stats.draft_tokens;
    count_.reached.draft_tokens_accepted += stats.draft_tokens_accepted;
  }

  const History& history_;
  Count& count_;
  std::unique_ptr<llama::Context> context_;
  scheduler::Scheduler scheduler_;
  PlanEdits edits_;
  Alone alone_;
  MonotonicTime now_{std::chrono::seconds(1)};
  std::map<RequestId, Client> clients_ = {};
  RequestId last_id_ = 0;
};

Count RunSeeds(const llama::Model& model, bool cuttable, uint64_t seeds) {
  const uint64_t only = FromEnvironment("WEIR_SEED", 0);
  Count count;
  for (uint64_t seed = only > 0 ? only : 1;
       seed <= (only > 0 ? only : seeds) && !::testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(fmt::format("seed {} (WEIR_SEED={} runs it alone)", seed, seed));
    History history = scheduler::testing::RandomHistory(seed);
    history.options.host_bytes_max *= 100;  // a cell of these models is larger than the fake's
    if (!cuttable) {
      history.options.sharing = scheduler::Sharing::kWhole;
      history.options.host_bytes_max = 0;
    }
    Play(model, history, count).Run();
  }
  EXPECT_LE(count.diverged * 10, count.answers) << "numerics explain few differences, not many";
  return count;
}

TEST(PlansOnModel, AnswersAmongOthersAndFaultsAreTheAnswersAlone) {
  WEIR_MODEL_OR_SKIP(model, StoriesPath());
  const Count count =
      RunSeeds(model, /*cuttable=*/true, 8 * FromEnvironment("WEIR_ENGINE_SEEDS", 6));
  if (FromEnvironment("WEIR_SEED", 0) > 0) return;
  EXPECT_GT(count.answers, 100u);
  EXPECT_GT(count.scores, 0u);
  EXPECT_GT(count.aborted, 0u);
  EXPECT_GT(count.refused, 0u);
  EXPECT_GT(count.lost, 0u);
  EXPECT_GT(count.groups, 0u);
  EXPECT_GT(count.reached.hits_cached, 0u);
  EXPECT_GT(count.reached.hits_running, 0u);
  EXPECT_GT(count.reached.hits_joined, 0u);
  EXPECT_GT(count.reached.hits_host, 0u);
  EXPECT_GT(count.reached.host_failures, 0u);
  EXPECT_GT(count.reached.preemptions, 0u);
  EXPECT_GT(count.reached.draft_tokens, count.reached.draft_tokens_accepted);
  EXPECT_GT(count.reached.draft_tokens_accepted, 0u);
}

TEST(PlansOnModel, SoTheyAreWithASlidingWindow) {
  WEIR_MODEL_OR_SKIP(model, TinyPath("gemma3"));
  const Count count =
      RunSeeds(model, /*cuttable=*/true, 4 * FromEnvironment("WEIR_ENGINE_SEEDS", 6));
  if (FromEnvironment("WEIR_SEED", 0) == 0) EXPECT_GT(count.answers, 100u);
}

TEST(PlansOnModel, SoTheyAreWithAStateThatCannotBeCut) {
  for (const char* kind : {"mamba", "lfm2"}) {
    SCOPED_TRACE(kind);
    WEIR_MODEL_OR_SKIP(model, TinyPath(kind));
    const Count count =
        RunSeeds(model, /*cuttable=*/false, 4 * FromEnvironment("WEIR_ENGINE_SEEDS", 6));
    if (FromEnvironment("WEIR_SEED", 0) == 0) EXPECT_GT(count.answers, 100u);
  }
}

}  // namespace
}  // namespace weir::engine

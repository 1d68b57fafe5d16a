// An engine loop over FakeMemory for readable tests: every step succeeds and costs what a small
// machine would take; every stream goes on until its max_new_tokens. For tests.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <vector>

#include "scheduler/fake_memory.h"
#include "scheduler/scheduler.h"

namespace weir::scheduler::testing {

inline Options SmallMachine() {
  Options options;
  options.cells = 8192;
  options.batch_tokens_max = 512;
  return options;
}

// Tokens that differ from those of any other (from, count) range with another `from`.
inline std::vector<Token> Text(Token from, int32_t count) {
  std::vector<Token> tokens;
  for (int32_t i = 0; i < count; ++i) tokens.push_back(from + i);
  return tokens;
}
inline std::vector<Token> operator+(std::vector<Token> a, const std::vector<Token>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

class TestEngine {
 public:
  struct Seen {
    int32_t prompt_rows = 0;
    int32_t decode_rows = 0;
    int32_t cached = 0;
    int32_t requeued = 0;
    std::vector<std::vector<Token>> answers;
    std::vector<Token> script;  // what the model says first, before it says what was never said
    std::optional<EndReason> ended;
    Duration first_token{0};  // after the submission
    Duration gap_max{0};      // between tokens
    MonotonicTime submitted{};
    MonotonicTime last{};
  };

  explicit TestEngine(const Options& options) : memory(options), scheduler(options) {}

  RequestId Submit(Submission s) {
    s.id = ++ids;
    Seen& it = seen[s.id];
    it.answers.resize(static_cast<size_t>(s.forks));
    it.submitted = now;
    const Result<void> result = scheduler.Submit(s, now);
    EXPECT_TRUE(result) << (result ? "" : result.error().message);
    return s.id;
  }
  RequestId Submit(std::vector<Token> prompt, int32_t max_new_tokens) {
    return Submit({.prompt = std::move(prompt), .max_new_tokens = max_new_tokens});
  }

  // One step; the rows of its plan, none if there was nothing to do.
  std::vector<Row> Step() {
    Plan plan = scheduler.Next(now);
    for (const SeqOp& op : plan.ops) EXPECT_EQ(memory.Apply(op), "");
    memory.AnswerTo(scheduler);
    EXPECT_EQ(memory.CheckRows(plan.rows), "");
    EXPECT_TRUE(memory.HasRoom(plan.rows.size()));
    ops = plan.ops;
    if (!plan.rows.empty()) Decode(plan);
    for (const Event& event : scheduler.TakeEvents()) Take(event);
    return plan.rows;
  }
  // A plan of edits alone is not rest.
  int RunUntilIdle(int steps_max = 100'000) {
    int steps = 0;
    while (steps < steps_max && (!Step().empty() || !ops.empty())) ++steps;
    EXPECT_LT(steps, steps_max) << "it never comes to rest";
    return steps;
  }
  void StepUntil(const auto& condition) {
    for (int i = 0; i < 100'000 && !condition(); ++i) Step();
    EXPECT_TRUE(condition());
  }

  Seen& of(RequestId id) { return seen.at(id); }
  int32_t answered(RequestId id, size_t branch = 0) {
    return static_cast<int32_t>(of(id).answers[branch].size());
  }

  FakeMemory memory;
  Scheduler scheduler;
  MonotonicTime now{std::chrono::seconds(1)};
  std::map<RequestId, Seen> seen;
  std::vector<SeqOp> ops;  // of the last step
  RequestId ids = 0;
  Duration decode_cost = std::chrono::microseconds(6000);      // of a step that has decode rows,
  Duration decode_row_cost = std::chrono::microseconds(1000);  // of each,
  Duration prompt_row_cost = std::chrono::microseconds(3600);  // and of each prompt token

 private:
  void Decode(const Plan& plan) {
    Duration cost{0};
    bool decodes = false;
    for (const Row& row : plan.rows) {
      memory.Put(row, {});
      Seen& it = of(row.request);
      const bool decode =
          row.samples == 1 && answered(row.request, static_cast<size_t>(row.branch)) > 0;
      ++(decode ? it.decode_rows : it.prompt_rows);
      cost += decode ? decode_row_cost : prompt_row_cost;
      decodes = decodes || decode;
    }
    if (decodes) cost += decode_cost;
    now += cost;
    scheduler.Decoded({}, cost);
    Token drawn = -1;
    for (const Row& row : plan.rows) drawn = row.IsVoidAfter(drawn) ? -1 : Sample(row);
  }

  // What the row's last branch goes on with; -1: nothing.
  Token Sample(const Row& row) {
    Token token = -1;
    for (int32_t b = row.branch; b < row.branch + row.samples; ++b) {
      Seen& it = of(row.request);
      if (it.last != MonotonicTime{} && b == 0) it.gap_max = std::max(it.gap_max, now - it.last);
      if (it.last == MonotonicTime{}) it.first_token = now - it.submitted;
      it.last = now;
      const uint64_t draw = Mix(memory.See(row.seq, row.pos).hash, static_cast<uint64_t>(b));
      token = static_cast<Token>(1'000'000 + draw % 1'000'000);
      const std::vector<Token>& script = it.script;
      const auto said = static_cast<size_t>(answered(row.request, static_cast<size_t>(b)));
      if (said < script.size()) token = script[said];
      it.answers[static_cast<size_t>(b)].push_back(token);
      scheduler.Sampled(row.request, b, token);
    }
    return token;
  }

  void Take(const Event& event) {
    Seen& it = of(event.request);
    if (event.kind == Event::Kind::kAdmitted && event.branch == 0) it.cached = event.cached_tokens;
    if (event.kind == Event::Kind::kRequeued) ++it.requeued;
    if (event.kind == Event::Kind::kEnded) it.ended = event.reason;
  }
};

}  // namespace weir::scheduler::testing

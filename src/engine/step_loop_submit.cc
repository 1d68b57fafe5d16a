// How requests come to the scheduler: whole, or a few of their parts at a time.
#include <algorithm>
#include <utility>

#include "base/check.h"
#include "engine/step_loop.h"

namespace weir::engine {
namespace {

// So many continuations of one scoring request, or answers of one with several prompts, are with
// the scheduler at a time: enough to fill steps and to share the prompt, below what one client may
// have waiting.
constexpr size_t kPartsAtOnce = 32;

scheduler::Priority PriorityOf(chat::Priority priority) {
  switch (priority) {
    case chat::Priority::kInteractive:
      return scheduler::Priority::kInteractive;
    case chat::Priority::kBatch:
      return scheduler::Priority::kBatch;
    case chat::Priority::kBackground:
      return scheduler::Priority::kBackground;
  }
  CHECK(false, "priority out of range");
}

// The prompt alone is to be repeated, without a word on its tokens.
bool NothingToCompute(const PreparedGenerate& work) {
  return std::ranges::all_of(work.prompts, [](const PreparedGenerate::Prompt& prompt) {
    return prompt.max_tokens == 0 && !prompt.echo.wants_rows();
  });
}

std::vector<scheduler::Stretch> StretchesOf(const std::vector<llama::PlacedImage>& images) {
  std::vector<scheduler::Stretch> stretches;
  for (const llama::PlacedImage& placed : images) {
    for (const auto& rows : placed.image->together()) {
      const int32_t from = placed.at + rows.from;
      stretches.push_back({from, from + rows.count});
    }
  }
  return stretches;
}

// The queue has no place now; later it has.
bool IsFull(const Error& error) {
  return error.code == Code::kRateLimited || error.code == Code::kUnavailable;
}

}  // namespace

void StepLoop::Take(StartGenerate&& item) {
  if (item.cancelled->load()) return outbox_.PutFailure(item.id, Cancelled());
  if (scheduler_ == nullptr) {
    return outbox_.PutFailure(
        item.id, {Code::kUnprocessable, "this model makes embeddings; it does not generate",
                  "model", "not_a_generative_model"});
  }
  ++requests_;
  const uint64_t id = item.id;
  Generation& generation = generations_[id];
  generation.id = id;
  generation.cancelled = std::move(item.cancelled);
  generation.received = item.received;
  generation.work = std::move(item.work);
  generation.open_answers = generation.work.answers.size();
  generation.processed.resize(generation.work.prompts.size());
  generation.usage = {.prompt_tokens = 0, .cached_tokens = 0, .completion_tokens = 0};
  for (const auto& prompt : generation.work.prompts) {
    *generation.usage.prompt_tokens += static_cast<int64_t>(prompt.tokens.size());
  }
  if (NothingToCompute(generation.work)) return AnswerWithEcho(generation);
  const uint64_t tokens = static_cast<uint64_t>(*generation.usage.prompt_tokens);
  const Result<void> submitted = SubmitPrompts(generation);
  if (!submitted) return Abandon(id, submitted.error());
  prompt_tokens_ += tokens;
}

void StepLoop::AnswerWithEcho(Generation& generation) {
  TellStarted(generation, 0);
  EndPrompts(generation, 0, generation.work.prompts.size());
}

// Answers of which nothing is drawn: the echo is all there is.
void StepLoop::EndPrompts(Generation& generation, size_t first, size_t count) {
  const auto forks = static_cast<size_t>(generation.work.forks);
  // The last Emit ends the generation.
  for (size_t choice = first * forks; choice < (first + count) * forks; ++choice) {
    Answer& answer = *generation.work.answers[choice];
    answer.Echo(generation.work.prompts[choice / forks].echo.logprobs);
    Emit(generation, answer.EndForLength());
  }
}

// Nothing when at least one prompt was submitted before.
Result<void> StepLoop::SubmitPrompts(Generation& generation) {
  PreparedGenerate& work = generation.work;
  const auto at_once = [&] {
    const size_t under_way = generation.submissions.size() * static_cast<size_t>(work.forks) +
                             generation.open_answers - work.answers.size();
    return under_way == 0 || under_way + static_cast<size_t>(work.forks) <= kPartsAtOnce;
  };
  while (generation.submissions.size() < work.prompts.size() && at_once()) {
    const size_t index = generation.submissions.size();
    PreparedGenerate::Prompt& prompt = work.prompts[index];
    const scheduler::RequestId submission = next_submission_;
    // The scheduler forks what samples; an echo alone is computed once for all its choices.
    const int32_t forks = prompt.max_tokens > 0 ? work.forks : 1;
    auto submitted = scheduler_->Submit(
        {.id = submission,
         .prompt = prompt.tokens,
         .prediction = work.prediction,
         .max_new_tokens = prompt.max_tokens,
         .tenant_salt = work.caller.tenant_salt,
         .key = work.caller.key,
         .client = work.caller.client,
         .priority = PriorityOf(work.priority),
         .forks = forks,
         .deterministic = work.deterministic,
         .prompt_outputs_from = prompt.echo.wants_rows() ? 0 : scheduler::kNoPromptOutputs,
         .whole = StretchesOf(prompt.images)},
        SystemClock().Now());
    if (!submitted && index > 0 && IsFull(submitted.error())) {
      behind_.insert(generation.id);
      return {};
    }
    if (!submitted) return submitted;
    std::vector<llama::Token>().swap(prompt.tokens);
    ++next_submission_;
    generation.submissions.push_back(submission);
    parts_[submission] = {generation.id, index};
    if (generation.paused) scheduler_->Pause(submission);
  }
  return {};
}

// Parts of requests that could not be submitted together with the others: some of those have ended,
// or the queue was full. True when there is something new to compute.
bool StepLoop::SubmitBehind() {
  const scheduler::RequestId before = next_submission_;
  for (const uint64_t id : std::exchange(behind_, {})) {
    Result<void> submitted = {};
    if (const auto found = generations_.find(id); found != generations_.end()) {
      submitted = SubmitPrompts(found->second);
    } else if (const auto scoring = scorings_.find(id); scoring != scorings_.end()) {
      submitted = SubmitScores(scoring->second);
    }
    if (!submitted) Abandon(id, submitted.error());
  }
  return next_submission_ != before;
}

void StepLoop::Take(StartScore&& item) {
  if (item.cancelled->load()) return outbox_.PutFailure(item.id, Cancelled());
  if (scheduler_ == nullptr) {
    return outbox_.PutFailure(
        item.id, {Code::kUnprocessable, "this model makes embeddings; it does not score", "model",
                  "not_a_generative_model"});
  }
  ++requests_;
  const uint64_t id = item.id;
  Scoring& scoring = scorings_[id];
  scoring.id = id;
  scoring.cancelled = std::move(item.cancelled);
  scoring.work = std::move(item.work);
  scoring.scores.continuations.resize(scoring.work.sequences.size());
  for (const auto& sequence : scoring.work.sequences) prompt_tokens_ += sequence.size();
  GoOn(scoring);
}

// Nothing when at least one continuation was submitted before.
Result<void> StepLoop::SubmitScores(Scoring& scoring) {
  while (scoring.open < kPartsAtOnce &&
         scoring.submissions.size() < scoring.work.sequences.size()) {
    const size_t index = scoring.submissions.size();
    const scheduler::RequestId submission = next_submission_;
    auto submitted = scheduler_->Submit({.id = submission,
                                         .prompt = scoring.work.sequences[index],
                                         .tenant_salt = scoring.work.caller.tenant_salt,
                                         .key = scoring.work.caller.key,
                                         .client = scoring.work.caller.client,
                                         .priority = PriorityOf(scoring.work.priority),
                                         .prompt_outputs_from = scoring.work.prompt_tokens - 1},
                                        SystemClock().Now());
    if (!submitted && index > 0 && IsFull(submitted.error())) {
      behind_.insert(scoring.id);
      return {};
    }
    if (!submitted) return submitted;
    ++next_submission_;
    scoring.submissions.push_back(submission);
    parts_[submission] = {scoring.id, index};
    ++scoring.open;
  }
  return {};
}

void StepLoop::GoOn(Scoring& scoring) {
  if (const Result<void> submitted = SubmitScores(scoring); !submitted) {
    return Abandon(scoring.id, submitted.error());
  }
  if (scoring.open > 0 || scoring.submissions.size() < scoring.work.sequences.size()) return;
  int64_t tokens = 0;
  for (const auto& sequence : scoring.work.sequences) {
    tokens += static_cast<int64_t>(sequence.size());
  }
  scoring.scores.usage = {
      .prompt_tokens = tokens, .cached_tokens = scoring.cached_tokens, .completion_tokens = 0};
  outbox_.Put(wire::EngineFrame::kScores, scoring.id, scoring.scores);
  for (const auto submission : scoring.submissions) parts_.erase(submission);
  scorings_.erase(scoring.id);
}

}  // namespace weir::engine

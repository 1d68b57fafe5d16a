#include "engine/step_loop.h"

#include <algorithm>
#include <chrono>
#include <numeric>
#include <utility>

#include "base/check.h"
#include "base/log.h"
#include "engine/memory.h"

namespace weir::engine {
namespace {

// A long prompt tells how far it is, but not at every step.
constexpr auto kProgressInterval = std::chrono::milliseconds(250);
constexpr int64_t kProgressTokensMin = 512;
Error Lost() {
  return {Code::kBackendFailed,
          "the engine lost the model's state and starts again; try again",
          {},
          "backend_failed"};
}
Error NotComputed() {
  return {Code::kBackendFailed, "the engine could not compute this request", {}, "backend_failed"};
}

// What a row is of the images of its prompt, and where it stands among them.
void PlaceAmong(std::span<const llama::PlacedImage> images, llama::Row& row) {
  row.place = llama::PlaceAt(images, row.position);
  if (!llama::IsImageRow(row.token)) return;
  const llama::PlacedRow placed = llama::RowAt(images, row.position);
  row.embedding = placed.vector.data();
  row.together = placed.together;
}

}  // namespace

Result<void> StepLoop::Run() {
  for (;;) {
    TakeInbox();
    if (inbox_.closed_and_empty()) return {};
    const bool generated = scheduler_ != nullptr && StepGeneration();
    const bool embedded = !lost_ && StepEmbedding();
    if (lost_) {
      FailEverything(Lost());
      outbox_.Flush();
      return Fail(Lost());
    }
    if (!outbox_.Flush()) return {};
    if (generated || embedded) continue;
    // Nothing to compute: wait for somebody to ask.
    std::optional<InboxItem> item = inbox_.Pop();
    if (!item) return {};
    std::visit([this](auto& held) { Take(std::move(held)); }, *item);
  }
}

void StepLoop::TakeInbox() {
  // Bounded by what the inbox holds, so that a flood of requests cannot keep steps from happening.
  for (size_t left = inbox_.size(); left > 0; --left) {
    std::optional<InboxItem> item = inbox_.TryPop();
    if (!item) return;
    std::visit([this](auto& held) { Take(std::move(held)); }, *item);
  }
}

void StepLoop::Take(StartEmbed&& item) {
  if (item.cancelled->load()) return outbox_.PutFailure(item.id, Cancelled());
  ++requests_;
  embeddings_.Add(std::move(item));
}

void StepLoop::Take(CancelRequest&& item) { Abandon(item.id, Cancelled()); }

void StepLoop::Take(PauseRequest&& item) {
  const auto found = generations_.find(item.id);
  if (found == generations_.end()) return;
  found->second.paused = item.paused;
  for (const auto submission : found->second.submissions) {
    if (item.paused) {
      scheduler_->Pause(submission);
    } else {
      scheduler_->Resume(submission);
    }
  }
}

void StepLoop::Take(StatsRequest&& item) {
  outbox_.Put(wire::EngineFrame::kStats, item.id, Stats());
}

void StepLoop::Take(ReadyReply&& item) { outbox_.PutEncoded(item.kind, item.id, item.body); }

bool StepLoop::StepGeneration() {
  SubmitBehind();
  const scheduler::Plan plan = scheduler_->Next(SystemClock().Now());
  TakeSchedulerEvents();
  if (plan.empty()) return SubmitBehind();
  for (const scheduler::SeqOp& op : plan.ops) edits_->Apply(op);
  if (plan.rows.empty()) return true;

  const MonotonicTime start = SystemClock().Now();
  const scheduler::StepOutcome outcome = Decode(plan);
  if (lost_) return true;
  scheduler_->Decoded(outcome, SystemClock().Now() - start);
  if (outcome.kind == scheduler::StepOutcome::Kind::kDone) UseOutputs(plan);
  TakeSchedulerEvents();
  return true;
}

scheduler::StepOutcome StepLoop::Decode(const scheduler::Plan& plan) {
  std::vector<llama::Row> rows;
  std::vector<CancelFlag> flags;
  rows.reserve(plan.rows.size());
  uint64_t last_id = 0;
  auto generation = generations_.end();
  for (const scheduler::Row& row : plan.rows) {
    rows.push_back({row.token, row.pos, row.seq, row.output});
    const auto part = parts_.find(row.request);
    CHECK(part != parts_.end(), "the scheduler plans only what was submitted");
    const uint64_t id = part->second.id;
    if (flags.empty() || id != last_id) {  // rows of one request stand together
      last_id = id;
      generation = generations_.find(id);
      flags.push_back(generation != generations_.end() ? generation->second.cancelled
                                                       : scorings_.at(id).cancelled);
    }
    if (generation == generations_.end()) continue;
    PlaceAmong(generation->second.work.prompts[part->second.index].images, rows.back());
  }
  watch_.Begin(std::move(flags));
  const llama::DecodeOutcome decoded = context_->Decode(rows);
  watch_.End();

  using Kind = scheduler::StepOutcome::Kind;
  scheduler::StepOutcome outcome;
  switch (decoded) {
    case llama::DecodeOutcome::kOk:
      outcome.kind = Kind::kDone;
      break;
    case llama::DecodeOutcome::kNoRoom:
      outcome.kind = Kind::kNoRoom;
      break;
    case llama::DecodeOutcome::kBadInput:
      LogError("a step was refused as malformed; its requests fail");
      outcome.kind = Kind::kFailed;
      break;
    case llama::DecodeOutcome::kFatal:
      lost_ = true;
      break;
    case llama::DecodeOutcome::kAborted:
      outcome.kind = Kind::kAborted;
      for (const scheduler::Row& row : plan.rows) {
        const auto same = [&](const auto& reached) { return reached.seq == row.seq; };
        if (std::ranges::any_of(outcome.reached, same)) continue;
        outcome.reached.push_back({row.seq, context_->LastPosition(row.seq) + 1});
      }
      break;
  }
  return outcome;
}

void StepLoop::UseOutputs(const scheduler::Plan& plan) {
  // What the row before gave. The rows of a draft stand behind the row that they go on from.
  llama::Token drawn = llama::kNoToken;
  for (size_t i = 0; i < plan.rows.size(); ++i) {
    const scheduler::Row& row = plan.rows[i];
    const bool wrong = row.IsVoidAfter(drawn);
    if (row.draft) CountDraft(row, !wrong);
    drawn = row.output && !wrong ? UseRow(row, static_cast<int32_t>(i)) : llama::kNoToken;
  }
}

void StepLoop::CountDraft(const scheduler::Row& row, bool right) {
  const auto part = parts_.find(row.request);
  if (part == parts_.end()) return;
  const auto found = generations_.find(part->second.id);
  if (found == generations_.end()) return;
  ++found->second.draft_tokens;
  found->second.draft_tokens_accepted += right ? 1 : 0;
}

// The token that the last of the row's branches goes on with; kNoToken when there is none.
llama::Token StepLoop::UseRow(const scheduler::Row& row, int32_t index) {
  // A request may end by an error of one of its branches while rows of others are still to be used.
  const auto part = parts_.find(row.request);
  if (part == parts_.end()) return llama::kNoToken;
  const Part of = part->second;
  if (const auto found = scorings_.find(of.id); found != scorings_.end()) {
    ScoreRow(found->second, of.index, row, context_->Logits(index));
    return llama::kNoToken;
  }
  if (auto& echo = generations_.at(of.id).work.prompts[of.index].echo; echo.wants_rows()) {
    echo.Take(context_->model().vocabulary(), row.pos, context_->Logits(index));
  }
  llama::Token drawn = llama::kNoToken;
  for (int32_t branch = row.branch; branch < row.branch + row.samples; ++branch) {
    const auto found = generations_.find(of.id);
    if (found == generations_.end()) return llama::kNoToken;
    drawn = DrawFor(found->second, of, row, branch, context_->Logits(index));
  }
  return drawn;
}

llama::Token StepLoop::DrawFor(Generation& generation, const Part& part, const scheduler::Row& row,
                               int32_t branch, std::span<const float> logits) {
  const size_t choice =
      part.index * static_cast<size_t>(generation.work.forks) + static_cast<size_t>(branch);
  Answer& answer = *generation.work.answers[choice];
  const EchoedPrompt& echo = generation.work.prompts[part.index].echo;
  if (answer.tokens() == 0 && echo.wants_rows()) answer.Echo(echo.logprobs);
  Result<AnswerStep> step = answer.Draw(logits);
  if (!step) {
    Abandon(generation.id, step.error());
    return llama::kNoToken;
  }
  if (generation.first_token == MonotonicTime{}) generation.first_token = SystemClock().Now();
  ++generated_tokens_;
  const llama::Token drawn = step->done ? llama::kNoToken : step->token;
  if (step->done) {
    scheduler_->Finished(row.request, branch);
  } else {
    scheduler_->Sampled(row.request, branch, step->token);
  }
  Emit(generation, std::move(*step));
  return drawn;
}

void StepLoop::ScoreRow(Scoring& scoring, size_t index, const scheduler::Row& row,
                        std::span<const float> logits) {
  const auto& sequence = scoring.work.sequences[index];
  const auto next = static_cast<size_t>(row.pos) + 1;
  if (row.pos < scoring.work.prompt_tokens - 1 || next >= sequence.size()) return;
  auto& score = scoring.scores.continuations[index];
  score.logprob += llama::Logprob(logits, sequence[next]);
  ++score.tokens;
}

void StepLoop::TakeSchedulerEvents() {
  for (const scheduler::Event& event : scheduler_->TakeEvents()) {
    switch (event.kind) {
      case scheduler::Event::Kind::kAdmitted:
        OnAdmitted(event);
        break;
      case scheduler::Event::Kind::kProgress:
        OnProgress(event);
        break;
      case scheduler::Event::Kind::kRequeued:
        break;
      case scheduler::Event::Kind::kEnded:
        OnEnded(event);
        break;
    }
  }
}

void StepLoop::OnAdmitted(const scheduler::Event& event) {
  const auto part = parts_.find(event.request);
  if (part == parts_.end()) return;
  if (const auto found = scorings_.find(part->second.id); found != scorings_.end()) {
    found->second.cached_tokens += event.cached_tokens;
    return;
  }
  Generation& generation = generations_.at(part->second.id);
  if (event.branch != 0 || generation.admitted_prompts == generation.work.prompts.size()) return;
  *generation.usage.cached_tokens += event.cached_tokens;
  if (generation.admitted_prompts++ > 0) return;
  generation.admitted = SystemClock().Now();
  TellStarted(generation, event.cached_tokens);
}

void StepLoop::TellStarted(Generation& generation, int64_t cached_tokens) {
  outbox_.Put(wire::EngineFrame::kEvent, generation.id,
              chat::Event{chat::Started{.prompt_tokens = *generation.usage.prompt_tokens,
                                        .cached_tokens = cached_tokens,
                                        .prompt = std::move(generation.work.told_prompt)}});
}

void StepLoop::OnProgress(const scheduler::Event& event) {
  const auto part = parts_.find(event.request);
  if (part == parts_.end()) return;
  const auto found = generations_.find(part->second.id);
  if (found == generations_.end()) return;
  Generation& generation = found->second;
  int32_t& processed = generation.processed[part->second.index];
  processed = std::max(processed, event.prompt_done);
  // Recomputing after a requeue is no progress that a client waits for.
  if (generation.first_token != MonotonicTime{}) return;
  const MonotonicTime now = SystemClock().Now();
  const int64_t total = *generation.usage.prompt_tokens;
  if (total < kProgressTokensMin || now - generation.progress_sent < kProgressInterval) return;
  generation.progress_sent = now;
  outbox_.Put(wire::EngineFrame::kEvent, generation.id,
              chat::Event{chat::Progress{std::accumulate(generation.processed.begin(),
                                                         generation.processed.end(), int64_t{0}),
                                         total}});
}

void StepLoop::OnEnded(const scheduler::Event& event) {
  const auto part = parts_.find(event.request);
  if (part == parts_.end()) return;
  const Part of = part->second;
  const auto scoring = scorings_.find(of.id);
  // A score with a part missing is no score.
  const bool cut = scoring != scorings_.end() && event.reason != scheduler::EndReason::kPromptDone;
  if (event.reason == scheduler::EndReason::kFailed || cut) {
    return Abandon(of.id, NotComputed());
  }
  if (scoring != scorings_.end()) {
    --scoring->second.open;
    return GoOn(scoring->second);
  }
  Generation& generation = generations_.at(of.id);
  if (event.reason == scheduler::EndReason::kPromptDone) {
    return EndPrompts(generation, of.index, 1);
  }
  const size_t choice =
      of.index * static_cast<size_t>(generation.work.forks) + static_cast<size_t>(event.branch);
  Answer& answer = *generation.work.answers[choice];
  // A list of log-probabilities with a part missing is none.
  if (answer.tokens() == 0 && generation.work.prompts[of.index].echo.wants_rows()) {
    return Abandon(of.id, NotComputed());
  }
  Emit(generation, answer.EndForLength());
}

void StepLoop::Emit(Generation& generation, AnswerStep step) {
  const chat::Delta& delta = step.delta;
  if (!delta.text.empty() || !delta.reasoning.empty() || !delta.tool_calls.empty() ||
      !delta.logprobs.empty() || !delta.tokens.empty()) {
    outbox_.Put(wire::EngineFrame::kEvent, generation.id, chat::Event{std::move(step.delta)});
  }
  if (!step.done) return;
  outbox_.Put(wire::EngineFrame::kEvent, generation.id, chat::Event{std::move(*step.done)});
  --generation.open_answers;
  if (generation.submissions.size() < generation.work.prompts.size()) behind_.insert(generation.id);
  CloseIfDone(generation);
}

void StepLoop::CloseIfDone(Generation& generation) {
  if (generation.open_answers > 0) return;
  const MonotonicTime now = SystemClock().Now();
  int64_t reasoning = 0;
  for (const auto& answer : generation.work.answers) {
    *generation.usage.completion_tokens += answer->tokens();
    reasoning += answer->reasoning_tokens();
  }
  generation.usage.reasoning_tokens = reasoning;
  if (generation.work.predicts) {
    generation.usage.accepted_prediction_tokens = generation.draft_tokens_accepted;
    generation.usage.rejected_prediction_tokens =
        generation.draft_tokens - generation.draft_tokens_accepted;
  }
  // An answer may end without a token, when the memory has no room for its prompt.
  if (generation.admitted == MonotonicTime{}) generation.admitted = now;
  if (generation.first_token == MonotonicTime{}) generation.first_token = now;
  chat::Done done{.usage = generation.usage,
                  .queue_ms = Milliseconds(generation.admitted - generation.received),
                  .prompt_ms = Milliseconds(generation.first_token - generation.admitted),
                  .decode_ms = Milliseconds(now - generation.first_token),
                  .draft_tokens = generation.draft_tokens,
                  .draft_tokens_accepted = generation.draft_tokens_accepted};
  outbox_.Put(wire::EngineFrame::kEvent, generation.id, chat::Event{done});
  for (const auto submission : generation.submissions) parts_.erase(submission);
  generations_.erase(generation.id);
}

void StepLoop::Abandon(uint64_t id, const Error& error) {
  const auto drop = [&](const std::vector<scheduler::RequestId>& submissions) {
    for (const auto submission : submissions) {
      scheduler_->Cancel(submission);
      parts_.erase(submission);
    }
  };
  if (const auto found = generations_.find(id); found != generations_.end()) {
    drop(found->second.submissions);
    generations_.erase(found);
    return outbox_.PutFailure(id, error);
  }
  if (const auto found = scorings_.find(id); found != scorings_.end()) {
    drop(found->second.submissions);
    scorings_.erase(found);
    return outbox_.PutFailure(id, error);
  }
  embeddings_.Drop(id, error);
}

void StepLoop::FailEverything(const Error& error) {
  for (const auto& [id, generation] : generations_) outbox_.PutFailure(id, error);
  for (const auto& [id, scoring] : scorings_) outbox_.PutFailure(id, error);
  embeddings_.FailAll(error);
}

EmbedQueue::Compute StepLoop::ComputeOf(llama::Embedder* embedder) {
  if (embedder == nullptr) return nullptr;
  return [embedder](std::span<const std::vector<llama::Token>> inputs,
                    const std::function<bool()>& stop) { return embedder->Embed(inputs, stop); };
}

bool StepLoop::StepEmbedding() {
  // Answers that are being generated go on between the steps of a long list of texts, and so do
  // questions: the gateway takes an engine that answers nothing for hung.
  return embeddings_.TakeTurn([&]() -> Result<void> {
    TakeInbox();
    if (scheduler_ != nullptr) StepGeneration();
    if (lost_) return Fail(Lost());
    if (!outbox_.Flush()) return Fail(Cancelled());
    return {};
  });
}

wire::EngineStats StepLoop::Stats() const {
  wire::EngineStats stats{.requests = requests_,
                          .prompt_tokens = prompt_tokens_ + embeddings_.tokens(),
                          .generated_tokens = generated_tokens_,
                          .memory_bytes = ResidentBytes()};
  stats.waiting = embeddings_.waiting();
  stats.running = embeddings_.running();
  stats.refused = embeddings_.refused();
  stats.embed_tokens_per_s = embeddings_.tokens_per_s();
  if (scheduler_ == nullptr) {
    stats.prefill_tokens_per_s = stats.embed_tokens_per_s;  // all that such an engine does
    return stats;
  }
  const scheduler::Stats now = scheduler_->stats();
  stats.waiting += now.waiting;
  stats.running += now.prefilling + now.decoding;
  stats.cells = now.cells;
  stats.cells_used = now.cells_used;
  stats.prompt_tokens_cached = now.tokens_reused;
  stats.preemptions = now.preemptions;
  stats.draft_tokens = now.draft_tokens;
  stats.draft_tokens_accepted = now.draft_tokens_accepted;
  stats.held = now.held;
  stats.prefilling = now.prefilling;
  stats.decoding = now.decoding;
  stats.cells_idle = now.cells_idle;
  stats.hits_idle = now.hits_cached;
  stats.hits_running = now.hits_running;
  stats.hits_joined = now.hits_joined;
  stats.hits_host = now.hits_host;
  stats.misses = now.misses;
  stats.refused += now.refused;
  stats.host_bytes = now.host_bytes;
  stats.prefill_tokens_per_s = now.prefill_tokens_per_s;
  stats.step_ms = now.decode_step_ms;
  if (now.decode_step_ms > 0) {
    stats.decode_tokens_per_s = std::max(now.decoding, 1) * 1000.0 / now.decode_step_ms;
  }
  return stats;
}

}  // namespace weir::engine

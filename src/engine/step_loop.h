// The engine thread: takes prepared requests from the inbox, asks the scheduler what to compute,
// computes it, samples, and sends what came of it. It owns the order of these steps and nothing
// else: whose turn it is, is the scheduler's decision, what an answer is, is the Answer's.
//
// Run() is the thread. Everything that it is given outlives it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "engine/embed_queue.h"
#include "engine/inbox.h"
#include "engine/outbox.h"
#include "engine/plan_edits.h"
#include "engine/step_watch.h"
#include "llama/context.h"
#include "llama/embedder.h"
#include "scheduler/scheduler.h"

namespace weir::engine {

class StepLoop {
 public:
  // `context` and `scheduler` are null in an engine that only embeds, `embedder` in one whose model
  // only generates.
  StepLoop(llama::Context* context, scheduler::Scheduler* scheduler, llama::Embedder* embedder,
           QueueBounds bounds, Inbox& inbox, Outbox& outbox, StepWatch& watch)
      : context_(context),
        scheduler_(scheduler),
        inbox_(inbox),
        outbox_(outbox),
        watch_(watch),
        embeddings_(ComputeOf(embedder), outbox, bounds, SystemClock()) {
    if (context != nullptr && scheduler != nullptr) edits_.emplace(*context, *scheduler);
  }

  // Until the inbox is closed (then: nothing) or the model's state is lost (then: the Error, sent
  // to every open request).
  Result<void> Run();

 private:
  struct Generation {
    uint64_t id = 0;
    CancelFlag cancelled = {};
    MonotonicTime received = {};
    MonotonicTime admitted = {};
    MonotonicTime first_token = {};
    PreparedGenerate work = {};
    // One for each prompt so far: a few at a time, so that a long list does not fill the queue that
    // its client shares.
    std::vector<scheduler::RequestId> submissions = {};
    bool paused = false;
    size_t admitted_prompts = 0;
    size_t open_answers = 0;
    int64_t draft_tokens = 0;
    int64_t draft_tokens_accepted = 0;
    chat::Usage usage = {};
    std::vector<int32_t> processed = {};  // tokens of each prompt
    MonotonicTime progress_sent = {};
  };
  struct Scoring {
    uint64_t id = 0;
    CancelFlag cancelled = {};
    PreparedScore work = {};
    // One for each continuation so far, as above.
    std::vector<scheduler::RequestId> submissions = {};
    size_t open = 0;  // submitted and not yet ended
    chat::Scores scores = {};
    int64_t cached_tokens = 0;
  };
  // Which request a scheduler's request belongs to, and which of its prompts or continuations.
  struct Part {
    uint64_t id = 0;
    size_t index = 0;
  };

  void TakeInbox();
  void Take(StartGenerate&& item);
  void Take(StartEmbed&& item);
  void Take(StartScore&& item);
  void Take(CancelRequest&& item);
  void Take(PauseRequest&& item);
  void Take(StatsRequest&& item);
  void Take(ReadyReply&& item);

  Result<void> SubmitScores(Scoring& scoring);
  Result<void> SubmitPrompts(Generation& generation);
  bool SubmitBehind();
  void AnswerWithEcho(Generation& generation);
  void EndPrompts(Generation& generation, size_t first, size_t count);

  bool StepGeneration();
  scheduler::StepOutcome Decode(const scheduler::Plan& plan);
  void UseOutputs(const scheduler::Plan& plan);
  void CountDraft(const scheduler::Row& row, bool right);
  llama::Token UseRow(const scheduler::Row& row, int32_t index);
  llama::Token DrawFor(Generation& generation, const Part& part, const scheduler::Row& row,
                       int32_t branch, std::span<const float> logits);
  void ScoreRow(Scoring& scoring, size_t index, const scheduler::Row& row,
                std::span<const float> logits);
  void TakeSchedulerEvents();
  void OnAdmitted(const scheduler::Event& event);
  void TellStarted(Generation& generation, int64_t cached_tokens);
  void OnProgress(const scheduler::Event& event);
  void OnEnded(const scheduler::Event& event);

  bool StepEmbedding();
  static EmbedQueue::Compute ComputeOf(llama::Embedder* embedder);

  void Emit(Generation& generation, AnswerStep step);
  void CloseIfDone(Generation& generation);
  void GoOn(Scoring& scoring);
  void Abandon(uint64_t id, const Error& error);
  void FailEverything(const Error& error);
  wire::EngineStats Stats() const;

  llama::Context* context_;
  scheduler::Scheduler* scheduler_;
  std::optional<PlanEdits> edits_ = {};  // where there is a scheduler
  Inbox& inbox_;
  Outbox& outbox_;
  StepWatch& watch_;

  std::unordered_map<uint64_t, Generation> generations_ = {};
  std::unordered_map<uint64_t, Scoring> scorings_ = {};
  EmbedQueue embeddings_;
  std::unordered_map<scheduler::RequestId, Part> parts_ = {};
  scheduler::RequestId next_submission_ = 1;
  std::set<uint64_t> behind_ = {};  // requests with parts that the scheduler has not got
  bool lost_ = false;
  uint64_t requests_ = 0;
  uint64_t prompt_tokens_ = 0;
  uint64_t generated_tokens_ = 0;
};

}  // namespace weir::engine

// Decides what one model computes next: which requests run, whose cells they share, and which rows
// make up each step. A pure state machine: requests, results and a time in, a plan out. It holds no
// clock, thread, log, lock or model, so a run is replayed exactly from its calls. One thread uses
// it, the one that owns the llama context.
//
// The loop around it:
//
//   for (;;) {
//     take submissions and cancels            -> Submit, Cancel, Pause, Resume
//     Plan plan = scheduler.Next(now);
//     if (plan.empty()) wait for a submission, a resume, or a sample that is still owed; continue;
//     apply plan.ops in order (Saved, Restored); if (plan.rows.empty()) continue;    // no Decoded
//     for a plan without rows code = llama_decode(rows); scheduler.Decoded(outcome, cost); if done:
//     for each row with samples > 0, for each of its branches: sample, then Sampled or Finished
//       (rows with draft set only if the token before them came true);
//     TakeEvents
//   }
//
// Promises:
// - A branch sees exactly the cells of its own tokens: what it answers depends on no neighbour (but
// for the rounding of
//   batched arithmetic). Cells are shared inside one tenant_salt and group only.
// - Every plan keeps the C API's rules: positions contiguous, rows within batch_tokens_max and
// outputs_max, cells within
//   Options::cells, sequence ids below seqs_max.
// - Every request ends if its samples come and it is not paused for ever: none starves, none fails
// because others came.
//   One that outgrows the cache ends with kOutOfRoom; tokens are never dropped silently.
// - A branch has a row with output at most once for each token to sample: a token that was sampled
// is never asked again.
// - Next costs microseconds: it is linear in branches and in the tokens that it plans, never in all
// tokens of the cache.
//
// It does not count time limits of requests (Cancel), look at tokens (stop strings, end of answer:
// Finished), or keep text.
//
// How it works: prefix_tree.h (who holds which cells), budget.h (how long a step may be),
// fair_share.h (whose turn it is), lookup.h (what may come next), and the essay in scheduler.cc.
#pragma once

#include <memory>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "scheduler/plan.h"

namespace weir::scheduler {

class Scheduler {
 public:
  // CHECKs that the options make sense (at least one cell, row and sequence; seqs_max <=
  // kSeqsLimit).
  explicit Scheduler(const Options& options);
  ~Scheduler();
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  // Takes a request into the queue. May be called between Next and Decoded, as may Cancel, Pause
  // and Resume.
  //   kInvalidArgument  empty prompt, a prompt beyond the context, counts out of range; names the
  //   limit kRateLimited      this key has waiting_max_per_key requests waiting;
  //   retry_after_s is estimated kUnavailable      waiting_max requests wait; retry_after_s is
  //   estimated from the measured rate of completions
  Result<void> Submit(Submission submission, MonotonicTime now);

  // The client is gone: every branch ends, without an event. Cells stay as cache if keep_prefix. An
  // unknown id is ignored, here and below: ends cross each other.
  void Cancel(RequestId id);

  // Back-pressure: a paused request gets no decode rows (its prompt goes on) and is the first to be
  // requeued under pressure. Its owner resumes or cancels it.
  void Pause(RequestId id);
  void Resume(RequestId id);

  // The next step. Empty when there is nothing to do now. After a plan with rows, Decoded comes
  // before the next Next.
  Plan Next(MonotonicTime now);

  // The engine's answers to a kSave and a kRestore of the last plan, in their order: the bytes that
  // the copy takes (0: there is none), and whether `seq` holds what the plan said (if not, it is
  // empty, and its branch computes its prompt).
  void Saved(Slot slot, uint64_t bytes);
  void Restored(Slot slot, Seq seq, bool ok);

  // What became of the plan's rows, and how long llama_decode took (sampling not included).
  void Decoded(const StepOutcome& outcome, Duration cost);

  // The engine sampled `token` for a branch from the row that asked for it; the branch goes on with
  // it. At its max_new_tokens or at the end of its room the branch ends by itself (an event says
  // so); the token counts all the same. The first one that is not as drafted voids the rest of the
  // draft.
  void Sampled(RequestId id, int32_t branch, Token token);

  // The engine ended a branch: end of answer, stop string, its own length. In place of Sampled for
  // a token that is not to be decoded, or after it.
  void Finished(RequestId id, int32_t branch);

  std::vector<Event> TakeEvents();

  Stats stats() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace weir::scheduler

// How the scheduler thinks.
//
// Everything is a branch: a token vector (prompt, then samples) of which the first `length` are in
// the cache. A branch that runs holds a sequence; it needs the cells up to its last token, and the
// row of the last token gives the next one. That one picture covers a fresh prompt, a stream (one
// token short), a fork (short by its first sample), and a branch that lost its place (short by all
// that nobody else kept). So to requeue is only to let go of the sequence: the branch waits like a
// new request whose prompt is longer, finds what is left of its cells in the tree, and goes on.
//
// Starting (admission.cc). A waiting branch starts when the worst case fits: cells that running
// branches hold, what each of them may still need (prompt left, and output up to output_reserve),
// the cells it would share that nobody runs on now, and its own need. Idle cells do not count: they
// are evicted when needed. The reserve is capped, since a max_new_tokens of thousands rarely comes
// true; so the sum can come true after all, and then the last in order is requeued. The first in
// order never is, so something always comes to its end, and with it everything.
//
// Order. What waits longer than `overdue` goes first, by age, and nothing overtakes it: that bounds
// every wait. Then come classes (a branch rises one for each `aging`), then the key that was
// served least, with what its running prompts will take yet and the cost of its shortest waiting
// prompt up to short_first; of the key's branches, those of the client that was served least, by
// the same sum. Victims are chosen from the other
// end by class and age alone, which no service changes: two branches never take turns in pushing
// each other out. For the same reason a newcomer pushes out only what is of a worse class, or
// paused.
//
// Waiting for each other. A branch whose prompt begins like one that is being computed is held
// until that one has passed their common part: eight clients with one system prompt compute it
// once. It holds no cells meanwhile, so a donor that vanishes only ends the wait. Donors are
// running, never held themselves, so waits cannot form a ring. A donor of a worse class works in
// the class of the one that waits.
//
// The step (step.cc). First one row for each stream, then prompt pieces from the budget, to the
// most urgent prompt and on. Cells are counted before: streams take what is free, then idle cells,
// then those of the last in order. Prompts take what is left; when nobody streams, the first prompt
// also pushes out the last in order, so it is never stuck.
//
// Host memory (host.cc). Every step looks at all cells in use, so idle ones slow everybody down.
// While somebody runs, idle sequences beyond idle_cells_max are copied to host memory and leave the
// cache, as do those that are evicted; a branch that starts takes the longer of what the cache and
// the host have. A branch that is being restored holds a sequence and no cells yet: nobody shares
// them before the engine has said that they are there. If they are not, there is nothing to undo.
// Deterministic requests take nothing from there: cells are not where the same request would have
// put them.
//
// Guessing (draft.cc). While no prompt waits, a stream's row may be followed by rows for the tokens
// that are likely to come after it, found in its own text (lookup.h). They are in the cache before
// it is known whether they are right; each sample confirms one or voids the rest, which leaves the
// cache again. A draft is as long as makes the step's tokens cheapest, by what steps with so many
// rows were measured to cost and how often guesses in this text were right: often that is not at
// all.
//
// Reproducible requests. Arithmetic depends on which rows share a step. A deterministic request
// that is alone computes its prompt in fixed chunks and has no drafts; cells made so are
// `canonical`, and such requests reuse canonical cells only, up to a chunk border. So on an idle
// engine the rows after the reused part are the same steps as without it.
#include "scheduler/scheduler.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/check.h"
#include "scheduler/impl.h"

namespace weir::scheduler {
namespace {

constexpr int kRetryAfterMax_s = 600;

// A fixed chunk has to fit a step.
Options Consistent(Options options) {
  options.chunk_deterministic = std::min(options.chunk_deterministic, options.batch_tokens_max);
  return options;
}

}  // namespace

Scheduler::Scheduler(const Options& options) : impl_(std::make_unique<Impl>(options)) {}
Scheduler::~Scheduler() = default;
Result<void> Scheduler::Submit(Submission submission, MonotonicTime now) {
  return impl_->Submit(std::move(submission), now);
}
void Scheduler::Cancel(RequestId id) { impl_->Cancel(id); }
void Scheduler::Pause(RequestId id) { impl_->SetPaused(id, true); }
void Scheduler::Resume(RequestId id) { impl_->SetPaused(id, false); }
Plan Scheduler::Next(MonotonicTime now) { return impl_->Next(now); }
void Scheduler::Saved(Slot slot, uint64_t bytes) { impl_->Saved(slot, bytes); }
void Scheduler::Restored(Slot slot, Seq seq, bool ok) { impl_->Restored(slot, seq, ok); }
void Scheduler::Decoded(const StepOutcome& outcome, Duration cost) {
  impl_->Decoded(outcome, cost);
}
void Scheduler::Sampled(RequestId id, int32_t branch, Token token) {
  impl_->Sampled(id, branch, token);
}
void Scheduler::Finished(RequestId id, int32_t branch) { impl_->Finished(id, branch); }
std::vector<Event> Scheduler::TakeEvents() { return impl_->TakeEvents(); }
Stats Scheduler::stats() const { return impl_->stats(); }

Scheduler::Impl::Impl(const Options& options)
    : options_(Consistent(options)),
      tree_(options.seqs_max, options.sharing),
      host_(options.sharing == Sharing::kPrefix ? options.host_bytes_max : 0,
            options.host_tokens_min, options.join_min),
      budget_(options),
      row_limit_(options.batch_tokens_max) {
  CHECK(options.cells >= 1 && options.batch_tokens_max >= 1 && options.outputs_max >= 1,
        "at least one cell, row and output");
  CHECK(options.seqs_max >= 1 && options.seqs_max <= kSeqsLimit, "seqs_max is 1 .. 256");
  CHECK(options.running_max >= 1 && options.chunk_deterministic >= 1, "something may run");
  CHECK(options.waiting_max >= 1 && options.waiting_max_per_key >= 1, "something may wait");
  if (host_.on()) tree_.OnEviction([this](Seq seq) { SaveIfWorth(seq); });
}

int32_t Scheduler::Impl::room_max() const {
  return options_.context_max > 0 ? std::min(options_.context_max, options_.cells) : options_.cells;
}

// 0 is the best; what waits long rises.
int32_t Scheduler::Impl::Class(const Request& request) const {
  const auto risen = (now_ - request.arrival) / std::max(options_.aging, Duration(1));
  return static_cast<int32_t>(std::max<int64_t>(0, static_cast<int64_t>(request.priority) - risen));
}

// Requests come.

Result<void> Scheduler::Impl::Validate(const Submission& s) {
  const auto size = static_cast<int64_t>(s.prompt.size());
  if (size == 0) return Fail(Code::kInvalidArgument, "the prompt is empty", "prompt");
  if (size > room_max()) {
    return Fail(Code::kInvalidArgument,
                fmt::format("the prompt has {} tokens; the context holds {}", size, room_max()),
                "prompt", "context_length_exceeded");
  }
  if (s.max_new_tokens < 0) {
    return Fail(Code::kInvalidArgument, "max_new_tokens is below 0", "max_new_tokens");
  }
  const int32_t forks_max = s.max_new_tokens == 0 ? 1 : kForksLimit;
  if (s.forks < 1 || s.forks > forks_max) {
    return Fail(Code::kInvalidArgument,
                fmt::format("n is {}; it may be 1 to {}", s.forks, forks_max), "n");
  }
  if (s.prompt_outputs_from < kNoPromptOutputs || s.prompt_outputs_from >= size) {
    return Fail(Code::kInvalidArgument, "outputs are wanted from beyond the prompt");
  }
  int32_t behind = 0;
  for (const Stretch& stretch : s.whole) {
    CHECK(stretch.from >= behind && stretch.from < stretch.to && stretch.to <= size,
          "stretches of the prompt, rising");
    CHECK(s.prompt_outputs_from == kNoPromptOutputs, "outputs are set one by one");
    behind = stretch.to;
    if (stretch.to - stretch.from <= options_.batch_tokens_max) continue;
    return Fail(Code::kInvalidArgument,
                fmt::format("{} tokens of the prompt belong into one step; it has at most {}",
                            stretch.to - stretch.from, options_.batch_tokens_max),
                "prompt");
  }
  const Shares::Share* key = parties_.keys().Find(s.key);
  if (key != nullptr && key->waiting >= options_.waiting_max_per_key) {
    return Fail(Refusal(Code::kRateLimited, "queue_per_key", options_.waiting_max_per_key,
                        key->waiting * parties_.keys().with_waiting()));
  }
  if (waiting_requests_ >= options_.waiting_max) {
    return Fail(Refusal(Code::kUnavailable, "queue", options_.waiting_max, waiting_requests_));
  }
  return {};
}

// Come back when half of those ahead have started, at the rate at which requests were completed
// lately; before the first completion, at the rate at which prompts are processed.
Error Scheduler::Impl::Refusal(Code code, const char* limit_name, int32_t limit, int32_t ahead) {
  ++counters_.refused;
  double seconds = completion_s_ * std::min(ahead, waiting_requests_) / 2;
  if (completion_s_ <= 0) {
    int64_t tokens = 0;
    for (const Branch* branch : waiting_) tokens += branch->size();
    for (const Branch* branch : running_) tokens += branch->remaining();
    seconds = static_cast<double>(tokens) * budget_.prompt_token_ns() / 1e9 / 2;
  }
  const int retry = static_cast<int>(std::clamp(std::ceil(seconds), 1.0, double{kRetryAfterMax_s}));
  return Error{.code = code,
               .message = fmt::format("{} requests wait already (limits.{}); try again in {} s",
                                      limit, limit_name, retry),
               .reason = "queue_full",
               .retry_after_s = retry};
}

Result<void> Scheduler::Impl::Submit(Submission s, MonotonicTime now) {
  now_ = std::max(now_, now);
  if (Result<void> valid = Validate(s); !valid) return valid;
  auto request = std::make_unique<Request>();
  Request& r = *request;
  const bool fresh = requests_.emplace(s.id, std::move(request)).second;
  CHECK(fresh, "request ids are unique among the live ones");
  if (requests_.size() == 1) last_completion_ = now_;  // idle time is not time between completions
  r.id = s.id;
  r.order = ++orders_;
  r.arrival = now_;
  r.domain = {s.tenant_salt, s.group};
  r.priority = s.priority;
  r.party = parties_.Enter(s.key, s.client);
  r.prompt_size = static_cast<int32_t>(s.prompt.size());
  r.max_new_tokens = s.max_new_tokens;
  r.prompt_outputs_from = s.prompt_outputs_from;
  r.whole = std::move(s.whole);
  r.deterministic = s.deterministic;
  r.keep_prefix = s.keep_prefix;
  r.live = s.forks;
  for (int32_t i = 0; i < s.forks; ++i) {
    r.branches.push_back(std::make_unique<Branch>(
        Branch{.request = &r, .index = i, .lookup = Lookup(s.prediction)}));
  }
  Branch& first = *r.branches.front();
  first.tokens = std::move(s.prompt);
  first.place = Branch::Place::kWaiting;
  waiting_.push_back(&first);
  ++r.party.key->waiting;
  ++waiting_requests_;
  return {};
}

void Scheduler::Impl::LeaveQueue(Request& request) {
  if (!request.waiting) return;
  request.waiting = false;
  --request.party.key->waiting;
  --waiting_requests_;
}

// Requests go.

Branch* Scheduler::Impl::Find(RequestId id, int32_t index) {
  const auto it = requests_.find(id);
  if (it == requests_.end()) return nullptr;
  auto& branches = it->second->branches;
  CHECK(index >= 0 && static_cast<size_t>(index) < branches.size(),
        "the request has no such branch");
  Branch* branch = branches[static_cast<size_t>(index)].get();
  return branch->place == Branch::Place::kEnded ? nullptr : branch;
}

// Frees the request with its last branch: neither may be touched afterwards.
void Scheduler::Impl::End(Branch& branch) {
  CHECK(!in_flight_, "a branch ends between steps");
  if (branch.place == Branch::Place::kRunning) {
    StopRunning(branch, /*keep=*/true);
  } else if (branch.place == Branch::Place::kWaiting) {
    Unhold(branch);
    std::erase(waiting_, &branch);
  }
  branch.place = Branch::Place::kEnded;
  Request& request = *branch.request;
  if (--request.live > 0) return;
  const bool completed = !request.waiting;
  LeaveQueue(request);
  parties_.Leave(request.party);
  if (completed) {
    const double sample = std::chrono::duration<double>(now_ - last_completion_).count();
    completion_s_ = completion_s_ <= 0 ? sample : completion_s_ + 0.2 * (sample - completion_s_);
    last_completion_ = now_;
  }
  requests_.erase(request.id);
}

// A branch that ends before its prompt is done takes the unborn ones with it.
void Scheduler::Impl::EndWithEvent(Branch& branch, EndReason reason) {
  Request& request = *branch.request;
  std::vector<Branch*> ending = {&branch};
  if (!request.forked) {
    for (const auto& other : request.branches) {
      if (other->place == Branch::Place::kUnborn) ending.push_back(other.get());
    }
  }
  for (Branch* other : ending) {
    events_.push_back({.kind = Event::Kind::kEnded,
                       .request = request.id,
                       .branch = other->index,
                       .reason = reason});
  }
  for (Branch* other : ending) End(*other);
}

void Scheduler::Impl::Cancel(RequestId id) {
  if (in_flight_) {
    cancelled_.push_back(id);
    return;
  }
  const auto it = requests_.find(id);
  if (it == requests_.end()) return;
  std::vector<Branch*> live;
  for (const auto& branch : it->second->branches) {
    if (branch->place != Branch::Place::kEnded) live.push_back(branch.get());
  }
  for (Branch* branch : live) End(*branch);
}

void Scheduler::Impl::SetPaused(RequestId id, bool paused) {
  const auto it = requests_.find(id);
  if (it != requests_.end()) it->second->paused = paused;
}

// Samples.

void Scheduler::Impl::Sampled(RequestId id, int32_t index, Token token) {
  CHECK(!in_flight_, "samples come between steps");
  Branch* branch = Find(id, index);
  if (branch == nullptr) return;
  CHECK(branch->awaiting, "no row asked for this sample");
  branch->awaiting = ConfirmDraft(*branch, token);
  if (branch->place == Branch::Place::kUnborn) {
    const std::vector<Token>& first = branch->request->branches.front()->tokens;
    branch->tokens.assign(first.begin(), first.begin() + branch->request->prompt_size);
    branch->place = Branch::Place::kWaiting;
    waiting_.push_back(branch);
  }
  branch->tokens.push_back(token);
  if (branch->generated() >= branch->request->max_new_tokens) {
    EndWithEvent(*branch, EndReason::kLength);
  } else if (branch->size() > room_max()) {
    EndWithEvent(*branch, EndReason::kOutOfRoom);
  }
}

void Scheduler::Impl::Finished(RequestId id, int32_t index) {
  CHECK(!in_flight_, "a branch finishes between steps");
  Branch* branch = Find(id, index);
  if (branch == nullptr) return;
  if (!branch->request->forked) return Cancel(id);  // its forks will never be born
  End(*branch);
}

// What is seen from outside.

std::vector<Event> Scheduler::Impl::TakeEvents() { return std::exchange(events_, {}); }

Stats Scheduler::Impl::stats() const {
  Stats stats = counters_;
  stats.waiting = static_cast<int32_t>(waiting_.size());
  for (const Branch* branch : waiting_) stats.held += branch->held_by != nullptr ? 1 : 0;
  for (const Branch* branch : running_) {
    ++(branch->generated() > 0 && branch->remaining() <= 1 ? stats.decoding : stats.prefilling);
  }
  stats.cells = options_.cells;
  stats.cells_used = tree_.cells_used();
  stats.cells_idle = tree_.cells_idle();
  stats.seqs_used = tree_.seqs_used();
  stats.seqs_idle = tree_.seqs_idle();
  stats.host_entries = host_.entries();
  stats.host_bytes = host_.bytes();
  const double prompt_ns = budget_.prompt_token_ns();
  stats.prefill_tokens_per_s = prompt_ns > 0 ? 1e9 / prompt_ns : 0;
  stats.decode_step_ms = budget_.decode_ns(std::max(1, stats.decoding)) / 1e6;
  return stats;
}

}  // namespace weir::scheduler

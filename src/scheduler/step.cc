// The rows of a step, and what became of them.
#include <algorithm>
#include <limits>
#include <span>
#include <tuple>
#include <utility>

#include "base/check.h"
#include "scheduler/impl.h"

namespace weir::scheduler {
namespace {

constexpr int32_t kNoOutput = std::numeric_limits<int32_t>::max();

void KeepRunning(std::vector<Branch*>& branches) {
  std::erase_if(branches, [](const Branch* b) { return b->place != Branch::Place::kRunning; });
}

}  // namespace

Plan Scheduler::Impl::Next(MonotonicTime now) {
  CHECK(!in_flight_, "Decoded comes before the next Next");
  CHECK(restores_.empty(), "Restored comes before the next Next");
  now_ = std::max(now_, now);
  Admit();
  if (!running_.empty()) ShrinkIdle();
  Plan plan;
  // Making room may take away the very rows that it was made for; what is left then gets its turn,
  // so that an empty plan always means that nothing can be done. Each round but the last ends with
  // fewer running, or with one that is alone.
  for (uint64_t lost = lost_;; lost = lost_) {
    plan.group = PickGroup();
    Compose(plan.group);
    if (!slices_.empty() || lost_ == lost) break;
    if (running_.empty()) Admit();
  }
  for (const Slice& slice : slices_) AppendRows(slice, plan);
  const auto rows = static_cast<int32_t>(plan.rows.size());
  const int32_t missing = tree_.cells_used() + restoring_ + rows - options_.cells;
  if (missing > 0) counters_.cells_evicted += static_cast<uint64_t>(tree_.Evict(missing));
  CHECK(tree_.cells_used() + restoring_ + rows <= options_.cells, "a step fits the cache");
  plan.ops = tree_.TakeOps();
  in_flight_ = rows > 0;
  return plan;
}

void Scheduler::Impl::Compose(uint32_t group) {
  std::vector<Branch*> prompts = Prompts(group);
  std::vector<Branch*> decoders = Decoders(group, prompts);
  MakeRoomToDecode(decoders);
  KeepRunning(prompts);
  if (decoders.empty()) MakeRoomForPrompt(prompts);
  slices_.clear();
  for (Branch* branch : decoders) slices_.push_back({.branch = branch, .count = 1, .decode = true});
  if (prompts.empty()) AddDrafts();
  AddPrompts(prompts, static_cast<int32_t>(decoders.size()));
}

// A group is of the class of its best branch. Stays with one for its quantum while it has work and
// no other is of a better class, then goes on to the best of the others, of equals to the one that
// was served longest ago.
uint32_t Scheduler::Impl::PickGroup() {
  constexpr int32_t kNone = std::numeric_limits<int32_t>::max();
  int32_t present = kNone;
  const Branch* other = nullptr;
  const auto rank = [&](const Branch& b) { return std::min(Class(*b.request), b.boost); };
  const auto turn = [&](const Branch& b) { return std::pair(rank(b), b.last_step); };
  for (const Branch* branch : running_) {
    if (!branch->runnable()) continue;
    if (branch->request->domain.group == group_) {
      present = std::min(present, rank(*branch));
    } else if (other == nullptr || turn(*branch) < turn(*other)) {
      other = branch;
    }
  }
  const bool ahead = other != nullptr && rank(*other) < present;
  const bool behind = other != nullptr && rank(*other) > present;
  const bool stay = behind || (present != kNone && !ahead && group_steps_ < options_.group_quantum);
  if (other != nullptr && !stay) {
    group_ = other->request->domain.group;
    group_steps_ = 0;
  }
  return group_;
}

// Prompts with work, the most urgent first.
std::vector<Branch*> Scheduler::Impl::Prompts(uint32_t group) const {
  const double prompt_ns = budget_.prompt_token_ns();
  std::vector<Claim> claims;
  for (size_t i = 0; i < running_.size(); ++i) {
    const Branch& branch = *running_[i];
    const Request& r = *branch.request;
    if (r.domain.group != group || !branch.runnable() || branch.decoding()) continue;
    const Duration cost(static_cast<int64_t>(prompt_ns * branch.remaining()));
    Claim claim{.rank = kOverdue, .order = r.order, .index = branch.index, .item = i};
    if (!IsOverdue(r)) {
      claim.rank = std::min(Class(r), branch.boost);
      claim.party = &r.party;
      claim.wait = std::min(cost, options_.short_first);
    }
    claims.push_back(claim);
  }
  Sort(claims, /*with_owed=*/false);
  std::vector<Branch*> prompts;
  for (const Claim& claim : claims) prompts.push_back(running_[claim.item]);
  return prompts;
}

// Streams with a token to put in; if they are more than fit a step, those whose last step is
// longest ago. Prompts keep a part of the step.
std::vector<Branch*> Scheduler::Impl::Decoders(uint32_t group,
                                               const std::vector<Branch*>& prompts) {
  std::vector<Branch*> decoders;
  for (Branch* branch : running_) {
    if (branch->request->domain.group != group) continue;
    if (branch->runnable() && branch->decoding()) decoders.push_back(branch);
  }
  int32_t limit = std::min(row_limit_, options_.outputs_max);
  if (!prompts.empty()) {
    const bool prompts_turn = step_ % 2 == 0;
    limit -= limit == 1 ? (prompts_turn ? 1 : 0) : std::clamp(options_.chunk_min, 1, limit / 2);
    // What belongs into one step leaves the rest of it.
    const int32_t together = prompts.front()->rows_min();
    if (together > 1) limit = std::min(limit, options_.batch_tokens_max - together);
  }
  if (static_cast<int32_t>(decoders.size()) > limit) {
    const auto turn = [](const Branch* b) {
      return std::tuple(b->last_step, b->request->order, b->index);
    };
    std::sort(decoders.begin(), decoders.end(),
              [&](const Branch* a, const Branch* b) { return turn(a) < turn(b); });
    decoders.resize(static_cast<size_t>(limit));
  }
  return decoders;
}

void Scheduler::Impl::MakeRoomToDecode(std::vector<Branch*>& decoders) {
  while (cells_pinned() + static_cast<int32_t>(decoders.size()) > options_.cells) {
    Branch* last = LastInOrder(nullptr);
    CHECK(last != nullptr, "a branch with a row is owed no sample");
    if (running_.size() == 1) {
      decoders.clear();
      ++lost_;
      EndWithEvent(*last, EndReason::kOutOfRoom);
    } else {
      Preempt(*last);
      KeepRunning(decoders);
    }
  }
}

void Scheduler::Impl::MakeRoomForPrompt(std::vector<Branch*>& prompts) {
  const auto lacks_room = [&] {
    return options_.cells - cells_pinned() < prompts.front()->rows_min();
  };
  while (!prompts.empty() && lacks_room() && running_.size() > 1) {
    Preempt(*LastInOrder(nullptr));
    KeepRunning(prompts);
  }
}

void Scheduler::Impl::AddPrompts(const std::vector<Branch*>& prompts, int32_t decoders) {
  int32_t budget = budget_.PromptTokens(decoders);
  int32_t rows = row_limit_ - decoders;
  int32_t outputs = options_.outputs_max - decoders;
  int32_t room = options_.cells - cells_pinned() - decoders;
  for (Branch* branch : prompts) AddPrompt(*branch, budget, rows, outputs, room);
}

void Scheduler::Impl::AddPrompt(Branch& branch, int32_t& budget, int32_t& rows, int32_t& outputs,
                                int32_t& room) {
  const int32_t chunk = options_.chunk_deterministic;
  const int32_t to_border = chunk - branch.length % chunk;
  // Chunks that a stretch bends are no canonical ones; the next are fixed all the same.
  const bool bent = branch.request->deterministic && !branch.request->whole.empty();
  const bool fixed = (branch.canonical || bent) && running_.size() == 1;
  const int32_t wanted = fixed ? to_border : budget;
  int32_t count = std::min({branch.remaining(), wanted, rows, room});
  count = LimitByOutputs(branch, count, outputs);
  count = WithWholeStretches(branch, count,
                             std::min(rows + options_.batch_tokens_max - row_limit_, room));
  if (count <= 0 || LimitByOutputs(branch, count, outputs) < count) return;
  const bool canonical = fixed && count == chunk;
  slices_.push_back({.branch = &branch, .count = count, .canonical = canonical});
  budget -= count;
  rows -= count;
  room -= count;
  for (int32_t i = 0; i < count; ++i) outputs -= WantsOutput(branch, branch.length + i) ? 1 : 0;
}

// A piece ends in front of tokens that belong into one step, or behind them.
int32_t Scheduler::Impl::WithWholeStretches(const Branch& branch, int32_t count, int32_t most) {
  const Stretch* cut = count > 0 ? branch.inside(branch.length + count) : nullptr;
  if (cut == nullptr) return count;
  if (cut->from > branch.length) return cut->from - branch.length;
  const int32_t all = cut->to - branch.length;
  return all <= most ? all : 0;
}

bool Scheduler::Impl::WantsOutput(const Branch& branch, int32_t pos) const {
  const Request& request = *branch.request;
  if (request.max_new_tokens > 0 && pos == branch.size() - 1) return true;
  return branch.outputs_prompt() && pos < request.prompt_size &&
         pos >= std::max(request.prompt_outputs_from, branch.outputs_done);
}

// The longest piece up to `count` tokens that wants at most `outputs` rows with logits.
int32_t Scheduler::Impl::LimitByOutputs(const Branch& branch, int32_t count,
                                        int32_t outputs) const {
  int32_t wanted = 0;
  for (int32_t i = 0; i < count; ++i) {
    wanted += WantsOutput(branch, branch.length + i) ? 1 : 0;
    if (wanted > outputs) return i;
  }
  return count;
}

void Scheduler::Impl::AppendRows(const Slice& slice, Plan& plan) const {
  const Branch& branch = *slice.branch;
  const Request& request = *branch.request;
  for (int32_t i = 0; i < slice.count; ++i) {
    const int32_t pos = branch.length + i;
    const bool asks = request.max_new_tokens > 0 && pos == branch.size() - 1;
    const bool forks = asks && !request.forked;
    plan.rows.push_back(
        {.token = branch.tokens[static_cast<size_t>(pos)],
         .pos = pos,
         .seq = branch.seq,
         .output = WantsOutput(branch, pos),
         .samples = forks ? static_cast<int32_t>(request.branches.size()) : (asks ? 1 : 0),
         .request = request.id,
         .branch = branch.index});
  }
  int32_t pos = branch.length + slice.count;
  for (const Token token : slice.draft) {
    plan.rows.push_back({.token = token,
                         .pos = pos++,
                         .seq = branch.seq,
                         .output = true,
                         .samples = 1,
                         .request = request.id,
                         .branch = branch.index,
                         .draft = true});
  }
}

// What became of a step.

void Scheduler::Impl::Decoded(const StepOutcome& outcome, Duration cost) {
  CHECK(in_flight_, "no step is under way");
  CHECK(restores_.empty(), "Restored comes before Decoded");
  in_flight_ = false;
  ++step_;
  ++group_steps_;
  ++counters_.steps;
  switch (outcome.kind) {
    case StepOutcome::Kind::kDone:
      AfterDone(cost);
      break;
    case StepOutcome::Kind::kAborted:
      AfterAbort(outcome);
      break;
    case StepOutcome::Kind::kNoRoom:
      AfterNoRoom();
      break;
    case StepOutcome::Kind::kFailed:
      AfterFailure();
      break;
  }
  slices_.clear();
  for (const RequestId id : std::exchange(cancelled_, {})) Cancel(id);
}

// The first `done` tokens of the slice are in the cache now.
void Scheduler::Impl::Advance(const Slice& slice, int32_t done) {
  Branch& branch = *slice.branch;
  const bool canonical = slice.canonical && done == slice.count;
  const auto from = static_cast<size_t>(branch.length);
  tree_.Append(branch.seq, std::span(branch.tokens).subspan(from, static_cast<size_t>(done)),
               canonical);
  branch.length += done;
  branch.canonical = branch.canonical && canonical;
  branch.last_step = step_;
  (slice.decode ? counters_.decode_tokens : counters_.prefill_tokens) +=
      static_cast<uint64_t>(done);
  ReleaseHolders(branch, branch.length);
}

void Scheduler::Impl::AfterDone(Duration cost) {
  int32_t decodes = 0, prompts = 0;
  for (const Slice& slice : slices_) (slice.decode ? decodes : prompts) += slice.rows();
  budget_.Measured(decodes, prompts, cost);
  row_limit_ = std::min(options_.batch_tokens_max, row_limit_ * 2);
  for (Slice& slice : slices_) {
    Branch& branch = *slice.branch;
    Request& request = *branch.request;
    FairShare::Charge(request.party, cost * slice.rows() / (decodes + prompts));
    Advance(slice, slice.count);
    if (!slice.draft.empty()) KeepDraft(slice);
    if (!slice.decode) {
      const int32_t prompt_done = std::min(branch.length, request.prompt_size);
      branch.outputs_done = std::max(branch.outputs_done, prompt_done);
      events_.push_back({.kind = Event::Kind::kProgress,
                         .request = request.id,
                         .branch = branch.index,
                         .prompt_done = prompt_done});
    }
    if (branch.remaining() > 0) continue;
    if (request.max_new_tokens == 0) {
      EndWithEvent(branch, EndReason::kPromptDone);
      continue;
    }
    branch.awaiting = true;
    if (request.forked) continue;
    request.forked = true;
    KeepCheckpoint(branch);
    for (const auto& fork : request.branches) {
      if (fork->place == Branch::Place::kUnborn) fork->awaiting = true;
    }
  }
}

// A state that cannot be cut is of use to a prompt that begins with all of it only, and the next
// turn of a conversation seldom has this answer as it was sampled. So the state at the end of the
// prompt stays as well, where that pushes out nobody.
void Scheduler::Impl::KeepCheckpoint(const Branch& branch) {
  const Request& request = *branch.request;
  if (options_.sharing != Sharing::kWhole || !request.keep_prefix) return;
  if (branch.length != request.prompt_size || !tree_.has_free_seq()) return;
  const PrefixTree::Match all{.length = branch.length, .donor = branch.seq, .whole = true};
  const Seq checkpoint = tree_.Open(request.domain, all, now_);
  tree_.Retire(checkpoint, branch.length, branch.length, now_);
}

int32_t Scheduler::Impl::FirstOutput(const Slice& slice) const {
  for (int32_t i = 0; i < slice.count; ++i) {
    const int32_t pos = slice.branch->length + i;
    if (WantsOutput(*slice.branch, pos)) return pos;
  }
  return kNoOutput;
}

// What was computed stays, but for rows whose logits were wanted: those are lost, so they are
// computed again.
void Scheduler::Impl::AfterAbort(const StepOutcome& outcome) {
  for (const Slice& slice : slices_) {
    Branch& branch = *slice.branch;
    const auto reached = std::find_if(outcome.reached.begin(), outcome.reached.end(),
                                      [&](const auto& r) { return r.seq == branch.seq; });
    CHECK(reached != outcome.reached.end(), "an aborted step tells how far each sequence came");
    const int32_t done = reached->next_pos - branch.length;
    CHECK(done >= 0 && done <= slice.rows(), "a sequence ends within its rows");
    const int32_t first_output = FirstOutput(slice);
    // A draft stands behind a row whose logits were wanted: it is removed together with that.
    Advance(slice, std::min(done, slice.count));
    if (branch.length <= first_output) {
      if (branch.remaining() == 0) EndWithEvent(branch, EndReason::kPromptDone);
    } else if (options_.sharing == Sharing::kPrefix) {
      tree_.Trim(branch.seq, first_output);
      branch.length = first_output;
      branch.borrowed = std::min(branch.borrowed, first_output);
    } else {
      StopRunning(branch, /*keep=*/false);
      branch.place = Branch::Place::kWaiting;
      waiting_.push_back(&branch);
      ++counters_.preemptions;
      events_.push_back(
          {.kind = Event::Kind::kRequeued, .request = branch.request->id, .branch = branch.index});
    }
  }
}

// The memory holds less than was counted on (padding, a window). Nothing was kept, so: free idle
// cells, else ask for less, else requeue the last in order, and only for a branch that is alone is
// this the end.
void Scheduler::Impl::AfterNoRoom() {
  ++counters_.no_room;
  int32_t rows = 0;
  for (const Slice& slice : slices_) rows += slice.rows();
  const int32_t freed = tree_.Evict(std::max(rows, options_.cells / 8));
  counters_.cells_evicted += static_cast<uint64_t>(freed);
  if (freed > 0) return;
  if (rows > 1 && row_limit_ > 1) {
    row_limit_ = std::max(1, std::min(row_limit_, rows) / 2);
    return;
  }
  Branch* last = LastInOrder(nullptr);
  CHECK(last != nullptr, "a branch with a row is owed no sample");
  if (running_.size() == 1) {
    EndWithEvent(*last, EndReason::kOutOfRoom);
  } else {
    Preempt(*last);
  }
}

void Scheduler::Impl::AfterFailure() {
  for (const Slice& slice : slices_) {
    Branch& branch = *slice.branch;
    StopRunning(branch, /*keep=*/false);
    branch.place = Branch::Place::kWaiting;
    waiting_.push_back(&branch);
    EndWithEvent(branch, EndReason::kFailed);
  }
}

}  // namespace weir::scheduler

// Who may start, and who has to make room.
#include <algorithm>
#include <limits>
#include <tuple>

#include "base/check.h"
#include "scheduler/impl.h"

namespace weir::scheduler {
namespace {

// Candidates that are looked at in one step although they do not fit.
constexpr int32_t kBlockedTries = 8;
// An overdue branch waits for others' prefixes at most so often: makers that come one after another
// cannot keep it.
constexpr int32_t kHoldsOverdue = 2;

}  // namespace

// What running prompts will still take counts as if it had been given: of two keys that send many
// requests at once, neither gets all places.
void Scheduler::Impl::ReckonOwed() {
  for (const auto* branches : {&waiting_, &running_}) {
    for (const Branch* branch : *branches) {
      branch->request->party.key->owed = Duration(0);
      branch->request->party.client->owed = Duration(0);
    }
  }
  const double prompt_ns = budget_.prompt_token_ns();
  for (const Branch* branch : running_) {
    const Duration left(static_cast<int64_t>(prompt_ns * branch->remaining()));
    branch->request->party.key->owed += left;
    branch->request->party.client->owed += left;
  }
}

// Waiting branches that this round has not looked at, the most urgent first.
std::vector<Branch*> Scheduler::Impl::Candidates(uint64_t round) {
  ReckonOwed();
  const double prompt_ns = budget_.prompt_token_ns();
  std::vector<Claim> claims;
  for (size_t i = 0; i < waiting_.size(); ++i) {
    const Branch& b = *waiting_[i];
    const Request& r = *b.request;
    if (b.tried == round || b.held_by != nullptr || r.paused) continue;
    Claim claim{.rank = kOverdue, .order = r.order, .index = b.index, .item = i};
    if (!IsOverdue(r)) {
      // What ran before lost its place, and a fork costs one row: neither is a long prompt.
      const double cost = b.started || b.generated() > 0 ? 0 : prompt_ns * b.size();
      claim.rank = Class(r);
      claim.party = &r.party;
      claim.wait = std::min(Duration(static_cast<int64_t>(cost)), options_.short_first);
    }
    claims.push_back(claim);
  }
  Sort(claims, /*with_owed=*/true);
  std::vector<Branch*> candidates;
  for (const Claim& claim : claims) candidates.push_back(waiting_[claim.item]);
  return candidates;
}

void Scheduler::Impl::Admit() {
  const uint64_t round = ++round_;
  std::vector<Branch*> blocked;
  // Who starts changes the order of the others; each is looked at once.
  while (AdmitFirst(Candidates(round), blocked)) {
  }
}

// True when one was admitted, or somebody lost his place: then the order is another.
bool Scheduler::Impl::AdmitFirst(const std::vector<Branch*>& candidates,
                                 std::vector<Branch*>& blocked) {
  const uint64_t lost = lost_;
  for (Branch* branch : candidates) {
    branch->tried = round_;
    switch (TryAdmit(*branch)) {
      case Admission::kHeld:
        break;
      case Admission::kAdmitted:
        for (Branch* passed : blocked) ++passed->bypassed;
        break;
      case Admission::kBlocked:
        blocked.push_back(branch);
        break;
    }
    if (static_cast<int32_t>(blocked.size()) >= kBlockedTries) return false;
    // Without a turn or an id there is nothing for those behind either: they are of no better
    // class.
    const bool full = static_cast<int32_t>(running_.size()) >= options_.running_max ||
                      (!tree_.has_free_seq() && tree_.seqs_idle() == 0);
    if (full && !blocked.empty()) return false;
    for (const Branch* passed : blocked) {
      if (IsOverdue(*passed->request) || passed->bypassed >= options_.bypass_max) return false;
    }
    if (branch->place == Branch::Place::kRunning || lost_ != lost) return true;
  }
  return false;
}

Scheduler::Impl::Admission Scheduler::Impl::TryAdmit(Branch& branch) {
  PrefixTree::Match match = FindPrefix(branch);
  if (HoldForPrefix(branch, match.length)) return Admission::kHeld;
  if (!MakePlace(branch, match)) return Admission::kBlocked;
  if (!StartFromHost(branch, match.length)) Start(branch, match);
  return Admission::kAdmitted;
}

// The last token is always computed, since its row gives the logits; so are prompt rows whose
// logits are wanted.
int32_t Scheduler::Impl::ReusableMax(const Branch& branch) const {
  const Request& request = *branch.request;
  const int32_t limit = branch.size() - 1;
  if (!branch.outputs_prompt()) return limit;
  return std::min(limit, std::max(request.prompt_outputs_from, branch.outputs_done));
}

PrefixTree::Match Scheduler::Impl::FindPrefix(const Branch& branch) const {
  const Request& request = *branch.request;
  int32_t limit = ReusableMax(branch);
  if (!request.deterministic) return tree_.Find(request.domain, branch.tokens, limit, false);
  const int32_t chunk = options_.chunk_deterministic;
  limit -= limit % chunk;
  const PrefixTree::Match match = tree_.Find(request.domain, branch.tokens, limit, true);
  if (match.length % chunk == 0) return match;
  return tree_.Find(request.domain, branch.tokens, match.length - match.length % chunk, true);
}

// Waits for the running branch whose tokens to come save this one the most.
bool Scheduler::Impl::HoldForPrefix(Branch& branch, int32_t matched) {
  const Request& request = *branch.request;
  if (request.deterministic || options_.sharing == Sharing::kWhole) return false;
  if (IsOverdue(request) && branch.holds >= kHoldsOverdue) return false;
  const int32_t limit = ReusableMax(branch);
  Branch* donor = nullptr;
  int32_t most = matched + options_.join_min - 1;
  for (Branch* other : running_) {
    if (other->remaining() <= 1 || !(other->request->domain == request.domain)) continue;
    const int32_t span = std::min(limit, other->size());
    if (span <= most) continue;
    const auto end = branch.tokens.begin() + span;
    const auto common = static_cast<int32_t>(
        std::mismatch(branch.tokens.begin(), end, other->tokens.begin()).first -
        branch.tokens.begin());
    if (common <= most || common <= other->length) continue;
    donor = other;
    most = common;
  }
  if (donor == nullptr) return false;
  branch.held_by = donor;
  branch.held_until = most;
  branch.joined = true;
  ++branch.holds;
  ++donor->holders;
  donor->boost = std::min(donor->boost, Class(request));
  return true;
}

void Scheduler::Impl::Unhold(Branch& branch) {
  if (branch.held_by == nullptr) return;
  --branch.held_by->holders;
  branch.held_by = nullptr;
}

void Scheduler::Impl::ReleaseHolders(Branch& donor, int32_t length) {
  if (donor.holders == 0) return;
  for (Branch* branch : waiting_) {
    if (branch->held_by == &donor && branch->held_until <= length) Unhold(*branch);
  }
}

// Cells that a branch may still take beside those it holds.
int64_t Scheduler::Impl::Reserve(const Branch& branch) const {
  return std::min(options_.output_reserve, branch.future());
}

int64_t Scheduler::Impl::Reserved() const {
  int64_t sum = 0;
  for (const Branch* branch : running_) sum += branch->remaining() + Reserve(*branch);
  return sum;
}

// `extra` cells are thought free besides.
bool Scheduler::Impl::Fits(const Branch& branch, const PrefixTree::Match& match,
                           int64_t extra) const {
  if (running_.empty()) return true;
  const int64_t most = std::min<int64_t>(branch.size() + Reserve(branch), options_.cells);
  const int64_t own = most - match.length;
  const int64_t held = int64_t{tree_.cells_pinned()} + match.idle_cells;
  return held + Reserved() + own - extra <= options_.cells;
}

// A newcomer pushes out who is of a worse class, or paused.
bool Scheduler::Impl::MayGiveWayTo(const Branch& victim, const Branch& branch) const {
  if (victim.awaiting || victim.request == branch.request) return false;
  return victim.request->paused || Class(*victim.request) > Class(*branch.request);
}

// Finds a place for the branch: cells, an id, a turn. Requeues others if that is certain to be
// enough.
bool Scheduler::Impl::MakePlace(Branch& branch, PrefixTree::Match& match) {
  const auto has_place = [&](int64_t cells, int32_t places) {
    const int32_t running = static_cast<int32_t>(running_.size()) - places;
    const bool has_seq = tree_.has_free_seq() || tree_.seqs_idle() > 0 || places > 0;
    return running < options_.running_max && has_seq && Fits(branch, match, cells);
  };
  if (has_place(0, 0)) return true;
  int64_t cells = 0;
  int32_t places = 0;
  for (const Branch* other : running_) {
    if (!MayGiveWayTo(*other, branch)) continue;
    cells += other->size() + Reserve(*other);
    ++places;
  }
  if (places == 0 || !has_place(cells, places)) return false;
  while (!has_place(0, 0)) {
    Branch* last = nullptr;
    for (Branch* other : running_) {
      if (!MayGiveWayTo(*other, branch)) continue;
      const auto rank = [&](const Branch& b) {
        return std::tuple(b.request->paused, Class(*b.request), b.request->order, b.index);
      };
      if (last == nullptr || rank(*other) > rank(*last)) last = other;
    }
    if (last == nullptr) return false;  // shared cells were counted as if they came free
    Preempt(*last);
    match = FindPrefix(branch);
  }
  return true;
}

void Scheduler::Impl::Start(Branch& branch, const PrefixTree::Match& match) {
  Request& request = *branch.request;
  if (!tree_.has_free_seq()) tree_.EvictSequence(match.donor);  // else the donor is taken over
  const Seq seq = tree_.Open(request.domain, match, now_);
  // Which cells a sequence gets decides the order of its sums. With all others gone they are the
  // same cells each time.
  if (request.deterministic && running_.empty()) tree_.Evict(tree_.cells_idle());
  Run(branch, seq);
  branch.length = match.length;
  branch.borrowed = match.length;
  branch.canonical = request.deterministic;
  CountAdmission(branch, match.length,
                 match.length == 0  ? counters_.misses
                 : branch.joined    ? counters_.hits_joined
                 : match.donor_idle ? counters_.hits_cached
                                    : counters_.hits_running);
}

// The branch has a place.
void Scheduler::Impl::Run(Branch& branch, Seq seq) {
  branch.seq = seq;
  branch.place = Branch::Place::kRunning;
  branch.last_step = step_;
  std::erase(waiting_, &branch);
  running_.push_back(&branch);
  branch.bypassed = 0;
  branch.holds = 0;
}

// And it is known what it need not compute.
void Scheduler::Impl::CountAdmission(Branch& branch, int32_t reused, uint64_t& hits) {
  Request& request = *branch.request;
  LeaveQueue(request);
  counters_.tokens_reused += static_cast<uint64_t>(reused);
  ++hits;
  if (!branch.started) {
    events_.push_back({.kind = Event::Kind::kAdmitted,
                       .request = request.id,
                       .branch = branch.index,
                       .cached_tokens = std::min(reused, request.prompt_size)});
  }
  branch.started = true;
}

// The running branch that goes first when cells are needed: paused ones, then by class and age.
Branch* Scheduler::Impl::LastInOrder(const Branch* spare) const {
  Branch* last = nullptr;
  const auto rank = [&](const Branch& b) {
    const Request& r = *b.request;
    return std::tuple(r.paused, Class(r), r.order, b.index);
  };
  for (Branch* branch : running_) {
    if (branch == spare || branch->awaiting) continue;
    if (last == nullptr || rank(*branch) > rank(*last)) last = branch;
  }
  return last;
}

void Scheduler::Impl::StopRunning(Branch& branch, bool keep) {
  ReleaseHolders(branch, std::numeric_limits<int32_t>::max());
  AbandonRestore(branch);
  if (keep) {
    const int32_t kept = branch.request->keep_prefix ? branch.length : branch.borrowed;
    tree_.Retire(branch.seq, kept, branch.request->prompt_size, now_);
  } else {
    tree_.Drop(branch.seq);
  }
  branch.seq = kNoSeq;
  branch.length = 0;
  branch.restoring = 0;
  branch.boost = static_cast<int32_t>(Priority::kBackground);
  std::erase(running_, &branch);
}

void Scheduler::Impl::Preempt(Branch& branch) {
  CHECK(!branch.awaiting, "a branch whose sample is owed keeps its place");
  StopRunning(branch, /*keep=*/true);
  branch.place = Branch::Place::kWaiting;
  branch.joined = false;
  waiting_.push_back(&branch);
  ++counters_.preemptions;
  ++lost_;
  events_.push_back(
      {.kind = Event::Kind::kRequeued, .request = branch.request->id, .branch = branch.index});
}

}  // namespace weir::scheduler

// What goes to host memory, and what comes back.
#include <algorithm>
#include <utility>

#include "base/check.h"
#include "scheduler/impl.h"

namespace weir::scheduler {

// Starts a branch by copying from host memory, if that has clearly more than the cache.
bool Scheduler::Impl::StartFromHost(Branch& branch, int32_t matched) {
  const Request& request = *branch.request;
  if (!host_.on() || request.deterministic) return false;
  const HostTier::Match stored = host_.Find(request.domain, branch.tokens, ReusableMax(branch));
  if (stored.length < matched + std::max(1, options_.join_min)) return false;
  // The whole copy is in the cache before it is cut, and it shares no cell.
  if (cells_pinned() + stored.stored > options_.cells || !Fits(branch, {}, 0)) return false;
  host_.Hold(stored.slot);
  ShrinkIdle();  // first, so that the copy gets the low cells: those above are not looked at
  const int32_t missing = tree_.cells_used() + restoring_ + stored.stored - options_.cells;
  if (missing > 0) counters_.cells_evicted += static_cast<uint64_t>(tree_.Evict(missing));
  if (!tree_.has_free_seq()) tree_.EvictSequence(kNoSeq);
  host_.Hold(kNoSlot);
  host_.Touch(stored.slot, now_);
  Run(branch, tree_.Open(request.domain, {}, now_));
  tree_.ops().push_back(
      {.kind = SeqOp::Kind::kRestore, .seq = branch.seq, .to = stored.length, .slot = stored.slot});
  branch.restoring = stored.length;
  branch.canonical = false;
  branch.borrowed = 0;
  restoring_ += stored.length;
  restores_.push_back({&branch, branch.seq, stored.slot, stored.length});
  return true;
}

void Scheduler::Impl::AbandonRestore(const Branch& branch) {
  for (Restore& restore : restores_) {
    if (restore.branch != &branch) continue;
    restore.branch = nullptr;
    restoring_ -= restore.length;
  }
}

void Scheduler::Impl::Restored(Slot slot, Seq seq, bool ok) {
  const auto found = std::ranges::find_if(
      restores_, [&](const Restore& r) { return r.slot == slot && r.seq == seq; });
  CHECK(found != restores_.end(), "nobody asked for this copy");
  const Restore restore = *found;
  restores_.erase(found);
  if (!ok) {
    ++counters_.host_failures;
    host_.Lose(slot, tree_.ops());
  }
  if (restore.branch == nullptr) return;
  Branch& branch = *restore.branch;
  restoring_ -= restore.length;
  branch.restoring = 0;
  if (!ok) return CountAdmission(branch, 0, counters_.misses);
  const auto length = static_cast<size_t>(restore.length);
  tree_.Append(seq, std::span(branch.tokens).first(length), /*canonical=*/false);
  branch.length = restore.length;
  branch.borrowed = restore.length;
  CountAdmission(branch, restore.length, counters_.hits_host);
  ReleaseHolders(branch, branch.length);
}

void Scheduler::Impl::Saved(Slot slot, uint64_t bytes) {
  ++(bytes > 0 ? counters_.host_saves : counters_.host_failures);
  host_.Saved(slot, bytes);
}

// Whether the sequence may leave the cache: it is kept in host memory, or is not worth that.
bool Scheduler::Impl::SaveIfWorth(Seq seq) {
  std::vector<Token> tokens = tree_.Tokens(seq);
  const Domain domain = tree_.domain(seq);
  const int32_t prompt = tree_.prompt(seq);
  switch (host_.Judge(domain, tokens)) {
    case HostTier::Worth::kHeld:
    case HostTier::Worth::kTrifle:
      return true;
    case HostTier::Worth::kNoRoom:
      return false;
    case HostTier::Worth::kSave:
      break;
  }
  // A first copy tells how large copies are; until then nothing is given up for it.
  const bool certain = host_.knows_size();
  return host_.Add(domain, std::move(tokens), prompt, seq, now_, tree_.ops()) && certain;
}

// Attention walks over idle cells as over those in use, and splits the range of both between its
// threads, so what idle ones may cost is a share of what runs.
int64_t Scheduler::Impl::IdleAllowed() const {
  constexpr int64_t kLeast = 128;
  const int64_t active = tree_.cells_pinned() + Reserved();
  return std::min<int64_t>(options_.idle_cells_max, std::max(kLeast, active / 4));
}

// Idle cells beyond what is allowed go to host memory. While somebody streams, one sequence in a
// step: its copy is a gap in every stream.
void Scheduler::Impl::ShrinkIdle() {
  if (!host_.on() || tree_.cells_idle() <= IdleAllowed()) return;
  const bool streams = std::ranges::any_of(running_, [](const Branch* b) { return b->decoding(); });
  for (const Seq seq : tree_.IdleByValue()) {
    if (tree_.cells_idle() <= IdleAllowed()) return;
    const size_t ops = tree_.ops().size();
    const bool may_leave = SaveIfWorth(seq);
    const bool copied = tree_.ops().size() > ops;
    if (may_leave) tree_.Drop(seq);
    if (copied && streams) return;
  }
}

}  // namespace weir::scheduler

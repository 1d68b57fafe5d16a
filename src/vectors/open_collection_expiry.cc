// The part of OpenCollection that hides points that have ended, and erases them.
#include <algorithm>

#include "base/no_memory.h"
#include "vectors/open_collection.h"

namespace weir::vectors {
namespace {

// One transaction's; writers wait for it.
constexpr size_t kErasedAtOnce = 1'024;
// Points that end one after the other are erased together, so often.
constexpr std::chrono::seconds kPause(1);
// After an error: a disk that is full will be so for a while.
constexpr std::chrono::seconds kPauseAfterError(60);

}  // namespace

Expiry OpenCollection::Now() const {
  const Clock& clock = options_.clock != nullptr ? *options_.clock : SystemClock();
  return AsExpiry(clock.WallNow());
}

Result<int64_t> OpenCollection::EraseExpired(const std::atomic<bool>& stop) {
  int64_t erased = 0;
  for (bool more = true; more && !stop;) {
    const MutexLock lock(files_->writing);
    const auto some = EraseSome();
    if (!some) return some;
    erased += *some;
    more = static_cast<size_t>(*some) == kErasedAtOnce;
  }
  return erased;
}

Result<int64_t> OpenCollection::EraseSome() {
  if (dropped_) return 0;
  bool in_use = false;
  {
    const MutexLock lock(showing_);
    in_use = shown_.view != nullptr;
  }
  if (in_use) {
    if (auto loaded = Load(); !loaded) return Fail(std::move(loaded.error()));
  }
  auto seqs = files_->rows.Expired(row_.id, Now(), kErasedAtOnce);
  if (!seqs) return Fail(std::move(seqs.error()));
  if (seqs->empty()) return 0;
  auto transaction = files_->rows.Begin();
  if (!transaction) return Fail(std::move(transaction.error()));
  for (const int64_t seq : *seqs) {
    if (auto removed = files_->rows.RemoveBySeq(seq); !removed) {
      return Fail(std::move(removed.error()));
    }
  }
  if (auto committed = transaction->Commit(); !committed) return Fail(committed.error());
  const auto erased = static_cast<int64_t>(seqs->size());
  if (in_use) Show({.removed = std::move(*seqs)});
  files_->rows.GiveBackSpace();
  return erased;
}

void OpenCollection::EraseAt(Expiry time) noexcept {
  if (!options_.build_in_background) return;
  (void)OrNoMemory([&]() -> Result<void> {
    keeper_->AskAt(row_.id, WallTime(std::chrono::microseconds(time)),
                   [weak = weak_from_this()](const std::atomic<bool>& stop) {
                     if (const auto self = weak.lock()) self->EraseInBackground(stop);
                   });
    return {};
  });
}

void OpenCollection::EraseInBackground(const std::atomic<bool>& stop) {
  const auto next = OrNoMemory([&]() -> Result<Expiry> {
    if (auto erased = EraseExpired(stop); !erased) return Fail(std::move(erased.error()));
    const MutexLock lock(files_->writing);
    return dropped_ ? kNever : files_->rows.FirstExpiry(row_.id);
  });
  const WallTime now = SystemClock().WallNow();
  if (!next) return EraseAt(AsExpiry(now + kPauseAfterError));
  if (*next != kNever) EraseAt(std::max(*next, AsExpiry(now + kPause)));
}

}  // namespace weir::vectors

#include "ledger/purses.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace weir::ledger {
namespace {

// A lease goes a part of the limit beyond what is in use: little counts as spent after a crash, and
// the disk is asked in time for the next requests.
constexpr Pico kPartOfLimit = 50;

// Whether waiting for what `a` says takes longer than for what `b` says.
bool IsLater(const std::optional<WallTime>& a, const std::optional<WallTime>& b) {
  return b && (!a || *a > *b);
}

}  // namespace

Purses::Purse* Purses::At(const Claim& claim) {
  const auto found = purses_.find(claim.purse);
  if (found == purses_.end() && purses_.size() >= kPursesMax) return nullptr;
  Purse& purse = found == purses_.end() ? purses_[claim.purse] : found->second;
  purse.limit = claim.limit;
  purse.leases = claim.hard;
  purse.step = claim.limit / kPartOfLimit;
  return &purse;
}

void Purses::Wish(const PurseId& id, Purse& purse, Pico amount) {
  if (purse.asked) return;
  if (!purse.known) {
    purse.spent = 0;  // charges so far were handed to the disk before this
    purse.asked = true;
    wishes_.push_back({.purse = id,
                       .open = true,
                       .more = purse.leases ? Add(amount, purse.step) : 0,
                       .limit = purse.limit});
    return;
  }
  const Pico wanted = std::min(purse.limit, Add(Add(purse.in_use(), amount), purse.step));
  if (!purse.leases || wanted <= purse.ceiling) return;
  purse.asked = true;
  wishes_.push_back({.purse = id, .ceiling = wanted});
}

Purses::Verdict Purses::Reserve(std::span<const Claim> claims, Pico amount) {
  CHECK(amount >= 0, "nobody reserves less than nothing");
  std::optional<PurseId> waits;
  std::optional<Verdict> exhausted;
  std::optional<Verdict> busy;
  for (const Claim& claim : claims) {
    Purse* purse = At(claim);
    if (purse == nullptr) return {Verdict::Kind::kTooMany, claim.purse};
    if (!purse->known) {
      Wish(claim.purse, *purse, amount);
      if (claim.hard) waits = claim.purse;
      continue;
    }
    if (!claim.hard) continue;
    const Pico left = std::max<Pico>(0, Add(purse->limit, -purse->gone()));
    if (Add(purse->gone(), amount) > purse->limit) {
      const auto until =
          amount > purse->limit ? std::nullopt : EndOf(claim.purse.window, claim.purse.period);
      if (!exhausted || IsLater(until, exhausted->until)) {
        exhausted = Verdict{Verdict::Kind::kExhausted, claim.purse, left, until};
      }
      continue;
    }
    if (Add(purse->in_use(), amount) > purse->limit) {
      if (!busy) busy = Verdict{Verdict::Kind::kBusy, claim.purse, left};
      continue;
    }
    if (Add(purse->in_use(), amount) > purse->ceiling) {
      Wish(claim.purse, *purse, amount);
      waits = claim.purse;
    }
  }
  if (exhausted) return *exhausted;
  if (busy) return *busy;
  if (waits) return {Verdict::Kind::kWait, *waits};
  for (const Claim& claim : claims) {
    if (!claim.hard) continue;
    Purse& purse = purses_.at(claim.purse);
    purse.reserved = Add(purse.reserved, amount);
    // The next requests shall not wait for the disk either.
    if (purse.ceiling - purse.in_use() < purse.step / 2) Wish(claim.purse, purse, 0);
  }
  return {};
}

void Purses::Settle(std::span<const Claim> claims, Pico reserved, Pico cost) {
  for (const Claim& claim : claims) {
    Purse* purse = At(claim);
    if (purse == nullptr) continue;
    if (claim.hard) {
      CHECK(purse->reserved >= reserved, "more comes back than was reserved");
      purse->reserved -= reserved;
    }
    purse->spent = Add(purse->spent, cost);
  }
}

void Purses::Prepare(const Claim& claim) {
  Purse* purse = At(claim);
  if (purse != nullptr && !purse->known) Wish(claim.purse, *purse, 0);
}

std::vector<LeaseWish> Purses::TakeWishes() { return std::exchange(wishes_, {}); }

void Purses::Opened(const PurseId& id, const PurseRow& row) {
  const auto found = purses_.find(id);
  if (found == purses_.end() || found->second.known) return;
  Purse& purse = found->second;
  purse.known = true;
  purse.spent = Add(purse.spent, row.spent);  // what was charged meanwhile is not in the row
  purse.held = row.held;
}

void Purses::Leased(const PurseId& id, Pico ceiling) {
  const auto found = purses_.find(id);
  if (found == purses_.end()) return;
  found->second.asked = false;
  found->second.ceiling = std::max(found->second.ceiling, ceiling);
}

void Purses::NotLeased(const PurseId& id) {
  const auto found = purses_.find(id);
  if (found != purses_.end()) found->second.asked = false;
}

void Purses::Released(const PurseId& id) {
  const auto found = purses_.find(id);
  if (found == purses_.end()) return;
  found->second.ceiling -= found->second.held;  // the file's sum goes down with it
  found->second.held = 0;
}

std::vector<Purses::Seen> Purses::All() const {
  std::vector<Seen> all;
  for (const auto& [id, purse] : purses_) {
    all.push_back({id, purse.spent, purse.held, purse.reserved, purse.ceiling, purse.known});
  }
  return all;
}

std::optional<Purses::Seen> Purses::Find(const PurseId& id) const {
  const auto found = purses_.find(id);
  if (found == purses_.end()) return std::nullopt;
  const Purse& purse = found->second;
  return Seen{id, purse.spent, purse.held, purse.reserved, purse.ceiling, purse.known};
}

void Purses::Tidy(WallTime now) {
  std::erase_if(purses_, [now](const auto& item) {
    const Purse& purse = item.second;
    // The next period may have been prepared already.
    return item.first.period < PeriodOf(item.first.window, now) && purse.reserved == 0 &&
           !purse.asked;
  });
  for (auto& [id, purse] : purses_) {
    const Pico enough = Add(purse.in_use(), purse.step);
    if (!purse.known || purse.asked || purse.ceiling <= Add(enough, purse.step)) continue;
    purse.ceiling = enough;
    purse.asked = true;
    wishes_.push_back({.purse = id, .ceiling = enough});
  }
}

}  // namespace weir::ledger

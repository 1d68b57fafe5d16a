// The money of budgets while the program runs: what is spent, what running requests may still cost,
// and how far the disk allows to go. Pure: no I/O and no clock; the same calls give the same state.
//
// A purse is one budget in one period. A request of a hard budget first reserves the most that it
// can cost; afterwards what it did cost is charged and the rest goes back. Reservations are covered
// by a lease: an amount that the disk holds as spent already, so that a crash can only lose track
// of money that the file counts as gone. The file knows spent, held and leased of each purse; its
// ceiling is their sum, and
//
//     spent + held + reserved <= ceiling <= limit
//
// holds here for hard purses whenever something is reserved. After a crash what was leased becomes
// held: it counts as spent until somebody releases it. What a provider counts beyond a reservation
// is charged all the same; the purse is then beyond its ceiling and gives nothing more.
//
// Soft purses reserve nothing: what was spent is counted, and compared with the limit by others.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "ledger/money.h"
#include "ledger/period.h"

namespace weir::ledger {

struct PurseId {
  std::string budget = {};
  Window window = Window::kDay;
  int64_t period = 0;

  auto operator<=>(const PurseId&) const = default;
};

// A purse that a request must find money in.
struct Claim {
  PurseId purse = {};
  Pico limit = 0;
  bool hard = true;

  bool operator==(const Claim&) const = default;
};

// What the file holds of a purse.
struct PurseRow {
  Pico spent = 0;
  Pico held = 0;
  Pico leased = 0;

  bool operator==(const PurseRow&) const = default;
};

// What has to be asked of the disk: make the purse's ceiling this. With `open`: tell what is in it,
// and let its ceiling lie `more` above what is gone, up to `limit`. Never below what is gone.
struct LeaseWish {
  PurseId purse = {};
  Pico ceiling = 0;
  bool open = false;
  Pico more = 0;
  Pico limit = 0;

  bool operator==(const LeaseWish&) const = default;
};

class Purses {
 public:
  static constexpr size_t kPursesMax = 10'000;

  struct Verdict {
    enum class Kind : uint8_t {
      kTaken,
      kWait,       // the disk has been asked; try again when it has answered
      kExhausted,  // `left` is not enough before `until`
      kBusy,       // it would be enough, but running requests may need it
      kTooMany,    // over kPursesMax purses
    };
    Kind kind = Kind::kTaken;
    PurseId purse = {};
    Pico left = 0;  // neither spent nor held
    // kExhausted: when the last of the purses that are in the way begins anew; nothing where one
    // never does, or where the request costs more than its whole limit.
    std::optional<WallTime> until = {};
  };
  struct Seen {
    PurseId purse = {};
    Pico spent = 0;
    Pico held = 0;
    Pico reserved = 0;
    Pico ceiling = 0;
    bool known = false;  // the disk has said what was in it
  };

  // All of the claims or none. A claim on a purse that is not known yet waits, unless it is soft.
  Verdict Reserve(std::span<const Claim> claims, Pico amount);
  // Gives `reserved` back and charges `cost`, in the same purses.
  void Settle(std::span<const Claim> claims, Pico reserved, Pico cost);
  // So that a purse is known before it is needed.
  void Prepare(const Claim& claim);

  // What is to be asked of the disk since the last call.
  std::vector<LeaseWish> TakeWishes();
  // The disk's answers. `row` is what was there when it answered; charges that were handed to it
  // before the wish are in it.
  void Opened(const PurseId& purse, const PurseRow& row);
  void Leased(const PurseId& purse, Pico ceiling);
  // It could not: the next claim asks again.
  void NotLeased(const PurseId& purse);
  // What was held is no longer.
  void Released(const PurseId& purse);

  std::vector<Seen> All() const;
  // Nothing for one that nobody has claimed.
  std::optional<Seen> Find(const PurseId& purse) const;
  size_t size() const { return purses_.size(); }
  // Once in a while: forgets purses of past periods of which nothing is reserved, and gives back
  // leases that are much larger than what is in use.
  void Tidy(WallTime now);

 private:
  struct Purse {
    Pico limit = 0;
    Pico spent = 0;
    Pico held = 0;
    Pico reserved = 0;
    Pico ceiling = 0;
    bool known = false;
    bool asked = false;
    bool leases = false;
    Pico step = 0;  // that a lease goes beyond what is in use

    Pico gone() const { return Add(spent, held); }
    Pico in_use() const { return Add(gone(), reserved); }
  };

  Purse* At(const Claim& claim);
  void Wish(const PurseId& id, Purse& purse, Pico amount);

  std::map<PurseId, Purse> purses_ = {};
  std::vector<LeaseWish> wishes_ = {};
};

}  // namespace weir::ledger

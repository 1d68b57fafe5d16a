// The budgets of the configuration and of keys, and which of them a request has to respect. Pure;
// any thread.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "chat/principal.h"
#include "ledger/money.h"
#include "ledger/period.h"
#include "ledger/purses.h"

namespace weir::ledger {

// Who shares one: patterns (base/glob.h); an empty list is everybody. All lists must match.
struct Budget {
  std::string name = {};
  std::string currency = "USD";
  bool hard = false;     // else it is only watched
  bool refuses = false;  // when it is empty: the request ends, instead of going where it costs less
  std::vector<std::pair<Window, Pico>> limits = {};
  std::vector<std::string> keys = {};  // names
  std::vector<std::string> projects = {};
  std::vector<std::string> tenants = {};
  std::vector<std::string> users = {};

  bool operator==(const Budget&) const = default;
};

bool Covers(const Budget& budget, const chat::Principal& principal);

// The budget that belongs to the key of `principal` alone, if it has one. Its name is "key/" and
// the key's id, and it covers the key by its name, which no other living key has.
std::optional<Budget> OwnBudget(const chat::Principal& principal);

// What a principal's money in one currency must be found in.
struct Cover {
  std::vector<Claim> claims = {};
  bool any_hard = false;  // in whatever currency
  bool hard_in_currency = false;
};
Cover CoverOf(std::span<const Budget> budgets, const chat::Principal& principal,
              std::string_view currency, WallTime now);

// The claims of one budget.
std::vector<Claim> ClaimsOf(const Budget& budget, WallTime now);

}  // namespace weir::ledger

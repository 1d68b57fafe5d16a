// Who asks: the result of authentication, carried by every request from the door to the ledger. A
// plain value.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "chat/label.h"

namespace weir::chat {

// What a key may do; a bit set. Without keys the anonymous principal on loopback has all of them.
enum class Scope : uint32_t {
  kInference = 1u << 0,  // chat, completions, embeddings, scoring
  kModels = 1u << 1,     // load, stop, pull, remove
  kKeys = 1u << 2,       // create, list, revoke
  kAdmin = 1u << 3,      // policy, budgets, decisions, ledger of others
};
inline constexpr uint32_t kAllScopes = 0xF;

// A key's own money.
struct KeyBudget {
  int64_t pico = 0;           // 1e-12 of the currency
  std::string currency = {};  // "USD"
  std::string window = {};    // "day", "week", "month", "total"

  bool operator==(const KeyBudget&) const = default;
};

// What a key is restricted to beyond its scopes. Patterns (base/glob.h); an empty list is
// everything.
struct Grant {
  std::vector<std::string> models = {};  // names that it may ask for, routes included
  std::vector<std::string> projects = {};
  std::optional<KeyBudget> budget = {};

  bool operator==(const Grant&) const = default;
};

struct Principal {
  std::string key_id = {};      // public id of the key; empty when anonymous
  std::string key_name = {};    // what the operator called it ("team-a laptop")
  std::string tenant = "main";  // prefixes and caches are shared only inside one tenant
  std::string project = {};     // of the key, or x-weir-project where the key leaves it open
  std::string user = {};        // x-weir-user; an opaque word for the ledger
  std::string peer = {};        // the other end of its connection ("127.0.0.1:51234"), if any
  Label label_floor = Label::kPublic;
  bool may_assert_label = false;  // whether x-weir-label covers parts that cannot be scanned
  uint32_t scopes = kAllScopes;
  std::shared_ptr<const Grant> grant = {};  // null: not restricted

  bool Has(Scope scope) const { return (scopes & static_cast<uint32_t>(scope)) != 0; }
};

}  // namespace weir::chat

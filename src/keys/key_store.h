// The API keys: who may come in, as whom, with which rights and limits. Kept in the table api_key
// of weir.db; what a request needs stands in memory, so that authentication waits for no disk
// (about a microsecond).
//
// Without any key there is one tenant, "main", and everybody is the anonymous principal with all
// scopes; then only loopback may be served, which is the caller's to enforce (HasKeys). The first
// key ends that for good: a revoked key still counts, so that revoking the last one does not open
// the door.
//
// Threads: Authenticate, StillValid, HasKeys, List and WithBudget from any; everything else from
// the one thread that owns the Database. The Database must outlive the store. Bounds: kKeysMax
// keys, names of 1 to 64 characters of [A-Za-z0-9 ._@:/-] without a space at either end.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "chat/principal.h"
#include "keys/meter.h"
#include "sqlite/database.h"

namespace weir::keys {

struct NewKey {
  std::string name = {};  // unique among the keys that are not revoked
  std::string tenant = "main";
  std::string project = {};  // empty leaves it to x-weir-project
  uint32_t scopes = static_cast<uint32_t>(chat::Scope::kInference);
  chat::Label label_floor = chat::Label::kPublic;
  bool may_assert_label = false;
  Limits limits = {};
  std::optional<WallTime> expires = {};
  chat::Grant grant = {};
};

// All that may be shown of a key.
struct KeyInfo {
  std::string id = {};  // "key_" and 11 characters; public
  NewKey key = {};
  WallTime created = {};
  std::optional<WallTime> last_used =
      {};  // to the minute; the latest minutes may be lost in a crash
  std::optional<WallTime> revoked = {};
};

struct CreatedKey {
  KeyInfo info = {};
  std::string secret = {};  // exists here and nowhere else; show it once
};

struct Caller {
  chat::Principal principal = {};
  Limits limits = {};
};

class KeyStore {
 public:
  static constexpr size_t kKeysMax = 100'000;

  // Migrates the schema and reads all keys.
  static Result<std::unique_ptr<KeyStore>> Open(sqlite::Database& db);
  ~KeyStore();

  // Durable when it returns. kInvalidArgument with the field as param, kConflict when the name is
  // taken.
  Result<CreatedKey> Create(const NewKey& key, WallTime now);
  // By id or by the name of a live key; kNotFound otherwise. Later requests get 401 from this
  // moment, also when the disk fails: then an Error says that it has to be repeated. Revoking twice
  // changes nothing.
  Result<void> Revoke(std::string_view id_or_name, WallTime now);

  // `presented` is the bare credential, without "Bearer ". kUnauthenticated with reason
  // key_missing, key_unknown, key_expired or key_revoked.
  Result<chat::Principal> Authenticate(std::string_view presented, WallTime now) const;
  // The same, and the key's limits.
  Result<Caller> Identify(std::string_view presented, WallTime now) const;
  // For streams that run on: the same kUnauthenticated once the key of `principal` has expired or
  // was revoked.
  Result<void> StillValid(const chat::Principal& principal, WallTime now) const;
  bool HasKeys() const;
  // Oldest first.
  std::vector<KeyInfo> List() const;
  // Whom the keys that have money of their own stand for: those that are not revoked, the `most`
  // oldest of them, oldest first; or the key `id` alone.
  std::vector<chat::Principal> WithBudget(size_t most, std::string_view id = {}) const;

  // Reads what another process has created, revoked or used since; costs one PRAGMA when nothing
  // changed.
  Result<void> Refresh();
  // Stores the last-used times that changed; call it every few minutes and at the end.
  Result<void> SaveLastUsed();

 private:
  struct Entry;
  struct Index;

  explicit KeyStore(sqlite::Database& db);
  Result<void> Load();
  Result<void> Insert(const KeyInfo& info, std::span<const std::byte> digest);
  Result<void> StoreRevocation(std::string_view id, int64_t revoked_at);

  sqlite::Database& db_;
  int64_t data_version_ = -1;
  mutable std::shared_mutex
      mutex_;  // guards index_; held for a look-up or a change in memory, never over the disk
  std::unique_ptr<Index> index_;
};

}  // namespace weir::keys

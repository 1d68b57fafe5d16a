#include "keys/key_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <mutex>

#include "base/check.h"
#include "base/random.h"
#include "keys/grant.h"
#include "keys/scopes.h"
#include "keys/secret.h"
#include "sqlite/migrations.h"

namespace weir::keys {
namespace {

constexpr std::array kSchema = {
    sqlite::Migration{"CREATE TABLE api_key ("
                      "  id TEXT PRIMARY KEY,"
                      "  digest BLOB NOT NULL UNIQUE CHECK (length(digest) = 32),"
                      "  name TEXT NOT NULL,"
                      "  tenant TEXT NOT NULL,"
                      "  project TEXT NOT NULL,"
                      "  scopes INTEGER NOT NULL,"
                      "  label_floor TEXT NOT NULL,"
                      "  may_assert_label INTEGER NOT NULL,"
                      "  requests_per_minute INTEGER NOT NULL,"
                      "  tokens_per_minute INTEGER NOT NULL,"
                      "  concurrent INTEGER NOT NULL,"
                      "  created_at INTEGER NOT NULL,"  // times in seconds since 1970
                      "  expires_at INTEGER,"
                      "  last_used_at INTEGER,"
                      "  revoked_at INTEGER"
                      ") STRICT;"
                      "CREATE UNIQUE INDEX api_key_live_name ON api_key (name)"
                      "  WHERE revoked_at IS NULL"},
    // Lists with commas. The amount is in 1e-12 of the currency; NULL: no budget of its own.
    sqlite::Migration{"ALTER TABLE api_key ADD COLUMN models TEXT NOT NULL DEFAULT '';"
                      "ALTER TABLE api_key ADD COLUMN projects TEXT NOT NULL DEFAULT '';"
                      "ALTER TABLE api_key ADD COLUMN budget INTEGER;"
                      "ALTER TABLE api_key ADD COLUMN budget_currency TEXT NOT NULL DEFAULT '';"
                      "ALTER TABLE api_key ADD COLUMN budget_per TEXT NOT NULL DEFAULT ''"},
};

constexpr int64_t kNever = 0;
constexpr int64_t kLastUsedStep_s = 60;
constexpr size_t kNameMax = 64;

WallTime FromUnix(int64_t seconds) { return WallTime(std::chrono::seconds(seconds)); }
std::optional<WallTime> FromStored(int64_t seconds) {
  return seconds == kNever ? std::nullopt : std::optional(FromUnix(seconds));
}
std::optional<int64_t> ToUnix(std::optional<WallTime> time) {
  return time ? std::optional(UnixSeconds(*time)) : std::nullopt;
}

std::unexpected<Error> Unauthenticated(std::string_view message, std::string_view reason) {
  return Fail(Code::kUnauthenticated, std::string(message), /*param=*/{}, std::string(reason));
}

bool IsNameCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view(" ._@:/-").find(c) != std::string_view::npos;
}

Result<void> CheckName(std::string_view text, std::string_view param) {
  if (!text.empty() && text.size() <= kNameMax && text.front() != ' ' && text.back() != ' ' &&
      std::ranges::all_of(text, IsNameCharacter)) {
    return {};
  }
  return Fail(Code::kInvalidArgument,
              fmt::format("{} takes 1 to {} characters of A-Z a-z 0-9 . _ @ : / - and inner spaces",
                          param, kNameMax),
              std::string(param));
}

Result<void> CheckNewKey(const NewKey& key, WallTime now) {
  if (auto ok = CheckName(key.name, "name"); !ok) return ok;
  if (auto ok = CheckName(key.tenant, "tenant"); !ok) return ok;
  if (!key.project.empty()) {
    if (auto ok = CheckName(key.project, "project"); !ok) return ok;
  }
  if (key.scopes == 0 || (key.scopes & ~chat::kAllScopes) != 0) {
    return Fail(Code::kInvalidArgument, "a key needs at least one known scope", "scopes");
  }
  if (key.label_floor == chat::Label::kUnscanned) {
    return Fail(Code::kInvalidArgument, "nobody may assert 'unscanned'; use secret", "label_floor");
  }
  if (key.expires && *key.expires <= now) {
    return Fail(Code::kInvalidArgument, "the expiry lies in the past", "expires");
  }
  return CheckGrant(key.grant);
}

// 65 random bits, short enough that the copies in every request stay out of the heap. The table
// refuses the unlikely twin.
std::string NewKeyId() { return NewId("key_").substr(0, 15); }

struct DigestHash {
  size_t operator()(const Digest& digest) const {
    size_t hash;  // of a digest any part is as good as a hash
    std::memcpy(&hash, digest.data(), sizeof(hash));
    return hash;
  }
};
struct DigestEqual {
  bool operator()(const Digest& a, const Digest& b) const { return SameDigest(a, b); }
};
struct TextHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};

}  // namespace

struct KeyStore::Entry {
  explicit Entry(KeyInfo key_info) : info(std::move(key_info)) {
    principal.key_id = info.id;
    principal.key_name = info.key.name;
    principal.tenant = info.key.tenant;
    principal.project = info.key.project;
    principal.label_floor = info.key.label_floor;
    principal.may_assert_label = info.key.may_assert_label;
    principal.scopes = info.key.scopes;
    if (info.key.grant != chat::Grant{}) {
      principal.grant = std::make_shared<const chat::Grant>(info.key.grant);
    }
    expires_at = ToUnix(info.key.expires).value_or(kNever);
    revoked_at = ToUnix(info.revoked).value_or(kNever);
    last_used_at = ToUnix(info.last_used).value_or(kNever);
    last_used_saved = last_used_at;
  }

  Result<void> Live(WallTime now) const {
    if (revoked_at != kNever) {
      return Unauthenticated("this API key was revoked; use another", "key_revoked");
    }
    if (expires_at != kNever && UnixSeconds(now) >= expires_at) {
      return Unauthenticated("this API key has expired; use another", "key_expired");
    }
    return {};
  }
  void Used(WallTime now) {
    const int64_t minute = UnixSeconds(now) / kLastUsedStep_s * kLastUsedStep_s;
    // Many requests, one write a minute: the cache line stays shared.
    if (last_used_at.load(std::memory_order_relaxed) < minute) {
      last_used_at.store(minute, std::memory_order_relaxed);
    }
  }
  KeyInfo Info() const {
    KeyInfo now = info;
    now.last_used = FromStored(last_used_at.load(std::memory_order_relaxed));
    now.revoked = FromStored(revoked_at);
    return now;
  }

  const KeyInfo info;  // as it was read or created
  chat::Principal principal;
  int64_t expires_at = kNever;
  int64_t revoked_at = kNever;  // under the store's mutex
  std::atomic<int64_t> last_used_at = kNever;
  int64_t last_used_saved = kNever;  // the database's thread alone
};

struct KeyStore::Index {
  std::unordered_map<Digest, std::shared_ptr<Entry>, DigestHash, DigestEqual> by_digest;
  std::unordered_map<std::string, std::shared_ptr<Entry>, TextHash, std::equal_to<>> by_id;

  void Add(const Digest& digest, KeyInfo info) {
    auto entry = std::make_shared<Entry>(std::move(info));
    by_id.emplace(entry->info.id, entry);
    by_digest.emplace(digest, std::move(entry));
  }
  std::shared_ptr<Entry> ById(std::string_view id) const {
    const auto found = by_id.find(id);
    return found == by_id.end() ? nullptr : found->second;
  }
  // Rare enough for a walk.
  std::shared_ptr<Entry> LiveByName(std::string_view name) const {
    for (const auto& [id, entry] : by_id) {
      if (entry->revoked_at == kNever && entry->info.key.name == name) return entry;
    }
    return nullptr;
  }
};

KeyStore::KeyStore(sqlite::Database& db) : db_(db), index_(std::make_unique<Index>()) {}
KeyStore::~KeyStore() = default;

Result<std::unique_ptr<KeyStore>> KeyStore::Open(sqlite::Database& db) {
  if (auto migrated = sqlite::Migrate(db, "keys", kSchema); !migrated) {
    return Fail(std::move(migrated.error()));
  }
  std::unique_ptr<KeyStore> store(new KeyStore(db));
  if (auto loaded = store->Refresh(); !loaded) return Fail(std::move(loaded.error()));
  return store;
}

Result<CreatedKey> KeyStore::Create(const NewKey& key, WallTime now) {
  if (auto ok = CheckNewKey(key, now); !ok) return Fail(std::move(ok.error()));
  // Times are kept in whole seconds; what is returned is what a later List shows.
  KeyInfo info{.id = NewKeyId(), .key = key, .created = FromUnix(UnixSeconds(now))};
  if (key.expires) info.key.expires = FromUnix(UnixSeconds(*key.expires));
  {
    std::shared_lock lock(mutex_);
    if (index_->by_id.size() >= kKeysMax) {
      return Fail(Code::kConflict, fmt::format("there are {} keys already, the most", kKeysMax));
    }
    if (index_->LiveByName(key.name) != nullptr) {
      return Fail(
          Code::kConflict,
          fmt::format("a key named '{}' exists; revoke it or choose another name", key.name),
          "name", "key_name_taken");
    }
  }
  CreatedKey created{.info = info, .secret = NewSecret()};
  const Digest digest = DigestOf(created.secret).value();
  if (auto inserted = Insert(info, digest); !inserted) return Fail(std::move(inserted.error()));
  std::unique_lock lock(mutex_);
  index_->Add(digest, std::move(info));
  return created;
}

Result<void> KeyStore::Insert(const KeyInfo& info, std::span<const std::byte> digest) {
  auto insert = db_.Prepare(
      "INSERT INTO api_key (id, digest, name, tenant, project, scopes, label_floor, "
      "may_assert_label, requests_per_minute, tokens_per_minute, concurrent, created_at, "
      "expires_at, models, projects, budget, budget_currency, budget_per) VALUES (?1, ?2, ?3, ?4, "
      "?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)");
  if (!insert) return Fail(std::move(insert.error()));
  const NewKey& key = info.key;
  const chat::KeyBudget budget = key.grant.budget.value_or(chat::KeyBudget{});
  insert->Bind(
      info.id, digest, key.name, key.tenant, key.project, key.scopes,
      chat::LabelName(key.label_floor), key.may_assert_label, key.limits.requests_per_minute,
      key.limits.tokens_per_minute, key.limits.concurrent, UnixSeconds(info.created),
      ToUnix(key.expires), JoinList(key.grant.models), JoinList(key.grant.projects),
      key.grant.budget ? std::optional(budget.pico) : std::nullopt, budget.currency, budget.window);
  return insert->Run();
}

Result<void> KeyStore::Revoke(std::string_view id_or_name, WallTime now) {
  std::string id;
  int64_t revoked_at = UnixSeconds(now);
  {
    std::unique_lock lock(mutex_);
    auto entry = index_->ById(id_or_name);
    if (entry == nullptr) entry = index_->LiveByName(id_or_name);
    if (entry == nullptr) {
      return Fail(Code::kNotFound, "no such key; `weir keys list` shows them", /*param=*/{},
                  "key_not_found");
    }
    id = entry->info.id;
    // In memory first: whatever the disk does, this process stops honouring the key.
    if (entry->revoked_at == kNever) entry->revoked_at = revoked_at;
    revoked_at = entry->revoked_at;
  }
  auto stored = StoreRevocation(id, revoked_at);
  if (stored) return stored;
  stored.error().message = fmt::format(
      "the key is refused from now on, but that could not be stored and would end with "
      "a restart; repeat it: {}",
      stored.error().message);
  return stored;
}

Result<void> KeyStore::StoreRevocation(std::string_view id, int64_t revoked_at) {
  auto update =
      db_.Prepare("UPDATE api_key SET revoked_at = coalesce(revoked_at, ?2) WHERE id = ?1");
  if (!update) return Fail(std::move(update.error()));
  update->Bind(id, revoked_at);
  return update->Run();
}

Result<chat::Principal> KeyStore::Authenticate(std::string_view presented, WallTime now) const {
  auto caller = Identify(presented, now);
  if (!caller) return Fail(std::move(caller.error()));
  return std::move(caller->principal);
}

Result<Caller> KeyStore::Identify(std::string_view presented, WallTime now) const {
  const auto digest = DigestOf(presented);
  std::shared_lock lock(mutex_);
  if (index_->by_id.empty()) return Caller{};
  if (presented.empty()) {
    return Unauthenticated("an API key is needed, as Authorization: Bearer or x-api-key",
                           "key_missing");
  }
  const auto found = digest ? index_->by_digest.find(*digest) : index_->by_digest.end();
  if (found == index_->by_digest.end()) {
    return Unauthenticated("this API key is not known here", "key_unknown");
  }
  Entry& entry = *found->second;
  if (auto live = entry.Live(now); !live) return Fail(std::move(live.error()));
  entry.Used(now);
  return Caller{entry.principal, entry.info.key.limits};
}

Result<void> KeyStore::StillValid(const chat::Principal& principal, WallTime now) const {
  std::shared_lock lock(mutex_);
  if (principal.key_id.empty()) {
    if (index_->by_id.empty()) return {};
    return Unauthenticated("an API key is needed by now", "key_missing");
  }
  const auto entry = index_->ById(principal.key_id);
  if (entry == nullptr) return Unauthenticated("this API key is not known here", "key_unknown");
  return entry->Live(now);
}

bool KeyStore::HasKeys() const {
  std::shared_lock lock(mutex_);
  return !index_->by_id.empty();
}

std::vector<KeyInfo> KeyStore::List() const {
  std::vector<KeyInfo> list;
  {
    std::shared_lock lock(mutex_);
    list.reserve(index_->by_id.size());
    for (const auto& [id, entry] : index_->by_id) list.push_back(entry->Info());
  }
  std::ranges::sort(list, {}, [](const KeyInfo& info) { return std::pair(info.created, info.id); });
  return list;
}

std::vector<chat::Principal> KeyStore::WithBudget(size_t most, std::string_view id) const {
  std::vector<std::shared_ptr<const Entry>> found;
  const auto add = [&found](const std::shared_ptr<const Entry>& entry) {
    if (entry->revoked_at == kNever && entry->info.key.grant.budget) found.push_back(entry);
  };
  {
    std::shared_lock lock(mutex_);
    if (id.empty()) {
      for (const auto& [each, entry] : index_->by_id) add(entry);
    } else if (const auto one = index_->ById(id)) {
      add(one);
    }
  }
  const size_t count = std::min(most, found.size());
  std::ranges::partial_sort(found, found.begin() + static_cast<std::ptrdiff_t>(count), {},
                            [](const std::shared_ptr<const Entry>& entry) {
                              return std::pair(entry->info.created,
                                               std::string_view(entry->info.id));
                            });
  std::vector<chat::Principal> principals;
  for (size_t i = 0; i < count; ++i) principals.push_back(found[i]->principal);
  return principals;
}

Result<void> KeyStore::Refresh() {
  const auto version = db_.DataVersion();
  if (!version) return Fail(version.error());
  if (*version == data_version_) return {};
  if (auto loaded = Load(); !loaded) return loaded;
  data_version_ = *version;
  return {};
}

Result<void> KeyStore::SaveLastUsed() {
  std::vector<std::shared_ptr<Entry>> changed;
  {
    std::shared_lock lock(mutex_);
    for (const auto& [id, entry] : index_->by_id) {
      if (entry->last_used_at > entry->last_used_saved) changed.push_back(entry);
    }
  }
  if (changed.empty()) return {};
  auto transaction = sqlite::Transaction::Begin(db_);
  if (!transaction) return Fail(std::move(transaction.error()));
  auto update = db_.Prepare(
      "UPDATE api_key SET last_used_at = max(coalesce(last_used_at, 0), ?2) WHERE id = ?1");
  if (!update) return Fail(std::move(update.error()));
  std::vector<int64_t> written;
  for (const auto& entry : changed) {
    written.push_back(entry->last_used_at);
    update->Bind(entry->info.id, written.back());
    if (auto ran = update->Run(); !ran) return ran;
  }
  if (auto committed = transaction->Commit(); !committed) return committed;
  for (size_t i = 0; i < changed.size(); ++i) changed[i]->last_used_saved = written[i];
  return {};
}

namespace {

// A row that this program could not have written is damage, not a key with odd rights.
Result<KeyInfo> ReadKey(const sqlite::Statement& row) {
  const auto floor = chat::LabelFromName(row.Text(6));
  const int64_t scopes = row.Int(5);
  if (!floor || (scopes & ~int64_t{chat::kAllScopes}) != 0) {
    return Fail(Code::kInternal, "the table api_key holds a row that is not valid",
                /*param=*/{}, "storage_corrupt");
  }
  KeyInfo info;
  info.id = row.Text(0);
  info.key.name = row.Text(2);
  info.key.tenant = row.Text(3);
  info.key.project = row.Text(4);
  info.key.scopes = static_cast<uint32_t>(scopes);
  info.key.label_floor = *floor;
  info.key.may_assert_label = row.Int(7) == 1;
  info.key.limits = {.requests_per_minute = static_cast<uint32_t>(row.Int(8)),
                     .tokens_per_minute = static_cast<uint32_t>(row.Int(9)),
                     .concurrent = static_cast<uint32_t>(row.Int(10))};
  info.created = FromUnix(row.Int(11));
  info.key.expires = row.OptionalInt(12).transform(FromUnix);
  info.last_used = row.OptionalInt(13).transform(FromUnix);
  info.revoked = row.OptionalInt(14).transform(FromUnix);
  info.key.grant = {.models = SplitList(row.Text(15)), .projects = SplitList(row.Text(16))};
  if (const auto pico = row.OptionalInt(17)) {
    info.key.grant.budget = {*pico, std::string(row.Text(18)), std::string(row.Text(19))};
  }
  if (!CheckGrant(info.key.grant)) {
    return Fail(Code::kInternal, "the table api_key holds a row that is not valid",
                /*param=*/{}, "storage_corrupt");
  }
  return info;
}

}  // namespace

Result<void> KeyStore::Load() {
  auto select = db_.Prepare(
      "SELECT id, digest, name, tenant, project, scopes, label_floor, may_assert_label, "
      "requests_per_minute, tokens_per_minute, concurrent, created_at, expires_at, last_used_at, "
      "revoked_at, models, projects, budget, budget_currency, budget_per FROM api_key");
  if (!select) return Fail(std::move(select.error()));
  auto fresh = std::make_unique<Index>();
  for (;;) {
    const auto row = select->Step();
    if (!row) return Fail(row.error());
    if (!*row) break;
    if (fresh->by_id.size() >= kKeysMax) {
      return Fail(Code::kConflict,
                  fmt::format("the data folder holds more than {} keys", kKeysMax));
    }
    auto info = ReadKey(*select);
    if (!info) return Fail(std::move(info.error()));
    Digest digest = {};
    CHECK(select->Blob(1).size() == digest.size(), "the table checks the length");
    std::ranges::copy(select->Blob(1), digest.begin());
    fresh->Add(digest, *std::move(info));
  }
  std::unique_lock lock(mutex_);
  // What this process knows and the disk does not yet: uses, and revocations that could not be
  // stored.
  for (const auto& [id, known] : index_->by_id) {
    const auto entry = fresh->ById(id);
    if (entry == nullptr) continue;
    entry->last_used_at = std::max(entry->last_used_at.load(), known->last_used_at.load());
    if (entry->revoked_at == kNever) entry->revoked_at = known->revoked_at;
  }
  index_.swap(fresh);
  return {};
}

}  // namespace weir::keys

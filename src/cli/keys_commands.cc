// keys create, list, revoke: through the running server, or on the data folder itself when none
// runs.
#include <fmt/core.h>

#include <ctime>
#include <filesystem>
#include <memory>

#include "base/clock.h"
#include "cli/document.h"
#include "cli/exit_code.h"
#include "cli/options.h"
#include "cli/table.h"
#include "json/writer.h"
#include "keys/grant.h"
#include "keys/key_store.h"
#include "keys/scopes.h"
#include "process/file_lock.h"
#include "sqlite/database.h"

namespace weir::cli {
namespace {

// The key store of a data folder that no server holds.
struct OwnStore {
  FileLock lock;
  std::unique_ptr<sqlite::Database> database;
  std::unique_ptr<keys::KeyStore> keys;
};

Result<OwnStore> OpenOwnStore(const Common& common) {
  std::error_code error;
  std::filesystem::create_directories(common.folders.data, error);
  auto lock = FileLock::Acquire(common.folders.data);
  if (!lock) return std::unexpected(lock.error());
  auto database = sqlite::Database::Open(std::filesystem::path(common.folders.data) / "weir.db");
  if (!database) return std::unexpected(database.error());
  auto held = std::make_unique<sqlite::Database>(std::move(*database));
  auto keys = keys::KeyStore::Open(*held);
  if (!keys) return std::unexpected(keys.error());
  return OwnStore{std::move(*lock), std::move(held), std::move(*keys)};
}

std::string Day(int64_t unix_seconds) {
  const std::time_t time = unix_seconds;
  std::tm utc{};
  gmtime_r(&time, &utc);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M", &utc);
  return text;
}

Result<keys::NewKey> NewKeyOf(const KeyOptions& options) {
  keys::NewKey key{.name = options.name, .may_assert_label = options.may_assert_label};
  if (!options.tenant.empty()) key.tenant = options.tenant;
  key.project = options.project;
  if (!options.scopes.empty()) {
    const auto scopes = keys::ParseScopes(options.scopes);
    if (!scopes) return std::unexpected(scopes.error());
    key.scopes = *scopes;
  }
  if (!options.label_floor.empty()) {
    const auto label = chat::LabelFromName(options.label_floor);
    if (!label) {
      return Fail(Code::kInvalidArgument,
                  "--label-floor takes public, internal, personal or secret", "label_floor");
    }
    key.label_floor = *label;
  }
  key.limits.requests_per_minute = static_cast<uint32_t>(options.requests_per_minute.value_or(0));
  key.limits.tokens_per_minute = static_cast<uint32_t>(options.tokens_per_minute.value_or(0));
  key.limits.concurrent = static_cast<uint32_t>(options.concurrent.value_or(0));
  key.grant.models = keys::SplitList(options.models);
  key.grant.projects = keys::SplitList(options.projects);
  if (!options.budget.empty()) {
    auto budget = keys::MakeBudget(options.budget, options.budget_per, options.budget_currency);
    if (!budget) return std::unexpected(budget.error());
    key.grant.budget = std::move(*budget);
  }
  if (options.expires_in_s) {
    key.expires = SystemClock().WallNow() + std::chrono::seconds(*options.expires_in_s);
  }
  return key;
}

json::Value BodyOf(const KeyOptions& options) {
  json::Object body{{"name", options.name}};
  const auto text = [&](std::string key, const std::string& value) {
    if (!value.empty()) body.push_back({std::move(key), value});
  };
  const auto number = [&](std::string key, const std::optional<int64_t>& value) {
    if (value) body.push_back({std::move(key), *value});
  };
  text("tenant", options.tenant);
  text("project", options.project);
  text("scopes", options.scopes);
  text("label_floor", options.label_floor);
  if (options.may_assert_label) body.push_back({"may_assert_label", true});
  number("requests_per_minute", options.requests_per_minute);
  number("tokens_per_minute", options.tokens_per_minute);
  number("concurrent", options.concurrent);
  number("expires_in_s", options.expires_in_s);
  const auto list = [&](std::string key, const std::string& words) {
    json::Array names;
    for (std::string& name : keys::SplitList(words)) names.emplace_back(std::move(name));
    if (!names.empty()) body.push_back({std::move(key), std::move(names)});
  };
  list("models", options.models);
  list("projects", options.projects);
  text("budget", options.budget);
  text("budget_per", options.budget_per);
  text("budget_currency", options.budget_currency);
  return json::Value(std::move(body));
}

void PrintCreated(const Common& common, const std::string& id, const std::string& name,
                  const std::string& secret) {
  if (common.json) {
    const json::Value document(json::Object{{"id", id}, {"name", name}, {"key", secret}});
    fmt::print("{}\n", json::Print(document));
    return;
  }
  fmt::print("{}\n", secret);
  fmt::print(stderr, "weir: made key {} ({}); the secret above is shown this once\n", name, id);
}

}  // namespace

int CreateKey(const Common& common, const KeyOptions& options) {
  if (auto link = ServerLink::Find(common.folders)) {
    const auto created = link->Post("/weir/v1/keys", BodyOf(options));
    if (!created) return Report(created.error());
    PrintCreated(common, TextAt(*created, "id"), TextAt(*created, "name"), TextAt(*created, "key"));
    return 0;
  }
  const auto key = NewKeyOf(options);
  if (!key) return Report(key.error());
  auto store = OpenOwnStore(common);
  if (!store) return Report(store.error());
  const auto created = store->keys->Create(*key, SystemClock().WallNow());
  if (!created) return Report(created.error());
  PrintCreated(common, created->info.id, created->info.key.name, created->secret);
  return 0;
}

int ListKeys(const Common& common) {
  json::Array rows;
  if (auto link = ServerLink::Find(common.folders)) {
    const auto listed = link->Get("/weir/v1/keys");
    if (!listed) return Report(listed.error());
    rows = ListAt(*listed, "data");
  } else {
    auto store = OpenOwnStore(common);
    if (!store) return Report(store.error());
    for (const keys::KeyInfo& info : store->keys->List()) {
      const auto time = [](const std::optional<WallTime>& when) {
        return when ? json::Value(UnixSeconds(*when)) : json::Value();
      };
      rows.push_back(json::Value(
          json::Object{{"id", info.id},
                       {"name", info.key.name},
                       {"tenant", info.key.tenant},
                       {"project", info.key.project},
                       {"scopes", keys::ScopeNames(info.key.scopes)},
                       {"label_floor", std::string(chat::LabelName(info.key.label_floor))},
                       {"models", keys::JoinList(info.key.grant.models)},
                       {"projects", keys::JoinList(info.key.grant.projects)},
                       {"created", UnixSeconds(info.created)},
                       {"last_used", time(info.last_used)},
                       {"expires", time(info.key.expires)},
                       {"revoked", time(info.revoked)}}));
    }
  }
  if (common.json) {
    fmt::print("{}\n", json::Print(json::Value(std::move(rows))));
    return 0;
  }
  const auto time_at = [](const json::Value& row, std::string_view key) -> std::optional<int64_t> {
    const json::Value* found = row.Find(key);
    if (found == nullptr || found->is_null()) return std::nullopt;
    return static_cast<int64_t>(NumberAt(row, key));
  };
  const int64_t now = UnixSeconds(SystemClock().WallNow());
  Table table({"ID", "NAME", "TENANT", "PROJECT", "SCOPES", "CREATED", "EXPIRES", "STATE"});
  for (const json::Value& row : rows) {
    const auto expires = time_at(row, "expires");
    const char* state = time_at(row, "revoked")      ? "revoked"
                        : expires && *expires <= now ? "expired"
                                                     : "live";
    table.Add({TextAt(row, "id"), TextAt(row, "name"), TextAt(row, "tenant"),
               TextAt(row, "project"), TextAt(row, "scopes"),
               Day(static_cast<int64_t>(NumberAt(row, "created"))), expires ? Day(*expires) : "-",
               state});
  }
  fmt::print("{}", table.Text());
  return 0;
}

int RevokeKey(const Common& common, const std::string& name) {
  if (auto link = ServerLink::Find(common.folders)) {
    const auto revoked = link->Delete("/weir/v1/keys/" + name);
    if (!revoked) return Report(revoked.error());
  } else {
    auto store = OpenOwnStore(common);
    if (!store) return Report(store.error());
    const auto revoked = store->keys->Revoke(name, SystemClock().WallNow());
    if (!revoked) return Report(revoked.error());
  }
  fmt::print("{} revoked\n", name);
  return 0;
}

}  // namespace weir::cli

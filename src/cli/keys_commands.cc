// keys create, list, revoke: through the running server, or on the data folder itself when none
// runs.
#include <fmt/format.h>

#include <cstdint>
#include <ctime>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "cli/document.h"
#include "cli/exit_code.h"
#include "cli/options.h"
#include "cli/table.h"
#include "cli/url_path.h"
#include "json/parse.h"
#include "json/writer.h"
#include "keys/grant.h"
#include "keys/key_json.h"
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

Result<json::Array> Shown(const std::vector<keys::KeyInfo>& keys) {
  std::string text;
  json::Writer writer(&text);
  writer.BeginObject().Key("data").BeginArray();
  for (const keys::KeyInfo& info : keys) {
    writer.BeginObject();
    keys::AppendKey(writer, info);
    writer.EndObject();
  }
  writer.EndArray().EndObject();
  const auto document = json::Parse(text, {.bytes = SIZE_MAX, .values = SIZE_MAX});  // our own
  if (!document) return std::unexpected(document.error());
  return ListAt(*document, "data");
}

// "60 requests/min, 2 at once"; "-" without any.
std::string LimitsText(const json::Value& row) {
  const auto number = [&row](std::string_view key) {
    return static_cast<int64_t>(NumberAt(row, key));
  };
  std::vector<std::string> parts;
  if (const int64_t n = number("requests_per_minute"); n > 0)
    parts.push_back(fmt::format("{} requests/min", n));
  if (const int64_t n = number("tokens_per_minute"); n > 0)
    parts.push_back(fmt::format("{} tokens/min", n));
  if (const int64_t n = number("concurrent"); n > 0) parts.push_back(fmt::format("{} at once", n));
  return parts.empty() ? "-" : fmt::format("{}", fmt::join(parts, ", "));
}

// "2.5 USD/week"; "-" without one.
std::string BudgetText(const json::Value& row) {
  const json::Value* budget = row.Find("budget");
  if (budget == nullptr || budget->is_null()) return "-";
  return fmt::format("{} {}/{}", TextAt(*budget, "amount"), TextAt(*budget, "currency"),
                     TextAt(*budget, "per"));
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
    auto shown = Shown(store->keys->List());
    if (!shown) return Report(shown.error());
    rows = std::move(*shown);
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
  Table table({"ID", "NAME", "TENANT", "PROJECT", "SCOPES", "LIMITS", "BUDGET", "CREATED",
               "EXPIRES", "STATE"});
  for (const json::Value& row : rows) {
    const auto expires = time_at(row, "expires");
    const char* state = time_at(row, "revoked")      ? "revoked"
                        : expires && *expires <= now ? "expired"
                                                     : "live";
    table.Add({TextAt(row, "id"), TextAt(row, "name"), TextAt(row, "tenant"),
               TextAt(row, "project"), TextAt(row, "scopes"), LimitsText(row), BudgetText(row),
               Day(static_cast<int64_t>(NumberAt(row, "created"))), expires ? Day(*expires) : "-",
               state});
  }
  fmt::print("{}", table.Text());
  return 0;
}

int RevokeKey(const Common& common, const std::string& name) {
  if (auto link = ServerLink::Find(common.folders)) {
    const auto revoked = link->Delete("/weir/v1/keys/" + PathPiece(name));
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

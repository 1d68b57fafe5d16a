#include "keys/key_json.h"

#include "config/units.h"
#include "json/append.h"
#include "keys/scopes.h"

namespace weir::keys {
namespace {

void AppendGrant(json::Writer& writer, const chat::Grant& grant) {
  json::AppendTexts(writer, "models", grant.models);
  json::AppendTexts(writer, "projects", grant.projects);
  writer.Key("budget");
  if (!grant.budget) {
    writer.Null();
    return;
  }
  writer.BeginObject()
      .Field("amount", config::DecimalToText(grant.budget->pico, config::kMoneyDecimals))
      .Field("currency", grant.budget->currency)
      .Field("per", grant.budget->window)
      .EndObject();
}

}  // namespace

void AppendKey(json::Writer& writer, const KeyInfo& info) {
  const NewKey& key = info.key;
  writer.Field("id", info.id)
      .Field("name", key.name)
      .Field("tenant", key.tenant)
      .Field("project", key.project)
      .Field("scopes", ScopeNames(key.scopes))
      .Field("label_floor", chat::LabelName(key.label_floor))
      .Field("may_assert_label", key.may_assert_label)
      .Field("requests_per_minute", key.limits.requests_per_minute)
      .Field("tokens_per_minute", key.limits.tokens_per_minute)
      .Field("concurrent", key.limits.concurrent)
      .Field("created", UnixSeconds(info.created));
  AppendGrant(writer, key.grant);
  json::AppendTime(writer, "last_used", info.last_used);
  json::AppendTime(writer, "expires", key.expires);
  json::AppendTime(writer, "revoked", info.revoked);
}

}  // namespace weir::keys

#include "server/admin_routes.h"

#include <fmt/core.h>

#include <string>
#include <string_view>
#include <utility>

#include "json/append.h"
#include "json/writer.h"
#include "keys/key_json.h"
#include "keys/scopes.h"
#include "ledger/money.h"
#include "routing/decision.h"
#include "server/backend_routes.h"
#include "server/weir_requests.h"

namespace weir::server {
namespace {

// Keys of other tenants are an administrator's to see and to end.
bool MayManage(const chat::Principal& principal, const keys::KeyInfo& info) {
  return principal.Has(chat::Scope::kAdmin) || info.key.tenant == principal.tenant;
}

// A key cannot make one that may do more than itself: the scopes always, and the rest unless it is
// an administrator's.
Result<void> MayGrant(const chat::Principal& principal, const keys::NewKey& key) {
  if ((key.scopes & ~principal.scopes) != 0) {
    return Fail(Code::kForbidden, "a key cannot give scopes that it has not itself", "scopes",
                "scope_missing");
  }
  if (principal.Has(chat::Scope::kAdmin)) return {};
  const auto refuse = [](std::string_view what, std::string param) {
    return Fail(Code::kForbidden, fmt::format("only an administrator's key can {}", what),
                std::move(param), "policy_forbids");
  };
  if (key.tenant != principal.tenant) return refuse("make keys of another tenant", "tenant");
  if (!principal.project.empty() && key.project != principal.project) {
    return refuse("make keys of another project", "project");
  }
  if (chat::Join(key.label_floor, principal.label_floor) != key.label_floor) {
    return refuse("give a lower label floor than its own", "label_floor");
  }
  if (principal.grant && key.grant != *principal.grant) {
    return refuse("make keys that are not restricted as itself", "models");
  }
  if (key.may_assert_label && !principal.may_assert_label) {
    return refuse("let others assert labels", "may_assert_label");
  }
  return {};
}

void AppendSeconds(json::Writer& writer, std::string_view key, std::optional<Duration> time) {
  writer.Key(key);
  if (time) {
    writer.Double(Milliseconds(*time) / 1000);
  } else {
    writer.Null();
  }
}

void AppendEngine(json::Writer& writer, const backends::EngineStatus& engine) {
  writer.BeginObject()
      .Field("model", engine.model)
      .Field("state", backends::EngineStateName(engine.state))
      .Field("loading", engine.state == backends::EngineState::kReady
                            ? 1.0
                            : static_cast<double>(engine.loading))
      .Field("architecture", engine.info.architecture)
      .Field("description", engine.info.description)
      .Field("parameters", engine.info.parameters)
      .Field("weights_bytes", engine.info.weights_bytes)
      .Field("memory_bytes", engine.memory_bytes)
      .Field("context_tokens", engine.info.context_tokens)
      .Field("request_tokens_max", engine.info.request_tokens_max)
      .Field("embeds", engine.info.embeds)
      .Field("ranks", engine.info.ranks)
      .Field("generates", engine.info.generates)
      .Field("prefix_reuse", wire::PrefixReuseName(engine.info.prefix_reuse))
      .Field("threads", engine.info.threads)
      .Field("gpu_layers", engine.info.gpu_layers)
      .Field("cpu_moe_layers", engine.info.cpu_moe_layers)
      .Field("kv_type_k", engine.info.kv_type_k)
      .Field("kv_type_v", engine.info.kv_type_v)
      .Field("micro_batch", engine.info.micro_batch_tokens)
      .Field("flash_attention", wire::SwitchName(engine.info.flash_attention))
      .Field("load_ms", engine.info.load_ms)
      .Field("open_requests", static_cast<int64_t>(engine.open_requests))
      .Field("waiting", engine.stats.waiting)
      .Field("held", engine.stats.held)
      .Field("running", engine.stats.running)
      .Field("prefilling", engine.stats.prefilling)
      .Field("decoding", engine.stats.decoding)
      .Field("refused", engine.stats.refused)
      .Field("cells", engine.stats.cells)
      .Field("cells_used", engine.stats.cells_used)
      .Field("cells_idle", engine.stats.cells_idle)
      .Field("host_bytes", engine.stats.host_bytes)
      .Field("prompt_tokens", engine.stats.prompt_tokens)
      .Field("prompt_tokens_cached", engine.stats.prompt_tokens_cached)
      .Field("generated_tokens", engine.stats.generated_tokens)
      .Field("preemptions", engine.stats.preemptions)
      .Field("draft_tokens", engine.stats.draft_tokens)
      .Field("draft_tokens_accepted", engine.stats.draft_tokens_accepted)
      .Field("prefill_tokens_per_s", engine.stats.prefill_tokens_per_s)
      .Field("decode_tokens_per_s", engine.stats.decode_tokens_per_s)
      .Field("embed_tokens_per_s", engine.stats.embed_tokens_per_s)
      .Field("step_ms", engine.stats.step_ms);
  json::AppendTexts(writer, "gpus", engine.info.gpus);
  writer.Key("tensor_split").BeginArray();
  for (const float share : engine.info.tensor_split) writer.Double(static_cast<double>(share));
  writer.EndArray();
  writer.Key("prefix_hits")
      .BeginObject()
      .Field("running", engine.stats.hits_running)
      .Field("joined", engine.stats.hits_joined)
      .Field("idle", engine.stats.hits_idle)
      .Field("host", engine.stats.hits_host)
      .Field("misses", engine.stats.misses)
      .EndObject();
  AppendSeconds(writer, "unloads_in_s", engine.unloads_in);
  writer.Field("pinned", engine.pinned);
  AppendSeconds(writer, "retry_in_s", engine.retry_in);
  writer.Field("answers", engine.answers).Field("restarts", engine.restarts);
  writer.Key("sandbox").BeginArray();
  for (const auto& line : engine.info.sandbox) writer.String(line);
  writer.EndArray().Field("error", engine.last_error).EndObject();
}

// `max` is null where nothing bounds it.
void AppendMemory(json::Writer& writer, const backends::FleetMemory& memory) {
  writer.Key("memory").BeginObject().Field("used", memory.used).Key("max");
  if (memory.max == UINT64_MAX) {
    writer.Null();
  } else {
    writer.Int(static_cast<int64_t>(memory.max));
  }
  writer.Field("max_is_default", memory.is_guess).EndObject();
}

// Others' lines are an administrator's to see.
void AppendKeyLines(json::Writer& writer, const chat::Principal& principal, const KeyBook& book) {
  writer.BeginArray();
  for (const auto& [key, line] : book.lines()) {
    if (!principal.Has(chat::Scope::kAdmin) && key.first != principal.key_id) continue;
    writer.BeginObject()
        .Field("key", key.first)
        .Field("name", line.key_name)
        .Field("model", key.second)
        .Field("waiting", line.waiting)
        .Field("running", line.running)
        .Field("requests", line.requests)
        .Field("prompt_tokens", line.prompt_tokens)
        .Field("cached_tokens", line.cached_tokens)
        .Field("completion_tokens", line.completion_tokens)
        .EndObject();
  }
  writer.EndArray();
}

// The model of this machine that is meant.
Result<ModelAsked> ReadModel(const Site& site, const Call& call) {
  auto asked = ReadModelAsked(call.request().body);
  if (!asked) return asked;
  Result<std::string> model = site.local_model(asked->model);
  if (!model) return std::unexpected(model.error());
  asked->model = std::move(*model);
  return asked;
}

// What belongs to another tenant is not there for this one.
Result<void> RevokeAs(Site& site, const chat::Principal& principal, const std::string& name) {
  for (const keys::KeyInfo& info : site.keys.List()) {
    const bool named = info.id == name || (info.key.name == name && !info.revoked);
    if (named && !MayManage(principal, info)) {
      return Fail(Code::kNotFound, "there is no such key", "key", "key_not_found");
    }
  }
  return site.keys.Revoke(name, site.clock.WallNow());
}

}  // namespace

Task<void> GetTargets(Site& site, Call& call) {
  std::string body;
  json::Writer writer(&body);
  writer.BeginObject().Field("object", "list").Key("data").BeginArray();
  const auto policy = site.gateway.policy();
  for (const routing::Target& target : policy->targets) {
    writer.BeginObject()
        .Field("name", target.name)
        .Field("backend", target.backend)
        .Field("model", target.model)
        .Field("tier", routing::TierName(target.tier))
        .Field("ceiling", chat::LabelName(target.ceiling))
        .Field("online", target.online)
        .EndObject();
  }
  writer.EndArray().Key("virtual").BeginArray();
  for (const routing::VirtualModel& model : policy->virtuals) {
    writer.BeginObject().Field("name", model.name).Key("targets").BeginArray();
    for (const std::string& name : model.targets) writer.String(name);
    writer.EndArray().EndObject();
  }
  writer.EndArray().EndObject();
  co_await call.SendJson(200, std::move(body));
}

Task<void> GetEngines(Site& site, Call& call) {
  const auto engines = co_await site.fleet.Status();
  std::string body;
  json::Writer writer(&body);
  writer.BeginObject().Field("object", "list").Key("data").BeginArray();
  for (const auto& engine : engines) AppendEngine(writer, engine);
  writer.EndArray().Key("keys");
  AppendKeyLines(writer, call.asked.principal, site.metrics.keys());
  AppendMemory(writer, site.fleet.memory());
  if (call.asked.principal.Has(chat::Scope::kAdmin)) {
    writer.Key("servers");
    AppendServers(writer, site);
  }
  writer.EndObject();
  co_await call.SendJson(200, std::move(body));
}

Task<void> PostLoad(Site& site, Call& call) {
  const auto asked = ReadModel(site, call);
  if (!asked) {
    co_await call.SendError(asked.error());
    co_return;
  }
  const auto info = co_await site.fleet.Preload(asked->model, asked->keep_alive_ms);
  if (!info) {
    co_await call.SendError(info.error());
    co_return;
  }
  std::string body;
  json::Writer writer(&body);
  writer.BeginObject().Field("model", asked->model).Field("state", "ready");
  writer.Field("load_ms", info->load_ms).EndObject();
  co_await call.SendJson(200, std::move(body));
}

Task<void> PostStop(Site& site, Call& call) {
  const auto asked = ReadModel(site, call);
  const Result<void> stopped =
      asked ? site.fleet.Stop(asked->model) : Result<void>(std::unexpected(asked.error()));
  if (!stopped) {
    co_await call.SendError(stopped.error());
    co_return;
  }
  std::string body;
  json::Writer(&body)
      .BeginObject()
      .Field("model", asked->model)
      .Field("state", "stopped")
      .EndObject();
  co_await call.SendJson(200, std::move(body));
}

Task<void> GetKeys(Site& site, Call& call) {
  std::string body;
  json::Writer writer(&body);
  writer.BeginObject().Field("object", "list").Key("data").BeginArray();
  for (const keys::KeyInfo& info : site.keys.List()) {
    if (!MayManage(call.asked.principal, info)) continue;
    writer.BeginObject();
    keys::AppendKey(writer, info);
    writer.EndObject();
  }
  writer.EndArray().EndObject();
  co_await call.SendJson(200, std::move(body));
}

Task<void> PostKey(Site& site, Call& call) {
  const auto key = ReadNewKey(call.request().body, call.asked.principal, site.clock.WallNow());
  if (!key) {
    co_await call.SendError(key.error());
    co_return;
  }
  if (auto may = MayGrant(call.asked.principal, *key); !may) {
    co_await call.SendError(may.error());
    co_return;
  }
  const auto created = site.keys.Create(*key, site.clock.WallNow());
  if (!created) {
    co_await call.SendError(created.error());
    co_return;
  }
  std::string body;
  json::Writer writer(&body);
  writer.BeginObject();
  keys::AppendKey(writer, created->info);
  writer.Field("key", created->secret).EndObject();
  co_await call.SendJson(201, std::move(body));
}

Task<void> DeleteKey(Site& site, Call& call) {
  const std::string name = http::PercentDecode(call.tail).value_or("");
  const Result<void> revoked = RevokeAs(site, call.asked.principal, name);
  if (!revoked) {
    co_await call.SendError(revoked.error());
    co_return;
  }
  co_await call.SendJson(200, R"({"revoked":true})");
}

}  // namespace weir::server

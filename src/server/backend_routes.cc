#include "server/backend_routes.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "json/append.h"
#include "json/writer.h"

namespace weir::server {
namespace {

constexpr size_t kModelsShownMax = 1000;
constexpr size_t kModelsAskedMax = 64;  // one by one, where the list has names alone

void AppendDoor(json::Writer& writer, const backends::DoorStatus& door) {
  writer.BeginObject()
      .Field("wanted", door.wanted)
      .Field("open", door.open)
      .Field("problem", door.problem)
      .Field("starts", static_cast<int64_t>(door.starts));
  json::AppendTexts(writer, "sandbox", door.ready.sandbox);
  writer.EndObject();
}

void AppendTarget(json::Writer& writer, const backends::ProviderStatus& status) {
  writer.BeginObject()
      .Field("target", status.target)
      .Field("backend", status.backend)
      .Field("breaker", backends::BreakerStateName(status.breaker))
      .Field("may_ask", status.may_ask)
      .Field("last_error", status.last_error)
      .Field("running", status.running)
      .Field("waiting", status.waiting)
      .Field("attempts", static_cast<int64_t>(status.attempts))
      .Field("failures", static_cast<int64_t>(status.failures))
      .Field("retries", static_cast<int64_t>(status.retries))
      .Key("left_alone")
      .BeginArray();
  for (const uint32_t replica : status.left_alone) writer.Int(replica);
  writer.EndArray();
  writer.Field("backend_answered", status.backend_answered);
  json::AppendTime(writer, "retired_since", status.retired);
  writer.Field("deprecated", status.deprecation.announced);
  json::AppendTime(writer, "deprecated_since", status.deprecation.since);
  json::AppendTime(writer, "sunset", status.deprecation.sunset);
  writer.EndObject();
}

void AppendServer(json::Writer& writer, const backends::EdgeServers::Status& server) {
  writer.BeginObject()
      .Field("backend", server.backend)
      .Field("state", backends::ServerStateName(server.state))
      .Field("pid", server.pid)
      .Field("restarts", static_cast<int64_t>(server.restarts))
      .Field("problem", server.problem)
      .EndObject();
}

template <class T>
void AppendOptional(json::Writer& writer, std::string_view key, const std::optional<T>& value) {
  writer.Key(key);
  if (!value) {
    writer.Null();
  } else if constexpr (std::is_same_v<T, bool>) {
    writer.Bool(*value);
  } else {
    writer.Int(*value);
  }
}

std::string RenderModels(const std::string& backend,
                         const std::vector<chat::ListedProviderModel>& models) {
  std::string body;
  json::Writer writer(&body);
  writer.BeginObject().Field("backend", backend).Key("models").BeginArray();
  for (size_t i = 0; i < std::min(models.size(), kModelsShownMax); ++i) {
    const chat::ListedProviderModel& model = models[i];
    writer.BeginObject().Field("name", model.name);
    AppendOptional(writer, "context", model.context_tokens);
    AppendOptional(writer, "max_output", model.max_output_tokens);
    AppendOptional(writer, "vision", model.vision);
    AppendOptional(writer, "tools", model.tools);
    AppendOptional(writer, "json_schema", model.json_schema);
    AppendOptional(writer, "transcription", model.transcribes);
    writer.EndObject();
  }
  writer.EndArray().Field(
      "left_out", static_cast<int64_t>(models.size() - std::min(models.size(), kModelsShownMax)));
  writer.EndObject();
  return body;
}

// What the list does not tell and the server tells of each model. A model that is not answered for
// stays unknown; a server that does not answer any more is not asked on.
Task<void> AskOfEach(Site& site, const std::string& name, const ProbeBackend& backend,
                     std::vector<chat::ListedProviderModel>& models) {
  const chat::ProviderDialect& dialect = *backend.dialect;
  if (dialect.show_model == nullptr) co_return;
  for (size_t i = 0; i < std::min(models.size(), kModelsAskedMax); ++i) {
    const auto answer = co_await site.gateway.providers->Probe(
        name, dialect.show_model(models[i].name), backend.timeouts);
    if (!answer) co_return;
    if (answer->status == 200) dialect.read_model(answer->body, models[i]);
  }
}

Task<Result<std::string>> Probe(Site& site, std::string name) {
  const auto backend = site.probe_backend ? site.probe_backend(name) : std::nullopt;
  if (!backend || site.gateway.providers == nullptr) {
    co_return Fail(Code::kNotFound,
                   fmt::format("there is no backend '{}' beyond this machine", name.substr(0, 128)),
                   "backend", "backend_not_found");
  }
  const chat::ProviderDialect& dialect = *backend->dialect;
  const chat::ProviderCall call = dialect.list_models(backend->quirks);
  const auto answer = co_await site.gateway.providers->Probe(name, call, backend->timeouts);
  if (!answer) co_return std::unexpected(answer.error());
  if (answer->status == 404) {
    co_return Fail(
        Code::kBackendFailed,
        fmt::format("backend '{}' has no list of models at {} behind its url (HTTP 404); "
                    "look at the path of the url",
                    name, call.path),
        "", "list_not_found");
  }
  if (answer->status < 200 || answer->status > 299) {
    const std::string word = dialect.error_word ? dialect.error_word(answer->body) : "";
    co_return std::unexpected(
        chat::ProviderStatusError(answer->status, chat::RetryAfterSeconds(answer->headers), word));
  }
  auto models = dialect.read_models(answer->body);
  if (!models) co_return std::unexpected(models.error());
  co_await AskOfEach(site, name, *backend, *models);
  co_return RenderModels(name, *models);
}

}  // namespace

void AppendServers(json::Writer& writer, const Site& site) {
  writer.BeginArray();
  if (site.servers != nullptr) {
    for (const auto& server : site.servers->All()) AppendServer(writer, server);
  }
  writer.EndArray();
}

Task<void> GetBackends(Site& site, Call& call) {
  std::string body;
  json::Writer writer(&body);
  writer.BeginObject().Field("object", "list").Key("door");
  AppendDoor(writer, site.door == nullptr ? backends::DoorStatus{} : site.door->Status());
  writer.Key("data").BeginArray();
  if (site.gateway.providers != nullptr) {
    for (const auto& status : site.gateway.providers->Status()) AppendTarget(writer, status);
  }
  writer.EndArray().Key("keys").BeginArray();
  if (site.door != nullptr) {
    for (const auto& backend : site.door->Status().ready.backends) {
      writer.BeginObject()
          .Field("backend", backend.name)
          .Field("wanted", backend.key_wanted)
          .Field("present", backend.key_present)
          .EndObject();
    }
  }
  writer.EndArray().Key("servers");
  AppendServers(writer, site);
  json::AppendTexts(writer, "gateway_sandbox", site.sandbox);
  writer.EndObject();
  co_await call.SendJson(200, std::move(body));
}

Task<void> PostProbe(Site& site, Call& call) {
  auto probed = co_await Probe(site, http::PercentDecode(call.tail).value_or(""));
  if (!probed) {
    co_await call.SendError(probed.error());
    co_return;
  }
  co_await call.SendJson(200, std::move(*probed));
}

}  // namespace weir::server

#include "server/ollama_routes.h"

#include <fmt/chrono.h>
#include <fmt/core.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/clock.h"
#include "dialects/ollama/answer.h"
#include "dialects/ollama/error.h"
#include "dialects/ollama/request.h"
#include "dialects/ollama/show.h"
#include "server/answering.h"
#include "server/capabilities.h"
#include "server/model_header.h"

namespace weir::server {
namespace {

// What the dialect is spoken as; clients compare it with the version that a feature came in.
constexpr std::string_view kSpokenVersion = "0.13.0";

std::string Rfc3339(int64_t unix_s) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(unix_s));
}

class OllamaRendering : public Rendering {
 public:
  OllamaRendering(bool chat, bool stream) : chat_(chat), stream_(stream) {}

  bool streams() const override { return stream_; }
  std::string_view content_type() const override {
    return stream_ ? "application/x-ndjson" : "application/json";
  }
  void Begin(const std::string& model, int64_t now_s) override {
    encoder_.emplace(
        ollama::AnswerHead{.model = model, .created_at = Rfc3339(now_s), .chat = chat_}, stream_);
  }
  Result<void> Append(const chat::Event& event, std::string& out) override {
    return encoder_->Append(event, out);
  }
  Result<void> End(std::string_view weir, std::string& out) override {
    return encoder_->End(weir, out);
  }
  void Fail(const Error& error, std::string& out) override { encoder_->Fail(error, out); }
  void Heartbeat(std::string& out) override { encoder_->Heartbeat(out); }

 private:
  const bool chat_;
  const bool stream_;
  std::optional<ollama::Encoder> encoder_ = {};
};

// A request that asks nothing loads the model, or unloads it when it is to be kept for no time.
Task<void> LoadOnly(Site& site, Call& call, const ollama::GenerateCall& asked) {
  if (!call.asked.principal.Has(chat::Scope::kModels)) {
    co_await call.SendError(
        {Code::kForbidden, "this key may not load models", {}, "scope_missing"});
    co_return;
  }
  const auto model = site.local_model(asked.request.model);
  if (!model) {
    co_await call.SendError(model.error());
    co_return;
  }
  const bool unload = asked.request.keep_alive_ms == 0;
  if (unload) {
    const auto stopped = site.fleet.Stop(*model);
    if (!stopped && stopped.error().code != Code::kNotFound) {
      co_await call.SendError(stopped.error());
      co_return;
    }
  } else if (auto loaded = co_await site.fleet.Preload(*model, asked.request.keep_alive_ms);
             !loaded) {
    co_await call.SendError(loaded.error());
    co_return;
  }
  const ollama::AnswerHead head = {.model = *model,
                                   .created_at = Rfc3339(UnixSeconds(site.clock.WallNow())),
                                   .chat = asked.chat};
  co_await call.SendJson(200, ollama::RenderLoaded(head, unload));
}

// A context is in the words of one model of this machine; a route may mean several.
Result<void> CheckContext(Site& site, const chat::GenerateRequest& request) {
  if (request.context.empty()) return {};
  const auto policy = site.gateway.policy();
  const bool route = std::ranges::find(policy->virtuals, request.model,
                                       &routing::VirtualModel::name) != policy->virtuals.end();
  if (!route && site.local_model(request.model)) return {};
  return Fail(Code::kInvalidArgument,
              "context holds tokens of one model of this machine; name the model that gave it, or "
              "send the conversation to /api/chat",
              "context", "unsupported_parameter");
}

Task<void> Answer(Site& site, Call& call, Result<ollama::GenerateCall> asked) {
  if (!asked) {
    co_await call.SendError(asked.error());
    co_return;
  }
  if (asked->only_load) {
    co_await LoadOnly(site, call, *asked);
    co_return;
  }
  if (auto may = CheckContext(site, asked->request); !may) {
    co_await call.SendError(may.error());
    co_return;
  }
  if (!asked->chat) call.field_of = ollama::FieldOfGenerate;
  OllamaRendering rendering(asked->chat, asked->stream);
  co_await AnswerGeneration(site, call, std::move(asked->request), rendering);
}

Task<void> AnswerEmbed(Site& site, Call& call, Result<chat::EmbedRequest> asked, bool one) {
  if (!asked) {
    co_await call.SendError(asked.error());
    co_return;
  }
  const MonotonicTime start = site.clock.Now();
  const auto render = [&site, start, one](const chat::Embeddings& vectors, const std::string& model,
                                          const std::string& weir) {
    if (one) return ollama::RenderEmbedding(vectors);
    return ollama::RenderEmbed(vectors, model, (site.clock.Now() - start).count(), weir);
  };
  co_await AnswerEmbeddings(site, call, std::move(*asked), render);
}

ollama::ModelEntry EntryOf(const ListedModel& model) {
  return {.name = model.name,
          .modified_at = Rfc3339(model.created),
          .size = model.size,
          .sha256 = model.sha256,
          .family = model.family,
          .parameters = model.parameters,
          .quantisation = model.quantisation};
}

void AddMissing(std::vector<std::string>& all, const char* one, bool there) {
  if (there && std::ranges::find(all, one) == all.end()) all.emplace_back(one);
}

// What is known of a name that is listed, and of the model of this machine that it means first.
Task<Result<ollama::ModelFacts>> FactsOf(Site& site, ListedModel named) {
  ollama::ModelFacts facts = {.entry = EntryOf(named)};
  facts.capabilities = CapabilitiesOf(*site.gateway.policy(), named.name);
  const auto local = site.local_model(named.name);
  if (!local) co_return facts;  // a provider's
  const auto models = site.list_models();
  const auto found = std::ranges::find(models, *local, &ListedModel::name);
  if (found != models.end()) facts.entry = EntryOf(*found);
  auto stored = site.stored_model(*local);
  if (!stored) co_return Fail(stored.error());
  facts.name = std::move(stored->name);
  facts.manifest = std::move(stored->manifest);
  auto description = co_await HeaderOf(site, std::move(stored->file));
  if (!description) co_return Fail(description.error());
  facts.file = std::move(*description);
  const gguf::Capabilities& guess = facts.file.info.capabilities;
  AddMissing(facts.capabilities, "insert", guess.fim);
  AddMissing(facts.capabilities, "thinking", guess.reasoning);
  co_return facts;
}

}  // namespace

Task<void> OllamaChat(Site& site, Call& call) {
  co_await Answer(site, call, ollama::ReadChat(call.request().body));
}

Task<void> OllamaGenerate(Site& site, Call& call) {
  co_await Answer(site, call, ollama::ReadGenerate(call.request().body));
}

Task<void> OllamaEmbed(Site& site, Call& call) {
  co_await AnswerEmbed(site, call, ollama::ReadEmbed(call.request().body), false);
}

Task<void> OllamaEmbeddings(Site& site, Call& call) {
  co_await AnswerEmbed(site, call, ollama::ReadEmbeddings(call.request().body), true);
}

Task<void> OllamaTags(Site& site, Call& call) {
  std::vector<ollama::ModelEntry> entries;
  for (const ListedModel& model : site.list_models()) entries.push_back(EntryOf(model));
  co_await call.SendJson(200, ollama::RenderTags(entries));
}

Task<void> OllamaShow(Site& site, Call& call) {
  const auto name = ollama::ReadShow(call.request().body);
  if (!name) {
    co_await call.SendError(name.error());
    co_return;
  }
  const auto models = site.list_models();
  auto found = std::ranges::find(models, *name, &ListedModel::name);
  if (found == models.end()) {
    if (const auto full = site.local_model(*name))
      found = std::ranges::find(models, *full, &ListedModel::name);
  }
  if (found == models.end()) {
    co_await call.SendError({Code::kNotFound,
                             fmt::format("there is no model '{}' here", name->substr(0, 128)),
                             "model", "model_not_found"});
    co_return;
  }
  if (auto may = gateway::MayAskFor(call.asked.principal, found->name); !may) {
    co_await call.SendError(may.error());
    co_return;
  }
  const auto facts = co_await FactsOf(site, *found);
  if (!facts) {
    co_await call.SendError(facts.error());
    co_return;
  }
  co_await call.SendJson(200, ollama::RenderShow(*facts));
}

Task<void> OllamaRunning(Site& site, Call& call) {
  constexpr auto kForEver = std::chrono::hours(24 * 365 * 100);
  std::vector<ollama::ModelEntry> entries;
  const auto models = site.list_models();
  for (const backends::EngineStatus& engine : co_await site.fleet.Status()) {
    if (engine.state != backends::EngineState::kReady) continue;
    ollama::ModelEntry entry = {.name = engine.model};
    const auto listed = std::ranges::find(models, engine.model, &ListedModel::name);
    if (listed != models.end()) entry = EntryOf(*listed);
    entry.size = engine.memory_bytes;
    entry.family = engine.info.architecture;
    entry.parameters = engine.info.parameters;
    entry.context_tokens = engine.info.context_tokens;
    const auto left =
        std::chrono::duration_cast<std::chrono::seconds>(engine.unloads_in.value_or(kForEver));
    entry.expires_at = Rfc3339(UnixSeconds(site.clock.WallNow()) + left.count());
    entries.push_back(std::move(entry));
  }
  co_await call.SendJson(200, ollama::RenderRunning(entries));
}

Task<void> OllamaVersion(Site&, Call& call) {
  co_await call.SendJson(
      200, fmt::format(R"({{"version":"{}","weir":"{}"}})", kSpokenVersion, WEIR_VERSION));
}

}  // namespace weir::server

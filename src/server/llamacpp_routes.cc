#include "server/llamacpp_routes.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "dialects/llamacpp/answer.h"
#include "dialects/llamacpp/request.h"
#include "http/message.h"
#include "json/writer.h"
#include "server/answering.h"
#include "server/capabilities.h"
#include "server/model_header.h"
#include "server/prompt_tokens.h"

namespace weir::server {
namespace {

class CompletionRendering final : public Rendering {
 public:
  explicit CompletionRendering(llamacpp::CompletionForm form) : form_(std::move(form)) {}

  bool streams() const override { return form_.stream; }
  std::string_view content_type() const override {
    return form_.stream ? "text/event-stream" : "application/json";
  }
  void Begin(const std::string& model, int64_t) override { encoder_.emplace(model, form_); }
  Result<void> Append(const chat::Event& event, std::string& out) override {
    return encoder_->Append(event, out);
  }
  Result<void> End(std::string_view weir, std::string& out) override {
    return encoder_->End(weir, out);
  }
  void Fail(const Error& error, std::string& out) override { encoder_->Fail(error, out); }
  void Progress(const chat::Progress& progress, std::string& out) override {
    encoder_->Progress(progress, out);
  }
  void Heartbeat(std::string& out) override { encoder_->Heartbeat(out); }

 private:
  const llamacpp::CompletionForm form_;
  std::optional<llamacpp::Encoder> encoder_ = {};
};

Task<void> Complete(Site& site, Call& call, Result<llamacpp::CompletionCall> asked) {
  if (!asked) {
    co_await call.SendError(asked.error());
    co_return;
  }
  call.asked.progress = call.asked.progress || asked->form.progress;
  CompletionRendering rendering(std::move(asked->form));
  co_await AnswerGeneration(site, call, std::move(asked->request), rendering);
}

}  // namespace

Task<void> PostCompletion(Site& site, Call& call) {
  co_await Complete(site, call, llamacpp::ReadCompletion(call.request().body));
}

Task<void> PostInfill(Site& site, Call& call) {
  co_await Complete(site, call, llamacpp::ReadInfill(call.request().body));
}

Task<void> PostApplyTemplate(Site& site, Call& call) {
  auto asked = llamacpp::ReadApplyTemplate(call.request().body);
  if (!asked) {
    co_await call.SendError(asked.error());
    co_return;
  }
  const auto rendered = co_await PromptOf(site, std::move(*asked));
  if (!rendered) {
    co_await call.SendError(rendered.error());
    co_return;
  }
  std::string body;
  json::Writer(&body).BeginObject().Field("prompt", rendered->text).EndObject();
  co_await call.SendJson(200, std::move(body));
}

// The model's own, or what weir create gave it; empty where neither can be read.
Task<std::string> TemplateOf(Site& site, std::string model) {
  auto stored = site.stored_model(model);
  if (!stored) co_return "";
  if (!stored->manifest.chat_template.empty()) co_return stored->manifest.chat_template;
  auto header = co_await HeaderOf(site, std::move(stored->file));
  co_return header ? std::move(header->info.chat_template) : "";
}

// Loads nothing: of a model that is not loaded its name and template are known.
Task<void> GetProps(Site& site, Call& call) {
  const auto name = http::QueryValue(call.request().query, "model");
  const Result<std::string> model = site.local_model(name.value_or("auto"));
  if (!model) {
    co_await call.SendError(model.error());
    co_return;
  }
  const auto engines = co_await site.fleet.Status();
  const auto found = std::ranges::find(engines, *model, &backends::EngineStatus::model);
  const bool ready = found != engines.end() && found->state == backends::EngineState::kReady;
  const int32_t slots = ready ? found->info.sequences : 0;
  const std::string chat_template = co_await TemplateOf(site, *model);
  std::string body;
  json::Writer writer(&body);
  writer.BeginObject().Key("default_generation_settings").BeginObject();
  if (ready) writer.Field("n_ctx", found->info.request_tokens_max);
  writer.Key("params").BeginObject();
  if (ready) writer.Field("n_predict", found->info.max_tokens_default);
  writer.EndObject().EndObject();
  writer.Field("model_alias", *model).Field("model_path", *model);
  writer.Key("modalities")
      .BeginObject()
      .Field("vision", SeesImages(*site.gateway.policy(), *model))
      .Field("audio", false)
      .EndObject();
  writer.Field("total_slots", std::max(slots, 1)).Field("chat_template", chat_template);
  writer.Field("build_info", "weir " WEIR_VERSION).Field("is_sleeping", !ready).EndObject();
  co_await call.SendJson(200, std::move(body));
}

// An adapter is part of a model that weir create made; none is switched while it runs.
Task<void> GetLoraAdapters(Site&, Call& call) { co_await call.SendJson(200, "[]"); }

Task<void> PostTokenize(Site& site, Call& call) {
  auto asked = llamacpp::ReadTokenize(call.request().body);
  const Result<std::string> model =
      asked ? site.local_model(asked->model) : std::unexpected(asked.error());
  if (!model) {
    co_await call.SendError(model.error());
    co_return;
  }
  const auto tokens = co_await site.fleet.Tokenize(*model, std::move(asked->request));
  if (!tokens) {
    co_await call.SendError(tokens.error());
    co_return;
  }
  co_await call.SendJson(200, llamacpp::RenderTokens(*tokens));
}

Task<void> PostDetokenize(Site& site, Call& call) {
  auto asked = llamacpp::ReadDetokenize(call.request().body);
  const Result<std::string> model =
      asked ? site.local_model(asked->model) : std::unexpected(asked.error());
  if (!model) {
    co_await call.SendError(model.error());
    co_return;
  }
  const auto text = co_await site.fleet.Detokenize(*model, std::move(asked->request));
  if (!text) {
    co_await call.SendError(text.error());
    co_return;
  }
  std::string body;
  json::Writer(&body).BeginObject().Field("content", text->text).EndObject();
  co_await call.SendJson(200, std::move(body));
}

}  // namespace weir::server

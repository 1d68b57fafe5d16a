#include "server/openai_routes.h"

#include <fmt/core.h>

#include <optional>
#include <utility>

#include "base/random.h"
#include "dialects/openai/answer.h"
#include "dialects/openai/lists.h"
#include "dialects/openai/request.h"
#include "server/answering.h"
#include "server/anthropic_routes.h"
#include "server/capabilities.h"
#include "server/whole_rendering.h"

namespace weir::server {
namespace {

class StreamRendering : public Rendering {
 public:
  explicit StreamRendering(const openai::AnswerForm& form) : form_(form) {}

  bool streams() const override { return true; }
  std::string_view content_type() const override { return "text/event-stream"; }
  void Begin(const std::string& model, int64_t now_s) override {
    encoder_.emplace(HeadOf(form_, model, now_s), form_);
  }
  Result<void> Append(const chat::Event& event, std::string& out) override {
    return encoder_->Append(event, out);
  }
  Result<void> End(std::string_view weir, std::string& out) override {
    encoder_->End(weir, out);
    return {};
  }
  void Fail(const Error& error, std::string& out) override { encoder_->Fail(error, out); }
  void Progress(const chat::Progress& progress, std::string& out) override {
    openai::StreamEncoder::Progress(progress, out);
  }
  void Heartbeat(std::string& out) override { openai::StreamEncoder::Heartbeat(out); }

  static openai::AnswerHead HeadOf(const openai::AnswerForm& form, const std::string& model,
                                   int64_t now_s) {
    const bool chat = form.kind == openai::AnswerForm::Kind::kChat;
    return {.id = NewId(chat ? "chatcmpl-" : "cmpl-"), .created_s = now_s, .model = model};
  }

 private:
  const openai::AnswerForm form_;
  std::optional<openai::StreamEncoder> encoder_ = {};
};

class OneAnswer final : public WholeRendering<openai::WholeAnswer> {
 public:
  explicit OneAnswer(const openai::AnswerForm& form) : form_(form) {}

  void Begin(const std::string& model, int64_t now_s) override {
    answer_.emplace(StreamRendering::HeadOf(form_, model, now_s), form_);
  }

 private:
  const openai::AnswerForm form_;
};

Task<void> Answer(Site& site, Call& call, Result<openai::GenerateCall> asked) {
  if (!asked) {
    co_await call.SendError(asked.error());
    co_return;
  }
  if (asked->file_search) {
    const auto given = co_await GiveSources(site, call, *asked->file_search, asked->request);
    if (!given) {
      co_await call.SendError(given.error());
      co_return;
    }
  }
  const openai::AnswerForm form = openai::FormOf(*asked);
  if (asked->stream) {
    StreamRendering rendering(form);
    co_await AnswerGeneration(site, call, std::move(asked->request), rendering);
  } else {
    OneAnswer rendering(form);
    co_await AnswerGeneration(site, call, std::move(asked->request), rendering);
  }
}

openai::ModelEntry EntryOf(const routing::Policy& policy, const ListedModel& model) {
  return {model.name, model.created, model.owner, CapabilitiesOf(policy, model.name)};
}

}  // namespace

Task<void> OpenAiChat(Site& site, Call& call) {
  const openai::Limits limits{.choices_max = site.options.choices_max};
  co_await Answer(site, call, openai::ReadChat(call.request().body, limits));
}

Task<void> OpenAiCompletion(Site& site, Call& call) {
  const openai::Limits limits{.choices_max = site.options.choices_max};
  co_await Answer(site, call, openai::ReadCompletion(call.request().body, limits));
}

Task<void> OpenAiEmbeddings(Site& site, Call& call) {
  auto asked = openai::ReadEmbeddings(call.request().body);
  if (!asked) {
    co_await call.SendError(asked.error());
    co_return;
  }
  const auto render = [base64 = asked->base64](const chat::Embeddings& vectors,
                                               const std::string& model, const std::string& weir) {
    return openai::RenderEmbeddings(vectors, model, base64, weir);
  };
  co_await AnswerEmbeddings(site, call, std::move(asked->request), render);
}

Task<void> OpenAiModels(Site& site, Call& call) {
  if (call.shape == ErrorShape::kAnthropic) {
    co_await AnthropicModels(site, call);
    co_return;
  }
  const auto policy = site.gateway.policy();
  std::vector<openai::ModelEntry> entries;
  for (const ListedModel& model : site.list_models()) entries.push_back(EntryOf(*policy, model));
  co_await call.SendJson(200, openai::RenderModels(entries));
}

Task<void> OpenAiModel(Site& site, Call& call) {
  if (call.shape == ErrorShape::kAnthropic) {
    co_await AnthropicModel(site, call);
    co_return;
  }
  const auto policy = site.gateway.policy();
  const std::string name = http::PercentDecode(call.tail).value_or("");
  for (const ListedModel& model : site.list_models()) {
    if (model.name != name) continue;
    co_await call.SendJson(200, openai::RenderModel(EntryOf(*policy, model)));
    co_return;
  }
  co_await call.SendError({Code::kNotFound,
                           fmt::format("there is no model '{}' here", name.substr(0, 128)), "model",
                           "model_not_found"});
}

}  // namespace weir::server

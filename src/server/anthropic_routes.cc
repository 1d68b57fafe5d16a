#include "server/anthropic_routes.h"

#include <fmt/core.h>

#include <algorithm>
#include <optional>
#include <span>
#include <utility>

#include "base/clock.h"
#include "base/random.h"
#include "dialects/anthropic/answer.h"
#include "dialects/anthropic/error.h"
#include "dialects/anthropic/lists.h"
#include "dialects/anthropic/request.h"
#include "http/message.h"
#include "server/answering.h"
#include "server/list_page.h"
#include "server/prompt_tokens.h"
#include "server/whole_rendering.h"

namespace weir::server {
namespace {

class StreamRendering : public Rendering {
 public:
  bool streams() const override { return true; }
  std::string_view content_type() const override { return "text/event-stream"; }
  void Begin(const std::string& model, int64_t) override {
    encoder_.emplace(anthropic::AnswerHead{.id = NewId("msg_"), .model = model});
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
    encoder_->Progress(progress, out);
  }
  void Heartbeat(std::string& out) override { encoder_->Heartbeat(out); }

 private:
  std::optional<anthropic::StreamEncoder> encoder_ = {};
};

class OneAnswer final : public WholeRendering<anthropic::WholeAnswer> {
 public:
  void Begin(const std::string& model, int64_t) override {
    answer_.emplace(anthropic::AnswerHead{.id = NewId("msg_"), .model = model});
  }
};

std::vector<anthropic::ModelEntry> Entries(Site& site) {
  std::vector<anthropic::ModelEntry> entries;
  for (const ListedModel& model : site.list_models())
    entries.push_back({model.name, model.created});
  return entries;
}

struct ModelsPage {
  std::span<const anthropic::ModelEntry> models = {};
  bool has_more = false;
};

// limit, after_id, before_id: a page goes on behind the one id, or ends before the other.
Result<ModelsPage> PageOf(std::span<const anthropic::ModelEntry> all, const std::string& query) {
  const auto limit = ReadLimit(query, {.limit = 20, .limit_max = 1000});
  if (!limit) return Fail(limit.error());
  const std::string after = http::QueryValue(query, "after_id").value_or("");
  const std::string before = http::QueryValue(query, "before_id").value_or("");
  if (!after.empty() && !before.empty())
    return Fail(Code::kInvalidArgument, "before_id does not go with after_id", "before_id");
  if (after.empty() && before.empty())
    return ModelsPage{all.first(std::min(*limit, all.size())), all.size() > *limit};
  const auto found =
      std::ranges::find(all, after.empty() ? before : after, &anthropic::ModelEntry::id);
  const std::string_view param = after.empty() ? "before_id" : "after_id";
  if (found == all.end()) {
    return Fail(Code::kInvalidArgument, fmt::format("{} is the id of no model here", param),
                std::string(param));
  }
  const auto index = static_cast<size_t>(found - all.begin());
  const auto rest = after.empty() ? all.first(index) : all.subspan(index + 1);
  const size_t shown = std::min(*limit, rest.size());
  return ModelsPage{after.empty() ? rest.last(shown) : rest.first(shown), rest.size() > shown};
}

constexpr size_t kBetasBytesMax = 1024;

// Names of what Anthropic tries out, for its own servers: letters, digits, '-', '_' and '.', with
// commas in between.
Result<void> TakeBetas(const http::Request& request, chat::GenerateRequest& asked) {
  std::string betas;
  for (size_t i = 0; i < request.headers.size(); ++i) {
    if (!http::EqualsIgnoreCase(request.headers.name(i), "anthropic-beta")) continue;
    betas.append(betas.empty() ? "" : ",").append(request.headers.value(i));
  }
  if (betas.empty()) return {};
  const bool good = std::ranges::all_of(betas, [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           std::string_view("-_., ").contains(c);
  });
  if (!good || betas.size() > kBetasBytesMax) {
    return Fail(Code::kInvalidArgument,
                fmt::format("anthropic-beta takes names with commas in between, {} bytes at most",
                            kBetasBytesMax),
                "anthropic-beta", "invalid_header");
  }
  asked.provider_fields["anthropic-beta"] = std::move(betas);
  return {};
}

// Errors that come later name the client's messages.
void NameFields(Call& call, anthropic::MessagesCall& asked) {
  call.field_of = [origins = std::move(asked.origins)](std::string_view param) {
    return anthropic::FieldIn(origins, param);
  };
}

}  // namespace

Task<void> AnthropicMessages(Site& site, Call& call) {
  auto asked = anthropic::ReadMessagesCall(call.request().body);
  if (auto taken = asked ? TakeBetas(call.request(), asked->request) : Result<void>(); !taken)
    asked = std::unexpected(taken.error());
  if (!asked) {
    co_await call.SendError(asked.error());
    co_return;
  }
  NameFields(call, *asked);
  if (asked->stream) {
    StreamRendering rendering;
    co_await AnswerGeneration(site, call, std::move(asked->request), rendering);
  } else {
    OneAnswer rendering;
    co_await AnswerGeneration(site, call, std::move(asked->request), rendering);
  }
}

Task<void> AnthropicCountTokens(Site& site, Call& call) {
  auto asked = anthropic::ReadCountTokens(call.request().body);
  if (!asked) {
    co_await call.SendError(asked.error());
    co_return;
  }
  NameFields(call, *asked);
  const auto tokens = co_await PromptOf(site, std::move(asked->request));
  if (!tokens) {
    co_await call.SendError(tokens.error());
    co_return;
  }
  co_await call.SendJson(200, fmt::format("{{\"input_tokens\":{}}}", tokens->tokens.size()));
}

Task<void> AnthropicModels(Site& site, Call& call) {
  const auto entries = Entries(site);
  const auto page = PageOf(entries, call.request().query);
  if (!page) {
    co_await call.SendError(page.error());
    co_return;
  }
  co_await call.SendJson(200, anthropic::RenderModels(page->models, page->has_more));
}

Task<void> AnthropicModel(Site& site, Call& call) {
  const std::string name = http::PercentDecode(call.tail).value_or("");
  for (const anthropic::ModelEntry& model : Entries(site)) {
    if (model.id != name) continue;
    co_await call.SendJson(200, anthropic::RenderModel(model));
    co_return;
  }
  co_await call.SendError({Code::kNotFound,
                           fmt::format("there is no model '{}' here", name.substr(0, 128)), "model",
                           "model_not_found"});
}

}  // namespace weir::server

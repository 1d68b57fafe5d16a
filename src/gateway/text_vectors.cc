#include "gateway/text_vectors.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "async/loop.h"
#include "base/utf8.h"
#include "gateway/embed.h"

namespace weir::gateway {
namespace {

constexpr Duration kStepAside = std::chrono::milliseconds(50);
constexpr Duration kStepAsideMax = std::chrono::seconds(3);  // for one batch
constexpr int kShortensMax = 10;

// The longest texts lose a quarter; models differ in how many bytes a token has.
void Shorten(std::vector<chat::Prompt>& inputs) {
  size_t longest = 0;
  for (const chat::Prompt& input : inputs) longest = std::max(longest, input.text.size());
  const size_t most = longest * 3 / 4;
  for (chat::Prompt& input : inputs) {
    if (input.text.size() > most)
      input.text.resize(CompleteUtf8Prefix(std::string_view(input.text).substr(0, most)));
  }
}

Error Missing(const std::string& model) {
  return {Code::kConflict,
          fmt::format("these documents are embedded by {}, which is not here; pull it, or change "
                      "the model with weir collections embed",
                      model),
          "collection", "embedding_model_missing"};
}

}  // namespace

Task<Result<void>> MakeRoom(Gateway& gateway) {
  const MonotonicTime until = gateway.clock.Now() + kStepAsideMax;
  while (gateway.engines.generating() > 0 && gateway.clock.Now() < until) {
    if (!co_await SleepFor(kStepAside))
      co_return Fail(Code::kCancelled, "the client went away while it waited");
  }
  co_return Result<void>();
}

Task<Result<std::vector<std::vector<float>>>> TextVectors(Gateway& gateway,
                                                          const Documents& documents, Asked asked,
                                                          std::string model,
                                                          std::vector<std::string> texts) {
  if (auto may = MayAskFor(asked.principal, documents.embedding_model); !may)
    co_return Fail(may.error());
  const auto usual = documents.model_name(documents.embedding_model);
  const bool is_usual = usual && *usual == model;
  if (!is_usual && asked.principal.grant != nullptr) {
    chat::Grant grant = *asked.principal.grant;
    grant.models.clear();
    asked.principal.grant = std::make_shared<const chat::Grant>(std::move(grant));
  }
  chat::EmbedRequest request{.model = is_usual ? documents.embedding_model : model};
  for (std::string& text : texts) request.inputs.push_back({.text = std::move(text)});
  for (int attempt = 0;; ++attempt) {
    auto answered = co_await Embed(gateway, asked, request);
    if (answered) co_return std::move(answered->value.vectors);
    if (answered.error().reason == "model_not_found") co_return Fail(Missing(model));
    const bool too_long = answered.error().reason == "context_length_exceeded";
    if (!too_long || attempt >= kShortensMax) co_return Fail(answered.error());
    Shorten(request.inputs);
  }
}

}  // namespace weir::gateway

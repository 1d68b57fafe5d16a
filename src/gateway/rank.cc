#include "gateway/rank.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "base/log.h"
#include "gateway/embed.h"

namespace weir::gateway {
namespace {

// A passage behind its title and the headings above it, which begin with the title as a rule.
std::string TextOf(const knowledge::Passage& passage) {
  std::string text = passage.section;
  if (!text.starts_with(passage.title)) text = passage.title + (text.empty() ? "" : " > ") + text;
  text += (text.empty() ? "" : "\n\n") + passage.text;
  return text;
}

}  // namespace

bool HasReranker(const Gateway& gateway) {
  const auto policy = gateway.policy();
  const auto& models = policy->virtuals;
  return std::ranges::find(models, routing::kReranker, &routing::VirtualModel::name) !=
         models.end();
}

std::string RankingModel(const Gateway& gateway) {
  return HasReranker(gateway) ? std::string(routing::kReranker) : "embedding";
}

Task<bool> RankPassages(Gateway& gateway, Asked asked, std::string question,
                        std::vector<knowledge::Passage>& passages) {
  if (passages.empty()) co_return false;
  chat::EmbedRequest request{.model = std::string(routing::kReranker),
                             .inputs = {{.text = std::move(question)}},
                             .ranks = true,
                             .input_tokens_max = chat::kModelInput};
  for (const knowledge::Passage& passage : passages) {
    // A route may lead off this machine: what is sent is labelled as what it is.
    asked.passages_label =
        asked.passages_label ? chat::Join(*asked.passages_label, passage.label) : passage.label;
    request.inputs.push_back({.text = TextOf(passage)});
  }
  auto answered = co_await Embed(gateway, std::move(asked), std::move(request));
  if (!answered) {
    LogWarning("passages were not ranked: {}", OutcomeOf(answered.error()));
    co_return false;
  }
  if (!answered->value.ranked) co_return false;
  for (size_t i = 0; i < passages.size(); ++i) {
    passages[i].score = std::clamp(answered->value.vectors[i + 1].front(), 0.0F, 1.0F);
  }
  std::ranges::sort(passages, std::greater(), &knowledge::Passage::score);
  co_return true;
}

}  // namespace weir::gateway

#include "gateway/embed.h"

#include <fmt/core.h>

#include <utility>

#include "base/check.h"

namespace weir::gateway {
namespace {

// A backend that answers for more or fewer inputs than it was given answers nonsense.
template <class T>
Result<T> Counted(Result<T> value, size_t answers, size_t asked) {
  if (!value || answers == asked) return value;
  return Fail(Code::kBackendFailed,
              fmt::format("the backend gave {} results for {} inputs", answers, asked), {},
              "backend_failed");
}

Task<Result<chat::Embeddings>> EmbedAt(Gateway& gateway, const chat::Principal& principal,
                                       const routing::Target& target,
                                       const backends::ProviderAsk& ask,
                                       const chat::EmbedRequest& request,
                                       std::vector<std::string>& notes) {
  Result<chat::Embeddings> value = Fail(ReachesNobody());
  if (!target.beyond) {
    value = co_await gateway.engines.Embed(principal, target.model, request);
  } else if (gateway.providers != nullptr) {
    value = co_await gateway.providers->Embed(ask, request, notes);
  }
  const size_t vectors = value ? value->vectors.size() : 0;
  co_return Counted(std::move(value), vectors, request.inputs.size());
}

Task<Result<chat::Scores>> ScoreAt(Gateway& gateway, const chat::Principal& principal,
                                   const routing::Target& target,
                                   const chat::ScoreRequest& request) {
  CHECK(!target.beyond, "no provider gives log-probabilities of a given text");
  auto value = co_await gateway.engines.Score(principal, target.model, request);
  const size_t scores = value ? value->continuations.size() : 0;
  co_return Counted(std::move(value), scores, request.continuations.size());
}

}  // namespace

Task<Result<Answered<chat::Embeddings>>> Embed(Gateway& gateway, Asked asked,
                                               chat::EmbedRequest request,
                                               std::optional<Unanswered>* unanswered) {
  request.priority = asked.priority.value_or(request.priority);
  if (auto may = MayAskFor(asked.principal, request.model); !may)
    co_return std::unexpected(may.error());
  const auto labelled =
      LabelOf(gateway, asked, request.model, {}, request.inputs, ScanOf(gateway, request));
  if (!labelled) co_return std::unexpected(labelled.error());
  const AskTarget<chat::Embeddings> call = [&](const routing::Target& target,
                                               const backends::ProviderAsk& ask,
                                               std::vector<std::string>& notes) {
    return EmbedAt(gateway, asked.principal, target, ask, request, notes);
  };
  const routing::Task task = request.ranks ? routing::Task::kRank : routing::Task::kEmbed;
  co_return co_await AskTargets(gateway, asked, request.model, {.task = task}, *labelled,
                                ExtentOf(request), call, unanswered);
}

Task<Result<Answered<chat::Scores>>> Score(Gateway& gateway, Asked asked,
                                           chat::ScoreRequest request,
                                           std::optional<Unanswered>* unanswered) {
  request.priority = asked.priority.value_or(request.priority);
  std::vector<chat::Prompt> prompts = {request.prompt};
  for (const std::string& text : request.continuations) prompts.push_back({.text = text});
  if (auto may = MayAskFor(asked.principal, request.model); !may)
    co_return std::unexpected(may.error());
  const auto labelled =
      LabelOf(gateway, asked, request.model, request.messages, prompts, ScanOf(gateway, request));
  if (!labelled) co_return std::unexpected(labelled.error());
  const AskTarget<chat::Scores> call =
      [&](const routing::Target& target, const backends::ProviderAsk&, std::vector<std::string>&) {
        return ScoreAt(gateway, asked.principal, target, request);
      };
  co_return co_await AskTargets(gateway, asked, request.model, {.task = routing::Task::kScore},
                                *labelled, ExtentOf(request), call, unanswered);
}

}  // namespace weir::gateway

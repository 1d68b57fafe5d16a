#include "gateway/embed.h"

#include <fmt/core.h>

#include <functional>
#include <span>
#include <utility>

#include "async/deadline.h"

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

// Decides, then asks one target after the other until one answers. `asked` lives as long as the
// Task.
template <class T>
Task<Result<Answered<T>>> Ask(Gateway& gateway, const Asked& asked, const std::string& model,
                              routing::Task task, std::span<const chat::Message> messages,
                              const std::vector<std::string>& texts,
                              std::function<Task<Result<T>>(const std::string& model)> call) {
  const auto labelled = LabelOf(gateway, asked, model, messages, texts);
  if (!labelled) co_return std::unexpected(labelled.error());
  routing::Features features{.task = task, .label = labelled->label};
  AddCaller(gateway, asked, features);
  Result<routing::Decision> decision =
      routing::Decide(*gateway.policy(), model, features, StateOfTargets(gateway));
  if (!decision) co_return std::unexpected(decision.error());

  const MonotonicTime deadline =
      asked.deadline ? gateway.clock.Now() + *asked.deadline : MonotonicTime::max();
  const std::string id = gateway.decisions.Add(
      {.time = gateway.clock.WallNow(), .principal = asked.principal, .decision = *decision});
  Result<T> value = Fail(Code::kInternal, "no target was asked");
  for (const routing::Target& target : decision->eligible) {
    if (asked.deadline) {
      value = co_await WithDeadline(deadline, call(target.model));
    } else {
      value = co_await call(target.model);
    }
    DecisionRecord* record = gateway.decisions.Find(id);
    if (record != nullptr) {
      record->attempts.push_back(
          {target.name, value ? "served" : std::string(CodeName(value.error().code))});
    }
    if (value) {
      co_return Answered<T>{std::move(*value), target, std::move(*decision), id};
    }
    if (!MayMoveOn(value.error())) break;
  }
  co_return std::unexpected(value.error());
}

Task<Result<chat::Embeddings>> EmbedAt(Gateway& gateway, const chat::Principal& principal,
                                       const std::string& target,
                                       const chat::EmbedRequest& request) {
  auto value = co_await gateway.engines.Embed(principal, target, request);
  const size_t vectors = value ? value->vectors.size() : 0;
  co_return Counted(std::move(value), vectors, request.inputs.size());
}

Task<Result<chat::Scores>> ScoreAt(Gateway& gateway, const chat::Principal& principal,
                                   const std::string& target, const chat::ScoreRequest& request) {
  auto value = co_await gateway.engines.Score(principal, target, request);
  const size_t scores = value ? value->continuations.size() : 0;
  co_return Counted(std::move(value), scores, request.continuations.size());
}

}  // namespace

Task<Result<Answered<chat::Embeddings>>> Embed(Gateway& gateway, Asked asked,
                                               chat::EmbedRequest request) {
  std::vector<std::string> texts;
  for (const chat::Prompt& input : request.inputs) texts.push_back(input.text);
  co_return co_await Ask<chat::Embeddings>(gateway, asked, request.model, routing::Task::kEmbed, {},
                                           texts, [&](const std::string& target) {
                                             return EmbedAt(gateway, asked.principal, target,
                                                            request);
                                           });
}

Task<Result<Answered<chat::Scores>>> Score(Gateway& gateway, Asked asked,
                                           chat::ScoreRequest request) {
  std::vector<std::string> texts = request.continuations;
  texts.push_back(request.prompt.text);
  co_return co_await Ask<chat::Scores>(gateway, asked, request.model, routing::Task::kScore,
                                       request.messages, texts, [&](const std::string& target) {
                                         return ScoreAt(gateway, asked.principal, target, request);
                                       });
}

}  // namespace weir::gateway

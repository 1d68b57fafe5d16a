#include "gateway/embed.h"

#include <functional>
#include <utility>

#include "async/deadline.h"

namespace weir::gateway {
namespace {

// Decides, then asks one target after the other until one answers.
template <class T>
Task<Result<Answered<T>>> Ask(Gateway& gateway, Asked asked, std::string model, routing::Task task,
                              std::function<Task<Result<T>>(const std::string& model)> call) {
  const routing::Features features{
      .task = task, .label = LabelOf(gateway, asked), .tier_max = asked.tier_max};
  Result<routing::Decision> decision = routing::Decide(*gateway.policy(), model, features);
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
    const Code code = value.error().code;
    if (code != Code::kBackendFailed && code != Code::kUnavailable) break;
  }
  co_return std::unexpected(value.error());
}

}  // namespace

Task<Result<Answered<chat::Embeddings>>> Embed(Gateway& gateway, Asked asked,
                                               chat::EmbedRequest request) {
  const chat::Principal principal = asked.principal;
  const std::string model = request.model;
  std::function<Task<Result<chat::Embeddings>>(const std::string&)> call =
      [&gateway, principal, request = std::move(request)](const std::string& target) {
        return gateway.engines.Embed(principal, target, request);
      };
  co_return co_await Ask<chat::Embeddings>(gateway, std::move(asked), model, routing::Task::kEmbed,
                                           std::move(call));
}

Task<Result<Answered<chat::Scores>>> Score(Gateway& gateway, Asked asked,
                                           chat::ScoreRequest request) {
  const chat::Principal principal = asked.principal;
  const std::string model = request.model;
  std::function<Task<Result<chat::Scores>>(const std::string&)> call =
      [&gateway, principal, request = std::move(request)](const std::string& target) {
        return gateway.engines.Score(principal, target, request);
      };
  co_return co_await Ask<chat::Scores>(gateway, std::move(asked), model, routing::Task::kScore,
                                       std::move(call));
}

}  // namespace weir::gateway

#include "gateway/embed.h"

#include <fmt/core.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <span>
#include <utility>

#include "async/deadline.h"
#include "base/check.h"
#include "gateway/settle.h"

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

// One attempt at one target. `notes` is what became of it in detail.
template <class T>
using Call =
    std::function<Task<Result<T>>(const routing::Target& target, const backends::ProviderAsk& ask,
                                  std::vector<std::string>& notes)>;

// One attempt with its account. The arguments live as long as the Task.
template <class T>
Task<Result<T>> AskBooked(Gateway& gateway, Spending spending, const backends::ProviderAsk& ask,
                          const Call<T>& call, std::vector<std::string>& notes, Booked& booked) {
  const routing::Target target = spending.target;
  if (gateway.accounts == nullptr) co_return co_await call(target, ask, notes);
  const Extent extent = spending.extent;
  auto account = co_await gateway.accounts->Open(std::move(spending));
  if (!account) co_return std::unexpected(account.error());
  Result<T> value = co_await call(target, ask, notes);
  booked = SettleWhole(**account, value, extent);
  co_return std::move(value);
}

// Keeps a decision's record when its work has ended, whichever way.
class Kept {
 public:
  Kept(Gateway& gateway, const std::string& id) : gateway_(gateway), id_(id) {}
  ~Kept() { KeepRecord(gateway_, id_); }
  Kept(const Kept&) = delete;
  Kept& operator=(const Kept&) = delete;

 private:
  Gateway& gateway_;
  const std::string& id_;
};

// Decides, then asks one target after the other until one answers. `asked` lives as long as the
// Task.
template <class T>
Task<Result<Answered<T>>> Ask(Gateway& gateway, const Asked& asked, const std::string& model,
                              routing::Task task, std::span<const chat::Message> messages,
                              std::span<const chat::Prompt> prompts, privacy::Scanned scanned,
                              Extent extent, Call<T> call) {
  if (auto may = MayAskFor(asked.principal, model); !may) co_return std::unexpected(may.error());
  const auto labelled = LabelOf(gateway, asked, model, messages, prompts, scanned);
  if (!labelled) co_return std::unexpected(labelled.error());
  routing::Features features{.task = task, .label = labelled->label};
  AddCaller(gateway, asked, features);
  routing::Decision refused;
  Result<routing::Decision> decision =
      routing::Decide(*gateway.policy(), model, features, StateOfTargets(gateway, {}), &refused);
  if (!decision) {
    RecordRefusal(gateway, asked, features, *labelled, std::move(refused), decision.error());
    co_return std::unexpected(decision.error());
  }
  decision->explanation.insert(decision->explanation.begin(), labelled->why.begin(),
                               labelled->why.end());

  const MonotonicTime deadline =
      asked.deadline ? gateway.clock.Now() + *asked.deadline : MonotonicTime::max();
  const std::string id =
      gateway.decisions.Add(RecordOf(gateway, asked, features, *labelled, *decision));
  const Kept kept(gateway, id);
  Result<T> value = Fail(Code::kInternal, "no target was asked");
  for (const routing::Target& target : decision->eligible) {
    const backends::ProviderAsk ask{.request_id = id,
                                    .target = target.name,
                                    .label = decision->label,
                                    .others_left = &target != &decision->eligible.back(),
                                    .deadline = deadline};
    std::vector<std::string> notes;
    Booked booked;
    auto attempt = AskBooked(gateway,
                             {.principal = asked.principal,
                              .decision_id = id,
                              .asked = model,
                              .target = target,
                              .features = features,
                              .extent = extent},
                             ask, call, notes, booked);
    if (asked.deadline) {
      value = co_await WithDeadline(deadline, std::move(attempt));
    } else {
      value = co_await std::move(attempt);
    }
    DecisionRecord* record = gateway.decisions.Find(id);
    if (record != nullptr) {
      std::ranges::move(notes, std::back_inserter(record->notes));
      record->attempts.push_back(
          {target.name, value ? "served" : std::string(OutcomeOf(value.error()))});
    }
    if (value && record != nullptr) {
      record->served = history::Served{.target = target.name,
                                       .tier = target.tier,
                                       .usage = value->usage,
                                       .cost = booked.cost,
                                       .currency = booked.currency};
    }
    if (value) {
      co_return Answered<T>{std::move(*value), target, std::move(*decision), id, booked};
    }
    if (!MayMoveOn(value.error())) break;
  }
  co_return std::unexpected(AsTold(std::move(value.error())));
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
                                               chat::EmbedRequest request) {
  request.priority = asked.priority.value_or(request.priority);
  const Call<chat::Embeddings> call = [&](const routing::Target& target,
                                          const backends::ProviderAsk& ask,
                                          std::vector<std::string>& notes) {
    return EmbedAt(gateway, asked.principal, target, ask, request, notes);
  };
  const routing::Task task = request.ranks ? routing::Task::kRank : routing::Task::kEmbed;
  co_return co_await Ask(gateway, asked, request.model, task, {}, request.inputs,
                         ScanOf(gateway, request), ExtentOf(request), call);
}

Task<Result<Answered<chat::Scores>>> Score(Gateway& gateway, Asked asked,
                                           chat::ScoreRequest request) {
  request.priority = asked.priority.value_or(request.priority);
  std::vector<chat::Prompt> prompts = {request.prompt};
  for (const std::string& text : request.continuations) prompts.push_back({.text = text});
  const Call<chat::Scores> call = [&](const routing::Target& target, const backends::ProviderAsk&,
                                      std::vector<std::string>&) {
    return ScoreAt(gateway, asked.principal, target, request);
  };
  co_return co_await Ask(gateway, asked, request.model, routing::Task::kScore, request.messages,
                         prompts, ScanOf(gateway, request), ExtentOf(request), call);
}

}  // namespace weir::gateway

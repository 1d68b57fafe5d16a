// What requests have in common whose answer comes in one piece (vectors, scores, the text of a
// speech): a decision, its record, and one target after the other, each with its account.
//
// Included by the use cases alone. I/O thread only.
#pragma once

#include <algorithm>
#include <functional>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "async/deadline.h"
#include "gateway/gateway.h"
#include "gateway/settle.h"

namespace weir::gateway {

template <class T>
struct Answered {
  T value = {};
  routing::Target target = {};
  routing::Decision decision = {};
  std::string decision_id = {};
  Booked booked = {};
};

// One attempt at one target. `notes` is what became of it in detail.
template <class T>
using AskTarget =
    std::function<Task<Result<T>>(const routing::Target& target, const backends::ProviderAsk& ask,
                                  std::vector<std::string>& notes)>;

// One attempt with its account. The arguments live as long as the Task.
template <class T>
Task<Result<T>> AskBooked(Gateway& gateway, Spending spending, const backends::ProviderAsk& ask,
                          const AskTarget<T>& call, std::vector<std::string>& notes,
                          Booked& booked) {
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

// Decides, then asks one target after the other until one answers. `features` are those of the
// request itself. `asked` and `labelled` live as long as the Task, and so does `unanswered`, which
// is filled, if given, where an Error is the answer to what was decided about.
template <class T>
Task<Result<Answered<T>>> AskTargets(Gateway& gateway, const Asked& asked, std::string model,
                                     routing::Features features, const Labelled& labelled,
                                     Extent extent, AskTarget<T> call,
                                     std::optional<Unanswered>* unanswered = nullptr) {
  features.label = labelled.label;
  AddCaller(gateway, asked, features);
  routing::Decision refused;
  Result<routing::Decision> decision =
      routing::Decide(*gateway.policy(), model, features, StateOfTargets(gateway, {}), &refused);
  if (!decision) {
    auto refusal =
        RecordRefusal(gateway, asked, features, labelled, std::move(refused), decision.error());
    if (unanswered != nullptr) *unanswered = std::move(refusal);
    co_return std::unexpected(decision.error());
  }
  decision->explanation.insert(decision->explanation.begin(), labelled.why.begin(),
                               labelled.why.end());

  const MonotonicTime deadline =
      asked.deadline ? gateway.clock.Now() + *asked.deadline : MonotonicTime::max();
  const std::string id =
      gateway.decisions.Add(RecordOf(gateway, asked, features, labelled, *decision));
  const Kept kept(gateway, id);
  Result<T> value = Fail(Code::kInternal, "no target was asked");
  const routing::Target* last = nullptr;
  for (const routing::Target& target : decision->eligible) {
    last = &target;
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
  if (unanswered != nullptr) {
    const routing::Target target = *last;
    *unanswered = Unanswered{.decision_id = id, .decision = std::move(*decision), .target = target};
  }
  co_return std::unexpected(AsTold(std::move(value.error())));
}

}  // namespace weir::gateway

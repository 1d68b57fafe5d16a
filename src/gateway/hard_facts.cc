#include "gateway/hard_facts.h"

#include <fmt/core.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/check.h"

namespace weir::gateway {
namespace {

std::string_view Said(routing::DraftFault fault) {
  switch (fault) {
    case routing::DraftFault::kRefusal:
      return "it refuses to answer";
    case routing::DraftFault::kInvalidAnswer:
      return "it is not what response_format asks for";
    case routing::DraftFault::kInvalidCall:
      return "it has no valid call of the tools that it was given";
  }
  CHECK(false, "draft fault out of range");
}

}  // namespace

Checked Faulty(routing::DraftFault fault, const routing::CheckPlan& plan) {
  return {
      .gate = routing::GateKind::kHardFacts, .checker_model = plan.checker.model, .fault = fault};
}

std::string FaultNote(routing::DraftFault fault, const routing::CheckPlan& plan) {
  return fmt::format("hard facts: the draft is not accepted, {}; {} answers again", Said(fault),
                     plan.checker.name);
}

std::unexpected<Error> RejectedFor(routing::DraftFault fault) {
  return Fail(Code::kBackendFailed, fmt::format("the draft was not accepted: {}", Said(fault)), "",
              std::string(kDraftRejected));
}

FactsDraft::FactsDraft(const Clock& clock, const chat::GenerateRequest& request,
                       routing::CheckPlan plan, std::unique_ptr<backends::EventStream> draft)
    : clock_(clock), request_(request), plan_(std::move(plan)), draft_(std::move(draft)) {}

Task<Result<std::optional<chat::Event>>> FactsDraft::Next(Duration patience) {
  const MonotonicTime until = clock_.Now() + patience;
  while (!released_ && !checked_) {
    auto event = co_await draft_->Next(until - clock_.Now());
    if (!event || !*event) co_return event;
    Keep(std::move(**event));
  }
  if (checked_) co_return RejectedFor(*checked_->fault);
  if (given_ < held_.size()) co_return std::optional(std::move(held_[given_++]));
  co_return co_await draft_->Next(until - clock_.Now());
}

void FactsDraft::Keep(chat::Event event) {
  // Of a prompt that may be processed once more, elsewhere.
  if (std::holds_alternative<chat::Progress>(event)) return;
  facts_.Add(event);
  bool odd = false;  // one choice was asked for: who hears of another one knows what to say
  if (const auto* delta = std::get_if<chat::Delta>(&event)) {
    bytes_ += chat::BytesOf(*delta);
    odd = delta->choice != 0;
  }
  const auto* done = std::get_if<chat::Done>(&event);
  const bool ended = done != nullptr;
  if (ended) draft_usage_ = done->usage;
  held_.push_back(std::move(event));
  if (const auto fault = ended ? facts_.FaultOf(request_) : std::nullopt) {
    notes_.push_back(FaultNote(*fault, plan_));
    checked_ = Faulty(*fault, plan_);
    return;
  }
  released_ = ended || odd || bytes_ > CheckedDraft::kDraftBytesMax;
}

std::vector<std::string> FactsDraft::TakeNotes() {
  std::vector<std::string> notes = draft_->TakeNotes();
  std::ranges::move(std::exchange(notes_, {}), std::back_inserter(notes));
  return notes;
}

}  // namespace weir::gateway

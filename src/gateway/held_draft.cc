#include "gateway/held_draft.h"

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

HeldDraft::HeldDraft(routing::CheckPlan plan, std::unique_ptr<backends::EventStream> draft)
    : plan_(std::move(plan)), draft_(std::move(draft)) {}

std::vector<std::string> HeldDraft::TakeNotes() {
  std::vector<std::string> notes = draft_->TakeNotes();
  std::ranges::move(std::exchange(notes_, {}), std::back_inserter(notes));
  return notes;
}

std::vector<chat::Event> HeldDraft::TakeDraft() { return std::exchange(held_, {}); }

void HeldDraft::FindFault(routing::DraftFault fault) {
  notes_.push_back(fmt::format("hard facts: the draft is not accepted, {}; {} answers again",
                               Said(fault), plan_.checker.name));
  checked_ = Checked{
      .gate = routing::GateKind::kHardFacts, .checker_model = plan_.checker.model, .fault = fault};
}

std::optional<Error> HeldDraft::Rejection(std::string_view doubt) const {
  if (!checked_ || checked_->verdict.accepted) return std::nullopt;
  return Error{Code::kBackendFailed,
               checked_->fault
                   ? fmt::format("the draft was not accepted: {}", Said(*checked_->fault))
                   : std::string(doubt),
               "", std::string(kDraftRejected)};
}

}  // namespace weir::gateway

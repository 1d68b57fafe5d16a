// An answer that is held back to be looked at for what is plainly wrong with it
// (routing/draft_faults.h), where no gate judges it.
//
// I/O thread only.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gateway/draft_check.h"
#include "routing/draft_faults.h"

namespace weir::gateway {

// The verdict on a draft with a fault, by whichever gate it was seen, and the note about it.
Checked Faulty(routing::DraftFault fault, const routing::CheckPlan& plan);
std::string FaultNote(routing::DraftFault fault, const routing::CheckPlan& plan);
std::unexpected<Error> RejectedFor(routing::DraftFault fault);

// A whole answer, or one that is longer than CheckedDraft::kDraftBytesMax, comes out unchanged
// where it has no fault. What it refers to must outlive it.
class FactsDraft final : public HeldDraft {
 public:
  FactsDraft(const Clock& clock, const chat::GenerateRequest& request, routing::CheckPlan plan,
             std::unique_ptr<backends::EventStream> draft);

  Task<Result<std::optional<chat::Event>>> Next(Duration patience) override;
  std::vector<std::string> TakeNotes() override;

  const std::optional<Checked>& checked() const override { return checked_; }
  std::vector<chat::Event> TakeDraft() override { return std::exchange(held_, {}); }
  const chat::Usage& draft_usage() const override { return draft_usage_; }

 private:
  void Keep(chat::Event event);

  const Clock& clock_;
  const chat::GenerateRequest& request_;
  const routing::CheckPlan plan_;
  std::unique_ptr<backends::EventStream> draft_;
  routing::DraftFacts facts_ = {};
  std::vector<chat::Event> held_ = {};
  size_t given_ = 0;  // of held_
  size_t bytes_ = 0;
  bool released_ = false;
  std::optional<Checked> checked_ = {};
  chat::Usage draft_usage_ = {};
  std::vector<std::string> notes_ = {};
};

}  // namespace weir::gateway

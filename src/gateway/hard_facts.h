// An answer that is held back to be looked at for what is plainly wrong with it
// (routing/draft_faults.h), where no gate judges it.
//
// I/O thread only.
#pragma once

#include <memory>

#include "gateway/held_draft.h"
#include "routing/draft_faults.h"

namespace weir::gateway {

// A whole answer, or one that is longer than kDraftBytesMax, comes out unchanged
// where it has no fault. What it refers to must outlive it.
class FactsDraft final : public HeldDraft {
 public:
  FactsDraft(const Clock& clock, const chat::GenerateRequest& request, routing::CheckPlan plan,
             std::unique_ptr<backends::EventStream> draft);

  Task<Result<std::optional<chat::Event>>> Next(Duration patience) override;

 private:
  void Keep(chat::Event event);

  const Clock& clock_;
  const chat::GenerateRequest& request_;
  routing::DraftFacts facts_ = {};
};

}  // namespace weir::gateway

// The gate of a draft's own tokens: holds the beginning of a stream back, or a whole draft, and
// judges it by how sure the model was of its tokens (routing/draft_evidence.h).
//
// I/O thread only.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "gateway/held_draft.h"
#include "routing/draft_evidence.h"

namespace weir::gateway {

// The request as the drafting engine gets it: its tokens' log-probabilities are what is judged.
chat::GenerateRequest WithEvidence(chat::GenerateRequest request);

// A stream is held back until its first routing::kFirstTokens tokens are there, or it ends, or
// kHoldBack after the first of them; a whole draft until it ends. The latest gate that the tokens
// are enough for speaks, unless it begins as a refusal does, which is never accepted. Where none
// does, or the draft is longer than kDraftBytesMax, it comes out unjudged, and a note says why.
// Log-probabilities stay in here. What it refers to must outlive it.
class GatedDraft final : public HeldDraft {
 public:
  static constexpr Duration kHoldBack = std::chrono::milliseconds(1'500);
  static constexpr size_t kBeginningBytes = 1024;

  GatedDraft(const Clock& clock, routing::CheckPlan plan,
             std::unique_ptr<backends::EventStream> draft);

  Task<Result<std::optional<chat::Event>>> Next(Duration patience) override;
  std::vector<chat::Event> TakeDraft() override;

 private:
  bool first() const { return plan_.gate == routing::GateKind::kFirstTokens; }
  // Whether there is something to give.
  bool Keep(chat::Event event);
  void JudgeWhenReady();
  void Judge();

  const Clock& clock_;
  routing::DraftEvidence evidence_ = {};
  std::optional<MonotonicTime> held_since_ = {};  // the first token
  std::string text_ = {};  // the beginning, as far as a refusal may be seen in it
  bool ended_ = false;
};

}  // namespace weir::gateway

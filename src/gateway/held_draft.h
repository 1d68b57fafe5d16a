// An answer that is held back, or its beginning, until it was judged; what was found, and what that
// took. Who judges are draft_check.h, own_gate.h and hard_facts.h.
//
// I/O thread only.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backends/backend.h"
#include "gateway/gateway.h"
#include "routing/arrange.h"
#include "routing/decision.h"
#include "routing/draft_check.h"

namespace weir::gateway {

inline constexpr std::string_view kDraftRejected = "draft_rejected";

// What became of it; for the answer's `weir` object and the explanation.
struct Checked {
  routing::GateKind gate = routing::GateKind::kDraftCheck;
  std::string checker = {};  // the target that read the draft; empty: nobody did
  std::string checker_model = {};
  int32_t at_milli = 0;                           // what the gate went by
  const routing::Gate* own = nullptr;             // whose value that is; null: the likelihood's
  std::optional<routing::DraftFault> fault = {};  // of kHardFacts
  routing::Verdict verdict = {};
};

// Work besides the answer that a key and the ledger pay for: the pass over a draft, a draft that
// was not accepted.
struct SideWork {
  routing::Target target = {};
  chat::Usage usage = {};
  Booked booked = {};
};

// A draft that was not accepted is an Error with the reason kDraftRejected, which lets the gateway
// move on to the next target.
class HeldDraft : public backends::EventStream {
 public:
  static constexpr size_t kDraftBytesMax = size_t{64} << 10;  // what is longer is not judged

  std::vector<std::string> TakeNotes() override;
  // Nothing until it was judged, and where it could not be.
  const std::optional<Checked>& checked() const { return checked_; }
  // The whole draft; nothing where it was cut off.
  virtual std::vector<chat::Event> TakeDraft();
  // What judging it took, once.
  virtual std::optional<SideWork> TakeWork() { return {}; }
  // What the draft itself took, as far as it is known.
  const chat::Usage& draft_usage() const { return draft_usage_; }

 protected:
  HeldDraft(routing::CheckPlan plan, std::unique_ptr<backends::EventStream> draft);

  // Not accepted, whatever a gate would say.
  void FindFault(routing::DraftFault fault);
  // Why it is not accepted: its fault, or else `doubt`. Nothing where it is, or was not judged.
  std::optional<Error> Rejection(std::string_view doubt) const;

  const routing::CheckPlan plan_;
  std::unique_ptr<backends::EventStream> draft_;
  std::vector<chat::Event> held_ = {};
  size_t given_ = 0;  // of held_
  size_t bytes_ = 0;  // of what was heard while it was held back
  bool released_ = false;
  std::optional<Checked> checked_ = {};
  chat::Usage draft_usage_ = {};
  std::vector<std::string> notes_ = {};
};

}  // namespace weir::gateway

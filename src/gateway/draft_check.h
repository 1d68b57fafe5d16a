// The draft check of an answer: who checks it, and the stream that holds it back until the check
// has spoken (routing/draft_check.h says what it is worth).
//
// I/O thread only.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "async/task.h"
#include "backends/backend.h"
#include "chat/request.h"
#include "gateway/gateway.h"
#include "routing/decision.h"
#include "routing/draft_check.h"

namespace weir::gateway {

// What became of it; for the answer's `weir` object and the explanation.
struct Checked {
  std::string checker = {};  // the target that read the draft
  routing::Verdict verdict = {};
};

struct CheckPlan {
  routing::Target checker = {};
  const routing::Calibration* calibration = nullptr;  // one of Gateway::draft_check
  int32_t confidence_min = 0;
};

// The check of a decision's first target by the next one that may take the request, or nothing and
// a line that says why not. Where a check does not pay and the next one is known to be better, the
// next one comes first instead, streamed or not. A draft is checked where it can be held back (the
// answer is not streamed, or the route buffers), where it is one text, and where both models run on
// this machine and were calibrated for this kind of task.
struct CheckChoice {
  std::optional<CheckPlan> plan = {};
  std::string why = {};
};
CheckChoice ChooseCheck(const routing::DraftCheck& known, routing::Decision& decision,
                        const Asked& asked, const chat::GenerateRequest& request);

// The draft as a continuation of the chat.
chat::ScoreRequest CheckRequest(const chat::GenerateRequest& request, std::string draft,
                                const std::string& model);

// Holds the events of `draft` back until it is whole and was checked. A draft that was accepted, or
// that could not be checked (the checker failed, or took longer than kCheckMax, or the draft is
// longer than kDraftBytesMax), comes out unchanged. One that was not accepted is an Error with the
// reason "draft_rejected", which lets the gateway move on to the next target; TakeDraft then gives
// its events, for the case that nobody else can answer. What it refers to must outlive it.
class CheckedDraft final : public backends::EventStream {
 public:
  static constexpr size_t kDraftBytesMax = size_t{64} << 10;
  static constexpr Duration kCheckMax = std::chrono::seconds(60);

  CheckedDraft(Gateway& gateway, const Asked& asked, const chat::GenerateRequest& request,
               MonotonicTime deadline, CheckPlan plan,
               std::unique_ptr<backends::EventStream> draft);

  Task<Result<std::optional<chat::Event>>> Next(Duration patience) override;
  std::vector<std::string> TakeNotes() override;

  // Nothing until it was checked, and where it could not be.
  const std::optional<Checked>& checked() const { return checked_; }
  std::vector<chat::Event> TakeDraft();

 private:
  void Keep(chat::Event event);
  Task<void> Check();

  Gateway& gateway_;
  const Asked& asked_;
  const chat::GenerateRequest& request_;
  const MonotonicTime deadline_;  // of the request
  const CheckPlan plan_;
  std::unique_ptr<backends::EventStream> draft_;
  std::vector<chat::Event> held_ = {};
  size_t given_ = 0;  // of held_
  std::string text_ = {};
  size_t bytes_ = 0;
  bool released_ = false;
  std::optional<Checked> checked_ = {};
  std::vector<std::string> notes_ = {};
};

inline constexpr std::string_view kDraftRejected = "draft_rejected";

}  // namespace weir::gateway

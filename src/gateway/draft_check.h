// The draft check of an answer: who checks it, and the stream that holds it back until the check
// has spoken (routing/draft_check.h says what it is worth).
//
// I/O thread only.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "async/task.h"
#include "backends/backend.h"
#include "chat/request.h"
#include "gateway/gateway.h"
#include "routing/arrange.h"
#include "routing/decision.h"
#include "routing/draft_check.h"

namespace weir::gateway {

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

// A stream that holds a draft back, or its beginning, until it was judged. A draft that was not
// accepted is an Error with the reason "draft_rejected", which lets the gateway move on to the next
// target.
class HeldDraft : public backends::EventStream {
 public:
  // Nothing until it was judged, and where it could not be.
  virtual const std::optional<Checked>& checked() const = 0;
  // The whole draft; nothing where it was cut off.
  virtual std::vector<chat::Event> TakeDraft() = 0;
  // What judging it took, once.
  virtual std::optional<SideWork> TakeWork() { return {}; }
  // What the draft itself took, as far as it is known.
  virtual const chat::Usage& draft_usage() const = 0;
};

// The draft as a continuation of the chat.
chat::ScoreRequest CheckRequest(const chat::GenerateRequest& request, std::string draft,
                                const std::string& model);

// Holds the events of `draft` back until it is whole and was checked. A draft that was accepted, or
// that could not be checked (the checker failed, no budget pays for it, or it took longer than
// kCheckMax, or the draft is longer than kDraftBytesMax), comes out unchanged. Of one that was not
// accepted TakeDraft gives the events, for the case that nobody else can answer. The check is
// booked as an attempt of its own, of the kind "score". What it refers to must outlive it.
class CheckedDraft final : public HeldDraft {
 public:
  static constexpr size_t kDraftBytesMax = size_t{64} << 10;
  static constexpr Duration kCheckMax = std::chrono::seconds(60);

  CheckedDraft(Gateway& gateway, const Asked& asked, const chat::GenerateRequest& request,
               MonotonicTime deadline, routing::CheckPlan plan, Spending spending,
               std::unique_ptr<backends::EventStream> draft);

  Task<Result<std::optional<chat::Event>>> Next(Duration patience) override;
  std::vector<std::string> TakeNotes() override;

  const std::optional<Checked>& checked() const override { return checked_; }
  std::vector<chat::Event> TakeDraft() override;
  std::optional<SideWork> TakeWork() override { return std::exchange(work_, {}); }
  const chat::Usage& draft_usage() const override { return draft_usage_; }

 private:
  void Keep(chat::Event event);
  Task<void> Check();
  Task<Result<chat::Scores>> ReadDraft();

  Gateway& gateway_;
  const Asked& asked_;
  const chat::GenerateRequest& request_;
  const MonotonicTime deadline_;  // of the request
  const routing::CheckPlan plan_;
  Spending spending_;  // of the check
  std::unique_ptr<backends::EventStream> draft_;
  std::vector<chat::Event> held_ = {};
  size_t given_ = 0;  // of held_
  std::string text_ = {};
  size_t bytes_ = 0;
  bool released_ = false;
  std::optional<Checked> checked_ = {};
  std::optional<SideWork> work_ = {};
  chat::Usage draft_usage_ = {};
  std::vector<std::string> notes_ = {};
};

inline constexpr std::string_view kDraftRejected = "draft_rejected";

}  // namespace weir::gateway

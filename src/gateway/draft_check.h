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
#include "gateway/held_draft.h"
#include "routing/arrange.h"
#include "routing/decision.h"
#include "routing/draft_check.h"

namespace weir::gateway {

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
  static constexpr Duration kCheckMax = std::chrono::seconds(60);

  CheckedDraft(Gateway& gateway, const Asked& asked, const chat::GenerateRequest& request,
               MonotonicTime deadline, routing::CheckPlan plan, Spending spending,
               std::unique_ptr<backends::EventStream> draft);

  Task<Result<std::optional<chat::Event>>> Next(Duration patience) override;
  std::optional<SideWork> TakeWork() override { return std::exchange(work_, {}); }

 private:
  void Keep(chat::Event event);
  Task<void> Check();
  Task<Result<chat::Scores>> ReadDraft();

  Gateway& gateway_;
  const Asked& asked_;
  const chat::GenerateRequest& request_;
  const MonotonicTime deadline_;  // of the request
  Spending spending_;             // of the check
  std::string text_ = {};
  std::optional<SideWork> work_ = {};
};

}  // namespace weir::gateway

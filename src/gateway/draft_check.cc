#include "gateway/draft_check.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "async/deadline.h"
#include "gateway/settle.h"
#include "routing/draft_faults.h"

namespace weir::gateway {
chat::ScoreRequest CheckRequest(const chat::GenerateRequest& request, std::string draft,
                                const std::string& model) {
  return {.model = model,
          .messages = request.messages,
          .continuations = {std::move(draft)},
          .keep_alive_ms = request.keep_alive_ms};
}

CheckedDraft::CheckedDraft(Gateway& gateway, const Asked& asked,
                           const chat::GenerateRequest& request, MonotonicTime deadline,
                           routing::CheckPlan plan, Spending spending,
                           std::unique_ptr<backends::EventStream> draft)
    : HeldDraft(std::move(plan), std::move(draft)),
      gateway_(gateway),
      asked_(asked),
      request_(request),
      deadline_(deadline),
      spending_(std::move(spending)) {}

Task<Result<std::optional<chat::Event>>> CheckedDraft::Next(Duration patience) {
  const MonotonicTime until = gateway_.clock.Now() + patience;
  while (!released_) {
    auto event = co_await draft_->Next(until - gateway_.clock.Now());
    if (!event || !*event) co_return event;
    // Whatever was given could not be taken back.
    if (std::holds_alternative<chat::Progress>(**event)) continue;
    const auto* done = std::get_if<chat::Done>(&**event);
    const bool ended = done != nullptr;
    if (ended) draft_usage_ = done->usage;
    Keep(std::move(**event));
    if (bytes_ > kDraftBytesMax) {
      notes_.push_back("draft check: the draft is too long, not checked");
      released_ = true;
    } else if (ended && text_.empty()) {
      notes_.push_back("draft check: the draft is empty, not checked");
      released_ = true;
    } else if (ended && routing::BeginsRefusal(text_)) {
      FindFault(routing::DraftFault::kRefusal);
      released_ = true;
    } else if (ended) {
      co_await Check();
      released_ = true;
    }
  }
  if (auto why = Rejection("a larger model found the draft wrong")) co_return Fail(*std::move(why));
  if (given_ < held_.size()) co_return std::optional(std::move(held_[given_++]));
  co_return co_await draft_->Next(until - gateway_.clock.Now());
}

void CheckedDraft::Keep(chat::Event event) {
  if (const auto* delta = std::get_if<chat::Delta>(&event)) {
    bytes_ += chat::BytesOf(*delta);
    text_ += delta->text;
  }
  held_.push_back(std::move(event));
}

// The attempt has an account of its own: it is paid for like any other.
Task<Result<chat::Scores>> CheckedDraft::ReadDraft() {
  const chat::ScoreRequest request = CheckRequest(request_, text_, plan_.checker.model);
  const MonotonicTime until = std::min(deadline_, gateway_.clock.Now() + kCheckMax);
  const Extent extent = ExtentOf(request);
  std::unique_ptr<Account> account;
  if (gateway_.accounts != nullptr) {
    spending_.target = plan_.checker;
    spending_.features.task = routing::Task::kScore;
    spending_.extent = extent;
    auto opened = co_await gateway_.accounts->Open(std::move(spending_));
    if (!opened) co_return std::unexpected(opened.error());
    account = std::move(*opened);
  }
  const MonotonicTime begun = gateway_.clock.Now();
  auto scores = co_await WithDeadline(
      until, gateway_.engines.Score(asked_.principal, plan_.checker.model, request));
  SideWork work{.target = plan_.checker};
  if (account) {
    work.booked = SettleWhole(*account, scores, extent, gateway_.clock.Now() - begun);
  }
  if (scores) {
    work.usage = scores->usage;
    work_ = std::move(work);
  }
  co_return std::move(scores);
}

// Whoever asks for the answer waits for the check, however short their patience: it is a pass over
// a prompt that the checker mostly holds, and starting it again would not make it shorter.
Task<void> CheckedDraft::Check() {
  const auto scores = co_await ReadDraft();
  if (!scores || scores->continuations.size() != 1 || scores->continuations[0].tokens < 1) {
    notes_.push_back(
        fmt::format("draft check: {} could not read it ({}), not checked", plan_.checker.name,
                    scores ? std::string_view("no score") : OutcomeOf(scores.error())));
    co_return;
  }
  const chat::Scores::Continuation& read = scores->continuations[0];
  const int32_t likelihood = routing::LikelihoodMilli(read.logprob / read.tokens);
  checked_ = Checked{
      .checker = plan_.checker.name,
      .checker_model = plan_.checker.model,
      .at_milli = likelihood,
      .verdict = routing::Judge(plan_.calibration->points, likelihood, plan_.confidence_min)};
  const routing::Verdict& verdict = checked_->verdict;
  notes_.push_back(fmt::format(
      "draft check: {} is {:.2f} sure of the draft and would gain {:.2f}: {}", plan_.checker.name,
      verdict.confidence / double{routing::kCertain}, verdict.gain / double{routing::kCertain},
      verdict.accepted ? "accepted" : "answered again"));
}

}  // namespace weir::gateway

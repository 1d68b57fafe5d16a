#include "gateway/draft_check.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "async/deadline.h"

namespace weir::gateway {
namespace {

// The last thing the user said, for the kind of task.
std::string_view LastTurn(const chat::GenerateRequest& request) {
  for (auto message = request.messages.rbegin(); message != request.messages.rend(); ++message) {
    if (message->role != chat::Role::kUser) continue;
    for (const chat::Part& part : message->parts) {
      if (part.kind == chat::Part::Kind::kText) return part.text;
    }
  }
  return {};
}

bool IsOneText(const chat::GenerateRequest& request) {
  return !request.messages.empty() && request.n == 1 && !request.logprobs &&
         request.tools.empty() && request.response_format.kind == chat::ResponseFormat::Kind::kText;
}

bool CanCheck(const routing::Target& target) {
  return target.scores && !target.beyond && target.generates;
}

CheckChoice None(std::string why) { return {.why = "draft check: " + std::move(why)}; }

// Tasks that the smaller model mostly fails go to the larger one at once.
CheckChoice ChooseFirst(const routing::Calibration& calibration, routing::Decision& decision) {
  const std::string_view kind = routing::TaskKindName(calibration.kind);
  const routing::Verdict expected = routing::Expect(calibration, *decision.confidence_min);
  if (expected.accepted) {
    return None(fmt::format("abstains, it does not pay for {} tasks, and {} may answer them", kind,
                            decision.chosen().name));
  }
  std::swap(decision.eligible[0], decision.eligible[1]);
  return {.why = fmt::format(
              "chosen: {}; of {} tasks it has {:.2f} right, {} {:.2f}, and a check "
              "takes as long as its answer",
              decision.chosen().name, kind, calibration.larger_right / double{routing::kCertain},
              decision.eligible[1].name, calibration.draft_right / double{routing::kCertain})};
}

}  // namespace

CheckChoice ChooseCheck(const routing::DraftCheck& known, routing::Decision& decision,
                        const Asked& asked, const chat::GenerateRequest& request) {
  if (decision.eligible.size() < 2 || !decision.confidence_min) return {};
  if (*decision.confidence_min == 0) return None("abstains, min_confidence is 0");
  if (!IsOneText(request)) return None("abstains, the answer is not one plain text");
  const routing::Target& draft = decision.chosen();
  const routing::Target& checker = decision.eligible[1];
  if (draft.beyond || !CanCheck(checker)) {
    return None(fmt::format("abstains, {} is not a model of this machine",
                            draft.beyond ? draft.name : checker.name));
  }
  const routing::TaskKind kind = routing::TaskKindOf(LastTurn(request));
  const auto* calibration = known.Find(draft.model, checker.model, kind);
  if (calibration == nullptr) {
    return None(fmt::format("abstains, {} by {} is not calibrated for {} tasks", draft.name,
                            checker.name, routing::TaskKindName(kind)));
  }
  if (!calibration->check_pays) return ChooseFirst(*calibration, decision);
  if (!asked.whole && !decision.buffer)
    return None("abstains, a stream is not held back (buffer = true on the route would)");
  return {
      .plan = CheckPlan{.checker = checker,
                        .calibration = calibration,
                        .confidence_min = *decision.confidence_min},
      .why = fmt::format("draft check: {} reads the draft of {} ({} task), accepted from {:.2f}",
                         checker.name, draft.name, routing::TaskKindName(kind),
                         *decision.confidence_min / double{routing::kCertain})};
}

chat::ScoreRequest CheckRequest(const chat::GenerateRequest& request, std::string draft,
                                const std::string& model) {
  return {.model = model,
          .messages = request.messages,
          .continuations = {std::move(draft)},
          .keep_alive_ms = request.keep_alive_ms};
}

CheckedDraft::CheckedDraft(Gateway& gateway, const Asked& asked,
                           const chat::GenerateRequest& request, MonotonicTime deadline,
                           CheckPlan plan, std::unique_ptr<backends::EventStream> draft)
    : gateway_(gateway),
      asked_(asked),
      request_(request),
      deadline_(deadline),
      plan_(std::move(plan)),
      draft_(std::move(draft)) {}

Task<Result<std::optional<chat::Event>>> CheckedDraft::Next(Duration patience) {
  const MonotonicTime until = gateway_.clock.Now() + patience;
  while (!released_) {
    auto event = co_await draft_->Next(until - gateway_.clock.Now());
    if (!event || !*event) co_return event;
    // Whatever was given could not be taken back.
    if (std::holds_alternative<chat::Progress>(**event)) continue;
    const bool ended = std::holds_alternative<chat::Done>(**event);
    Keep(std::move(**event));
    if (bytes_ > kDraftBytesMax) {
      notes_.push_back("draft check: the draft is too long, not checked");
      released_ = true;
    } else if (ended && text_.empty()) {
      notes_.push_back("draft check: the draft is empty, not checked");
      released_ = true;
    } else if (ended) {
      co_await Check();
      released_ = true;
    }
  }
  if (checked_ && !checked_->verdict.accepted) {
    co_return Fail(Code::kBackendFailed, "a larger model found the draft wrong", "",
                   std::string(kDraftRejected));
  }
  if (given_ < held_.size()) co_return std::optional(std::move(held_[given_++]));
  co_return co_await draft_->Next(until - gateway_.clock.Now());
}

std::vector<std::string> CheckedDraft::TakeNotes() {
  std::vector<std::string> notes = draft_->TakeNotes();
  for (std::string& note : std::exchange(notes_, {})) notes.push_back(std::move(note));
  return notes;
}

std::vector<chat::Event> CheckedDraft::TakeDraft() { return std::exchange(held_, {}); }

void CheckedDraft::Keep(chat::Event event) {
  if (const auto* delta = std::get_if<chat::Delta>(&event)) {
    bytes_ += chat::BytesOf(*delta);
    text_ += delta->text;
  }
  held_.push_back(std::move(event));
}

// Whoever asks for the answer waits for the check, however short their patience: it is a pass over
// a prompt that the checker mostly holds, and starting it again would not make it shorter.
Task<void> CheckedDraft::Check() {
  const chat::ScoreRequest request = CheckRequest(request_, text_, plan_.checker.model);
  const MonotonicTime until = std::min(deadline_, gateway_.clock.Now() + kCheckMax);
  const auto scores = co_await WithDeadline(
      until, gateway_.engines.Score(asked_.principal, plan_.checker.model, request));
  if (!scores || scores->continuations.size() != 1 || scores->continuations[0].tokens < 1) {
    notes_.push_back(
        fmt::format("draft check: {} could not read it ({}), not checked", plan_.checker.name,
                    scores ? std::string_view("no score") : OutcomeOf(scores.error())));
    co_return;
  }
  const chat::Scores::Continuation& read = scores->continuations[0];
  const double likelihood = read.logprob / read.tokens;
  checked_ =
      Checked{.checker = plan_.checker.name,
              .verdict = routing::Judge(*plan_.calibration, likelihood, plan_.confidence_min)};
  const routing::Verdict& verdict = checked_->verdict;
  notes_.push_back(fmt::format(
      "draft check: {} is {:.2f} sure of the draft and would gain {:.2f}: {}", plan_.checker.name,
      verdict.confidence / double{routing::kCertain}, verdict.gain / double{routing::kCertain},
      verdict.accepted ? "accepted" : "answered again"));
}

}  // namespace weir::gateway

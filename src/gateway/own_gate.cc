#include "gateway/own_gate.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "routing/draft_faults.h"

namespace weir::gateway {

chat::GenerateRequest WithEvidence(chat::GenerateRequest request) {
  request.logprobs = true;
  request.top_logprobs = routing::DraftEvidence::kAlternatives;
  return request;
}

GatedDraft::GatedDraft(const Clock& clock, routing::CheckPlan plan,
                       std::unique_ptr<backends::EventStream> draft)
    : HeldDraft(std::move(plan), std::move(draft)), clock_(clock) {}

Task<Result<std::optional<chat::Event>>> GatedDraft::Next(Duration patience) {
  const MonotonicTime until = clock_.Now() + patience;
  for (;;) {
    JudgeWhenReady();
    if (auto why = Rejection("the draft's own tokens were doubtful"))
      co_return Fail(*std::move(why));
    if (released_ && given_ < held_.size()) co_return std::optional(std::move(held_[given_++]));
    const bool hurries = !released_ && first() && held_since_;
    const MonotonicTime pause = hurries ? std::min(until, *held_since_ + kHoldBack) : until;
    auto event = co_await draft_->Next(pause - clock_.Now());
    if (!event) co_return event;
    if (*event && !Keep(std::move(**event))) continue;
    if (!*event && (pause == until || released_)) co_return event;
  }
}

std::vector<chat::Event> GatedDraft::TakeDraft() {
  return ended_ ? HeldDraft::TakeDraft() : std::vector<chat::Event>();
}

bool GatedDraft::Keep(chat::Event event) {
  // Of a prompt that may be processed once more, elsewhere.
  if (std::holds_alternative<chat::Progress>(event)) return false;
  if (auto* delta = std::get_if<chat::Delta>(&event)) {
    for (const chat::TokenLogprob& token : std::exchange(delta->logprobs, {})) {
      if (!released_) evidence_.Add(token);
    }
    if (!released_ && !held_since_) held_since_ = clock_.Now();
    const size_t bytes = chat::BytesOf(*delta);
    if (bytes == 0) return false;
    if (!released_) bytes_ += bytes;
    if (!released_ && text_.size() < kBeginningBytes) text_ += delta->text;
  }
  if (const auto* done = std::get_if<chat::Done>(&event)) {
    ended_ = true;
    draft_usage_ = done->usage;
  }
  if (released_ && given_ == held_.size()) {
    held_.clear();
    given_ = 0;
  }
  held_.push_back(std::move(event));
  return true;
}

void GatedDraft::JudgeWhenReady() {
  if (released_ || (checked_ && !checked_->verdict.accepted)) return;
  const bool waited = held_since_ && clock_.Now() >= *held_since_ + kHoldBack;
  const bool ready = ended_ || (first() && (waited || evidence_.tokens() >= routing::kFirstTokens));
  if (ready) {
    Judge();
  } else if (bytes_ > kDraftBytesMax) {
    notes_.push_back("end gate: the draft is too long, not judged");
    released_ = true;
  }
}

void GatedDraft::Judge() {
  released_ = true;
  if (routing::BeginsRefusal(text_)) return FindFault(routing::DraftFault::kRefusal);
  const size_t tokens = evidence_.tokens();
  // A draft that ended is as much as there is.
  const routing::Gate* gate =
      !first() ? plan_.calibration->EndGate()
               : plan_.calibration->FirstGate(ended_ ? routing::kFirstTokens : tokens);
  const char* const name = first() ? "first gate" : "end gate";
  if (gate == nullptr || tokens == 0) {
    notes_.push_back(fmt::format("{}: {} tokens are not enough, not judged", name, tokens));
    return;
  }
  const int32_t value = evidence_.Value(gate->signal, gate->after_tokens);
  checked_ = Checked{.gate = plan_.gate,
                     .checker_model = plan_.checker.model,
                     .at_milli = value,
                     .own = gate,
                     .verdict = routing::Judge(gate->points, value, plan_.confidence_min)};
  const routing::Verdict& verdict = checked_->verdict;
  notes_.push_back(fmt::format(
      "{}: by {} of {} tokens the draft is right with {:.2f}, and {} would gain {:.2f}: {}", name,
      DraftSignalName(gate->signal), tokens, verdict.confidence / double{routing::kCertain},
      plan_.checker.name, verdict.gain / double{routing::kCertain},
      verdict.accepted ? "accepted" : "answered again"));
}

}  // namespace weir::gateway

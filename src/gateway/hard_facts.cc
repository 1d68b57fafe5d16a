#include "gateway/hard_facts.h"

#include <utility>

namespace weir::gateway {

FactsDraft::FactsDraft(const Clock& clock, const chat::GenerateRequest& request,
                       routing::CheckPlan plan, std::unique_ptr<backends::EventStream> draft)
    : HeldDraft(std::move(plan), std::move(draft)), clock_(clock), request_(request) {}

Task<Result<std::optional<chat::Event>>> FactsDraft::Next(Duration patience) {
  const MonotonicTime until = clock_.Now() + patience;
  while (!released_ && !checked_) {
    auto event = co_await draft_->Next(until - clock_.Now());
    if (!event || !*event) co_return event;
    Keep(std::move(**event));
  }
  if (auto why = Rejection("")) co_return Fail(*std::move(why));
  if (given_ < held_.size()) co_return std::optional(std::move(held_[given_++]));
  co_return co_await draft_->Next(until - clock_.Now());
}

void FactsDraft::Keep(chat::Event event) {
  // Of a prompt that may be processed once more, elsewhere.
  if (std::holds_alternative<chat::Progress>(event)) return;
  facts_.Add(event);
  bool odd = false;  // one choice was asked for: who hears of another one knows what to say
  if (const auto* delta = std::get_if<chat::Delta>(&event)) {
    bytes_ += chat::BytesOf(*delta);
    odd = delta->choice != 0;
  }
  const auto* done = std::get_if<chat::Done>(&event);
  const bool ended = done != nullptr;
  if (ended) draft_usage_ = done->usage;
  held_.push_back(std::move(event));
  if (const auto fault = ended ? facts_.FaultOf(request_) : std::nullopt) {
    return FindFault(*fault);
  }
  released_ = ended || odd || bytes_ > kDraftBytesMax;
}

}  // namespace weir::gateway

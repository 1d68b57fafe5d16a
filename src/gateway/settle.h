// Settling the account of an attempt that gives its whole result at once: vectors, scores, the text
// of a speech.
#pragma once

#include <concepts>

#include "backends/provider_errors.h"
#include "chat/transcription.h"
#include "gateway/accounts.h"
#include "gateway/gateway.h"

namespace weir::gateway {

// `computed` is time on this machine; zero where it is another's or not known.
template <class T>
Booked SettleWhole(Account& account, const Result<T>& value, const Extent& extent,
                   Duration computed = {}) {
  // Nobody here can count what a sound takes; and what is not known is not zero.
  constexpr bool kCounts = !std::same_as<T, chat::Transcription>;
  Outcome outcome;
  if constexpr (kCounts) {
    outcome.counted = {.prompt_tokens = extent.prompt_tokens + TokensOfBytes(extent.prompt_bytes),
                       .completion_tokens = 0};
  }
  if (value) {
    outcome.reported = value->usage;
    outcome.computed = computed;
    if (kCounts && !outcome.reported.completion_tokens) outcome.reported.completion_tokens = 0;
    return account.Settle(outcome);
  }
  const bool cancelled = value.error().code == Code::kCancelled;
  outcome.status = cancelled ? Outcome::Status::kCancelled : Outcome::Status::kFailed;
  outcome.reason = OutcomeOf(value.error());
  outcome.may_have_cost = backends::MayHaveCost(value.error());
  return account.Settle(outcome);
}

}  // namespace weir::gateway

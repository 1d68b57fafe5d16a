// What a token or a minute of sound costs at one target, and what an answer costs by it. Pure; any
// thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "chat/event.h"
#include "ledger/money.h"

namespace weir::ledger {

// One row of the price book. Every entry of the ledger names the row it was priced by.
struct Price {
  std::string target = {};
  std::string currency = {};              // three capital letters
  std::optional<Pico> input = {};         // for one token; nothing: not known, which is not zero
  std::optional<Pico> cached_input = {};  // nothing: as input
  std::optional<Pico> output = {};
  std::optional<Pico> per_minute = {};  // of sound that is turned into text
  std::string source = {};              // "configuration", or the provider's page
  std::string version = {};             // changes when any of the above does

  bool operator==(const Price&) const = default;
};

// A call can be paid by it: by its tokens of both kinds, or by its minutes.
bool IsComplete(const Price& price);

// `version` of the others: the day of a price list, if it has one, and a hash.
std::string VersionOf(const Price& price, const std::string& day);

// Cached tokens are a part of the prompt's, and reasoning tokens of the answer's: neither counts
// twice. Sound whose seconds were told costs by the minute where that has a price, and then nothing
// by tokens. Nothing, which is "unpriced": a count that nobody knows, or tokens of a kind that has
// no price. Counts below zero are zero.
std::optional<Pico> CostOf(const Price& price, const chat::Usage& usage);

// The most that so many tokens and seconds of sound can cost. Nothing when a price is missing.
std::optional<Pico> MostOf(const Price& price, int64_t prompt_tokens, int64_t completion_tokens,
                           int64_t sound_s = 0);

}  // namespace weir::ledger

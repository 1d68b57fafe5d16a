// What attempts cost: the seam between the use cases and the ledger. An Account is opened before a
// target is asked, which takes the most that the attempt may cost out of the caller's budgets, and
// is settled when it ended, whichever way. The use cases know no price and no budget.
//
// I/O thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "async/task.h"
#include "backends/backend.h"
#include "base/clock.h"
#include "base/result.h"
#include "chat/event.h"
#include "chat/label.h"
#include "chat/principal.h"
#include "chat/request.h"
#include "chat/transcription.h"
#include "routing/decision.h"
#include "routing/goal.h"
#include "routing/target.h"

namespace weir::gateway {

// What is sent along with a request and what may come back, in tokens.
struct Extent {
  int64_t prompt_bytes = 0;                      // of texts
  int64_t prompt_tokens = 0;                     // of prompts that are tokens already
  int64_t prompt_tokens_max = 0;                 // no prompt of these bytes and parts has more
  std::optional<int64_t> answer_tokens_max = 0;  // of all choices; nothing: nobody said
  int64_t sound_s_max = 0;                       // no speech of these bytes is longer

  bool operator==(const Extent&) const = default;
};
Extent ExtentOf(const chat::GenerateRequest& request);
Extent ExtentOf(const chat::EmbedRequest& request);
Extent ExtentOf(const chat::ScoreRequest& request);
Extent ExtentOf(const chat::TranscribeRequest& request);
// Our own count of a text in tokens: an estimate on the high side, for what nobody reported.
int64_t TokensOfBytes(int64_t bytes);

// An attempt that is about to begin.
struct Spending {
  chat::Principal principal = {};
  std::string decision_id = {};
  std::string asked = {};  // the model's name in the request
  routing::Target target = {};
  routing::Features features = {};  // its label is the request's
  Extent extent = {};
};

// What the books say of an attempt.
struct Booked {
  std::optional<int64_t> cost = {};  // pico of `currency`; nothing: unpriced, which is not zero
  std::string currency = {};         // empty: nothing prices this target
};

// How an attempt ended.
struct Outcome {
  enum class Status : uint8_t { kServed, kCancelled, kFailed };
  Status status = Status::kServed;
  std::string reason = {};    // of a failure
  bool may_have_cost = true;  // false: whoever was asked never worked on it
  chat::Usage reported = {};  // by whoever was asked
  chat::Usage counted = {};   // by us, of what was sent and what came
  Duration computed = {};     // on this machine
};

class Account {
 public:
  // Not settled: the attempt never began and cost nothing.
  virtual ~Account() = default;
  // Once.
  virtual Booked Settle(const Outcome& outcome) = 0;
};

class Accounts {
 public:
  virtual ~Accounts() = default;
  // kRateLimited, reason budget_exhausted (another target may be cheaper) or budget_refuses (the
  // request ends here); kForbidden, reason budget_needs_price, for a target whose price nobody
  // knows and a caller with a hard budget; kUnavailable, reason ledger_unavailable.
  virtual Task<Result<std::unique_ptr<Account>>> Open(Spending spending) = 0;
  // For a route whose goal is money: what is gone of it today, and what this request would take at
  // the first of the decision's targets in the cloud. Without a price in the goal's currency
  // nothing is expected.
  virtual routing::MoneyToday Today(const routing::Decision& decision,
                                    const Extent& extent) const = 0;
  // What is known of them.
  virtual routing::TokenPrices PricesOf(const routing::Target& /*target*/) const { return {}; }
};

// Counts what comes through `stream` and settles `account` when it ends, fails or is destroyed.
// `booked` outlives it and is set when it is settled.
std::unique_ptr<backends::EventStream> Accounted(std::unique_ptr<backends::EventStream> stream,
                                                 std::unique_ptr<Account> account,
                                                 const Extent& extent, Booked& booked);
// For an attempt that failed before it gave a stream.
void SettleFailed(std::unique_ptr<Account>& account, const Error& error);

}  // namespace weir::gateway

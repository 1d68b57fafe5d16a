// What is kept of a decision: the features that it was made of, what it was, and what became of it.
// Enough to make it again under another policy and to learn from it; no text of a request or an
// answer. Plain values, and their JSON, which is what the file holds and what the API gives.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "chat/event.h"
#include "json/writer.h"
#include "privacy/label_inputs.h"
#include "routing/arrange.h"
#include "routing/decision.h"

namespace weir::history {

inline constexpr size_t kLinesMax = 100;  // of an explanation, and of notes, that are kept

struct Attempt {
  std::string target = {};
  std::string outcome = {};  // "served", or the code of the error that ended it
};

// What a gate read of a draft's own tokens.
struct OwnTokens {
  int64_t after_tokens = 0;  // 0: all of them
  routing::DraftSignal signal = routing::DraftSignal::kLogprobMean;

  bool operator==(const OwnTokens&) const = default;
};

// A draft that was judged: read by a larger model, or by its own tokens.
struct Checked {
  routing::GateKind gate = routing::GateKind::kDraftCheck;
  std::optional<OwnTokens> own = {};
  std::optional<routing::DraftFault> fault = {};  // of kHardFacts
  std::string draft_model = {};
  std::string checker = {};        // its target; empty: nobody read it
  std::string checker_model = {};  // the larger model
  int32_t at_milli = 0;            // the likelihood that it found, or the signal; in 1/1,000
  int32_t confidence = 0;          // 1/10,000
  int32_t gain = 0;
  bool accepted = false;

  bool operator==(const Checked&) const = default;
};

// Who answered, and what it took. Money is pico of `currency`, of all attempts together.
struct Served {
  std::string target = {};
  routing::Tier tier = routing::Tier::kDevice;
  chat::Usage usage = {};
  std::optional<int64_t> cost = {};  // nothing: unpriced
  std::string currency = {};
  int64_t took_ms = 0;
};

// What the user made of the answer.
struct Signals {
  std::optional<bool> vote = {};  // up; nothing: nobody voted
  bool regenerated = false;       // the same was asked again of the same name
  bool escalated = false;         // or of another one
  bool continued = false;         // the conversation went on from the answer

  bool operator==(const Signals&) const = default;
};
// Whether the answer was right, as far as that is known: a vote outranks what was done.
std::optional<bool> WasRight(const Signals& signals);

struct Record {
  std::string id = {};  // "dec_..."
  WallTime time = {};
  std::string key_id = {};
  std::string asked = {};   // the model's name in the request
  std::string policy = {};  // its hash
  routing::Features features = {};
  std::optional<routing::PromptFacts> facts = {};  // of a virtual model's generation
  // Where its question lies, for the votes of neighbours; in the file beside the JSON, never in it.
  std::optional<routing::PromptPlace> place = {};
  privacy::LabelInputs label = {};
  std::vector<routing::Considered> considered = {};
  std::vector<std::string> order = {};  // who was to answer, the first first; empty: refused
  std::string refused = {};             // the reason of the error
  std::vector<std::string> explanation = {};
  std::vector<Attempt> attempts = {};
  std::vector<std::string> notes = {};  // what happened at providers, one line for each try
  std::optional<Checked> checked = {};
  std::optional<Served> served = {};
  bool ended = false;
  Signals signals = {};
};

// Members of an object that is open.
void AppendRecord(json::Writer& writer, const Record& record);
std::string PrintRecord(const Record& record);
// What PrintRecord printed. kInvalidArgument names the field.
Result<Record> ParseRecord(std::string_view json);

}  // namespace weir::history

// What a request needs, what was decided, and why. Pure values: the same policy, features and state
// give the same Decision.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "chat/label.h"
#include "routing/energy.h"
#include "routing/language.h"
#include "routing/seconds.h"
#include "routing/target.h"

namespace weir::routing {

enum class Task : uint8_t { kGenerate, kEmbed, kScore, kRank, kTranscribe };
inline constexpr int kTaskCount = 5;
std::string_view TaskName(Task task);  // "generate", "embed", "score", "rank", "transcribe"

// The request as far as routing looks at it: counts, flags and names, no text.
struct Features {
  Task task = Task::kGenerate;
  chat::Label label = chat::Label::kInternal;
  Tier tier_max = Tier::kCloud;  // x-weir-route
  int64_t prompt_bytes =
      0;  // no token is shorter than a byte, so this bounds the tokens from above
  int64_t answer_tokens = 0;  // that were asked for; 0: nobody said
  bool images = false;
  bool audio = false;
  bool tools = false;
  bool json_schema = false;
  bool reasoning = false;
  bool online = true;                       // something beyond this machine can be reached
  std::optional<int64_t> deadline_ms = {};  // from now
  std::string project = {};
  std::string key = {};  // its name
  std::string tenant = {};
  std::string user = {};
  std::string_view language = kUnknownLanguage;  // of what the user wrote; one of kLanguages
};

// Why a target was passed over; a bit for each hard fact.
enum Filter : uint32_t {
  kLabelExceedsCeiling = 1u << 0,
  kTierNotAllowed = 1u << 1,
  kOffline = 1u << 2,
  kWrongTask = 1u << 3,
  kNoImages = 1u << 4,
  kNoAudio = 1u << 5,
  kNoTools = 1u << 6,
  kNoJsonSchema = 1u << 7,
  kNoReasoning = 1u << 8,
  kContextTooSmall = 1u << 9,
  kRegionNotAllowed = 1u << 10,
  kRuleForbids = 1u << 11,
  kBreakerOpen = 1u << 12,
  kRetired = 1u << 13,
  kTooSlow = 1u << 14,
};
inline constexpr int kFilterCount = 15;
// The stable word of one bit ("label_exceeds_ceiling").
std::string_view FilterName(Filter filter);

// A token of a prompt is at least a byte, and hardly ever longer than this on the average of a
// whole prompt: between the bounds the target itself decides.
inline constexpr int64_t kBytesPerTokenMax = 32;

// Pico of one currency for one token, as the ledger knows them.
struct TokenPrices {
  std::optional<int64_t> input = {};
  std::optional<int64_t> cached_input = {};  // nothing: as input
  std::optional<int64_t> output = {};
  std::string currency = {};  // empty: they are compared with nothing but each other
};

struct Considered {
  std::string target = {};
  uint32_t failed = 0;                      // Filter bits; 0: eligible
  Speed speed = {};                         // as it was measured
  std::optional<int64_t> expected_ms = {};  // of this request's whole answer
  TokenPrices prices = {};
  std::optional<int64_t> energy_mj = {};  // that computing it is expected to take
  std::optional<Cost> cost = {};          // that is expected of it: tokens or energy
};

struct Decision {
  std::string asked = {};  // the model name of the request
  chat::Label label = chat::Label::kInternal;
  int64_t prompt_bytes = 0;  // of the request's features
  int64_t answer_tokens = 0;
  std::vector<Considered> considered = {};  // in the order of preference
  std::vector<Target> eligible = {};  // the same order; never empty in a Decision that was returned
  std::vector<std::string> explanation = {};  // a line for each step
  // Of the virtual model that was asked for; nothing when a target was.
  std::optional<int32_t> confidence_min = {};
  bool buffer = false;
  Goal goal = {};
  bool neighbours = false;

  const Target& chosen() const { return eligible.front(); }
  // What was known of an eligible target.
  const Considered& Of(const Target& target) const {
    static const Considered kNothing;
    const auto found = std::ranges::find(considered, target.name, &Considered::target);
    return found == considered.end() ? kNothing : *found;
  }
};

}  // namespace weir::routing

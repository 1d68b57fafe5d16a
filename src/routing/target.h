// A model at a backend in a tier, with what is known about it. Facts that nobody declared or
// measured are absent, and an absent fact never makes a target eligible for a request that needs
// it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "chat/label.h"
#include "routing/goal.h"

namespace weir::routing {

enum class Tier : uint8_t { kDevice, kEdge, kCloud };
std::string_view TierName(Tier tier);
std::optional<Tier> TierFromName(std::string_view name);

// The region of what runs on this machine or at the edge, besides the region of its backend.
inline constexpr std::string_view kLocalRegion = "local";

struct Target {
  std::string name = {};     // what clients and policies call it
  std::string backend = {};  // where it runs
  std::string model = {};    // what the backend calls it
  // Of a model of this machine that is run as its file has it, with nothing put before or over it:
  // the file's digest in hex. Empty: not known, or not run so.
  std::string file_sha256 = {};
  Tier tier = Tier::kDevice;
  chat::Label ceiling = chat::Label::kSecret;
  std::string region = {};  // of its backend; empty: nobody said
  std::optional<int64_t> context_tokens = {};
  std::optional<int64_t> prefill_tokens_per_s = {};  // declared
  std::optional<int64_t> decode_tokens_per_s = {};
  bool generates = true;
  bool embeds = false;
  bool ranks = false;        // says how well documents fit a query
  bool scores = true;        // gives log-probabilities of given texts
  bool transcribes = false;  // turns speech into text
  bool vision = false;
  bool audio = false;  // takes sound in chats
  bool tools = false;
  bool json_schema = false;
  bool reasoning = false;
  bool beyond = false;  // reached through the door, not an engine of this machine
  bool online = true;   // its backend can be asked now

  bool operator==(const Target&) const = default;
};

// The virtual model that ranks documents where nobody names one: the first model of this machine
// that does, unless a route is called so.
inline constexpr std::string_view kReranker = "reranker";

inline constexpr int32_t kConfidenceMinDefault = 8'500;  // in 1/10,000

// A name that stands for several targets, in order of preference. Its targets may be names of other
// virtual models, which stand for theirs.
struct VirtualModel {
  std::string name = {};
  std::vector<std::string> targets = {};
  Tier tier_max = Tier::kCloud;
  // An answer that is less sure to be right is given again by the next target, where that can be
  // known (draft_check.h); 0: never.
  int32_t confidence_min = kConfidenceMinDefault;
  bool buffer = false;  // streams are held back for that, too
  Goal goal = {};
  bool neighbours = false;  // earlier questions like it have a vote in what is predicted

  bool operator==(const VirtualModel&) const = default;
};

}  // namespace weir::routing

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

namespace weir::routing {

enum class Tier : uint8_t { kDevice, kEdge, kCloud };
std::string_view TierName(Tier tier);
std::optional<Tier> TierFromName(std::string_view name);

struct Target {
  std::string name = {};     // what clients and policies call it
  std::string backend = {};  // where it runs
  std::string model = {};    // what the backend calls it
  Tier tier = Tier::kDevice;
  chat::Label ceiling = chat::Label::kSecret;
  std::optional<int64_t> context_tokens = {};
  bool generates = true;
  bool embeds = false;
  bool vision = false;
  bool audio = false;
  bool tools = false;
  bool json_schema = false;
  bool online = true;  // its backend can be asked now

  bool operator==(const Target&) const = default;
};

// A name that stands for several targets, in order of preference.
struct VirtualModel {
  std::string name = {};
  std::vector<std::string> targets = {};
  Tier tier_max = Tier::kCloud;

  bool operator==(const VirtualModel&) const = default;
};

}  // namespace weir::routing

// A rule of the policy file: where its conditions hold, it says which targets or regions are left.
// Conditions are on features with finite domains, so that a policy can be checked for all requests.
// Pure values and one pure function.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"

namespace weir::routing {

struct Features;

enum class FlagFeature : uint8_t { kImages, kAudio, kTools, kSchema, kReasoning, kOnline };
inline constexpr std::string_view kFlagFeatureNames[] = {"images", "audio",     "tools",
                                                         "schema", "reasoning", "online"};
enum class NameFeature : uint8_t {
  kProject,
  kKey,
  kTenant,
  kUser,
  kModel,
  kTask,
  kLabel,
  kLanguage
};
inline constexpr std::string_view kNameFeatureNames[] = {"project", "key",  "tenant", "user",
                                                         "model",   "task", "label",  "language"};

struct FlagIs {
  FlagFeature feature = FlagFeature::kImages;
  bool is = true;
};
// Any of the patterns (base/glob.h).
struct NameIn {
  NameFeature feature = NameFeature::kProject;
  std::vector<std::string> patterns = {};
};
using Condition = std::variant<FlagIs, NameIn>;

struct Rule {
  uint32_t line = 0;                      // in the policy file, for messages
  std::vector<Condition> when = {};       // all must hold
  std::vector<std::string> use = {};      // only these, in this order; empty: no restriction
  std::vector<std::string> regions = {};  // only there; empty: no restriction
};

// The condition of this name; kInvalidArgument for a feature that there is not.
Result<Condition> MakeCondition(std::string_view feature, bool is);
Result<Condition> MakeCondition(std::string_view feature, std::vector<std::string> patterns);

// Whether one of them asks for the language of a text.
bool AskForLanguage(const std::vector<Rule>& rules);

// `model` is the name that the request asked for.
bool Holds(const Rule& rule, std::string_view model, const Features& features);

}  // namespace weir::routing

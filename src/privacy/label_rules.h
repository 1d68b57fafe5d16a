// [[label]]: labels that requests get for who sends them and what they ask. All rules that match
// count, and the highest label wins. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "chat/label.h"
#include "chat/principal.h"

namespace weir::privacy {

// Patterns as in base/glob.h; an empty one matches everything.
struct LabelRule {
  uint32_t line = 0;  // in the configuration
  std::string project = {};
  std::string key = {};
  std::string tenant = {};
  std::string user = {};
  std::string model = {};
  chat::Label label = chat::Label::kSecret;
};

bool Matches(const LabelRule& rule, const chat::Principal& principal, std::string_view model);

struct RuledLabel {
  chat::Label label = chat::Label::kPublic;
  uint32_t line = 0;  // of the rule that gave it
};
// Nothing when no rule matches.
std::optional<RuledLabel> LabelByRules(std::span<const LabelRule> rules,
                                       const chat::Principal& principal, std::string_view model);

}  // namespace weir::privacy

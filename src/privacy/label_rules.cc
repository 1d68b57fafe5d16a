#include "privacy/label_rules.h"

#include "base/glob.h"

namespace weir::privacy {

bool Matches(const LabelRule& rule, const chat::Principal& principal, std::string_view model) {
  const auto fits = [](const std::string& pattern, std::string_view name) {
    return pattern.empty() || MatchesGlob(pattern, name);
  };
  return fits(rule.project, principal.project) && fits(rule.key, principal.key_name) &&
         fits(rule.tenant, principal.tenant) && fits(rule.user, principal.user) &&
         fits(rule.model, model);
}

std::optional<RuledLabel> LabelByRules(std::span<const LabelRule> rules,
                                       const chat::Principal& principal, std::string_view model) {
  std::optional<RuledLabel> found;
  for (const LabelRule& rule : rules) {
    if (!Matches(rule, principal, model)) continue;
    const bool higher = !found || chat::Join(found->label, rule.label) != found->label;
    if (higher) found = RuledLabel{rule.label, rule.line};
  }
  return found;
}

}  // namespace weir::privacy

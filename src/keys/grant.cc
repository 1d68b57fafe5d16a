#include "keys/grant.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/glob.h"
#include "config/currency.h"
#include "config/units.h"

namespace weir::keys {
namespace {

constexpr std::string_view kWindows[] = {"day", "week", "month", "total"};

bool IsPatternCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view(" ._@:/-*?").find(c) != std::string_view::npos;
}

Result<void> CheckList(const std::vector<std::string>& list, std::string_view param) {
  const auto good = [](const std::string& pattern) {
    return !pattern.empty() && pattern.size() <= kPatternBytesMax &&
           std::ranges::all_of(pattern, IsPatternCharacter);
  };
  if (list.size() <= kPatternsMax && std::ranges::all_of(list, good)) return {};
  return Fail(
      Code::kInvalidArgument,
      fmt::format("{} takes at most {} names of 1 to {} characters of A-Z a-z 0-9 . _ @ : / "
                  "- and the wildcards * ?",
                  param, kPatternsMax, kPatternBytesMax),
      std::string(param));
}

}  // namespace

Result<void> CheckGrant(const chat::Grant& grant) {
  if (auto good = CheckList(grant.models, "models"); !good) return good;
  if (auto good = CheckList(grant.projects, "projects"); !good) return good;
  if (!grant.budget) return {};
  const chat::KeyBudget& budget = *grant.budget;
  if (budget.pico < 0) {
    return Fail(Code::kInvalidArgument, "a budget is not below zero", "budget");
  }
  if (!config::IsCurrency(budget.currency)) {
    return Fail(Code::kInvalidArgument, "budget_currency takes a currency of ISO 4217, like USD",
                "budget_currency");
  }
  if (std::ranges::find(kWindows, budget.window) == std::end(kWindows)) {
    return Fail(Code::kInvalidArgument, "budget_per takes day, week, month or total", "budget_per");
  }
  return {};
}

Result<chat::KeyBudget> MakeBudget(std::string_view amount, std::string_view per,
                                   std::string_view currency) {
  const auto pico = config::ParseDecimal(amount, config::kMoneyDecimals);
  if (!pico) {
    return Fail(Code::kInvalidArgument, fmt::format("budget {}", pico.error()), "budget");
  }
  chat::KeyBudget budget{.pico = *pico,
                         .currency = std::string(currency.empty() ? "USD" : currency),
                         .window = std::string(per.empty() ? "total" : per)};
  if (auto good = CheckGrant({.budget = budget}); !good) return Fail(good.error());
  return budget;
}

std::vector<std::string> SplitList(std::string_view text) {
  std::vector<std::string> list;
  while (!text.empty()) {
    const size_t comma = text.find(',');
    std::string_view part = text.substr(0, comma);
    while (part.starts_with(' ')) part.remove_prefix(1);
    while (part.ends_with(' ')) part.remove_suffix(1);
    if (!part.empty()) list.emplace_back(part);
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
  }
  return list;
}

std::string JoinList(const std::vector<std::string>& list) {
  return fmt::format("{}", fmt::join(list, ","));
}

Result<void> MayName(const chat::Principal& principal, std::string_view project) {
  if (!principal.grant || principal.grant->projects.empty()) return {};
  const auto matches = [project](const std::string& pattern) {
    return MatchesGlob(pattern, project);
  };
  if (!project.empty() && std::ranges::any_of(principal.grant->projects, matches)) return {};
  return Fail(Code::kForbidden,
              fmt::format("this API key speaks for the projects {}; name one in x-weir-project",
                          fmt::join(principal.grant->projects, ", ")),
              "x-weir-project", "project_not_allowed");
}

}  // namespace weir::keys

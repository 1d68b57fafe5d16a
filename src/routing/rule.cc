#include "routing/rule.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/check.h"
#include "base/glob.h"
#include "routing/decision.h"

namespace weir::routing {
namespace {

bool FlagOf(FlagFeature feature, const Features& features) {
  switch (feature) {
    case FlagFeature::kImages:
      return features.images;
    case FlagFeature::kAudio:
      return features.audio;
    case FlagFeature::kTools:
      return features.tools;
    case FlagFeature::kSchema:
      return features.json_schema;
    case FlagFeature::kReasoning:
      return features.reasoning;
    case FlagFeature::kOnline:
      return features.online;
  }
  CHECK(false, "flag feature out of range");
}

std::string_view NameOf(NameFeature feature, std::string_view model, const Features& features) {
  switch (feature) {
    case NameFeature::kProject:
      return features.project;
    case NameFeature::kKey:
      return features.key;
    case NameFeature::kTenant:
      return features.tenant;
    case NameFeature::kUser:
      return features.user;
    case NameFeature::kModel:
      return model;
    case NameFeature::kTask:
      return TaskName(features.task);
    case NameFeature::kLabel:
      return chat::LabelName(features.label);
    case NameFeature::kLanguage:
      return features.language;
  }
  CHECK(false, "name feature out of range");
}

template <size_t kCount>
Result<size_t> IndexOf(std::string_view feature, const std::string_view (&names)[kCount]) {
  const auto* found = std::ranges::find(names, feature);
  if (found == std::end(names)) {
    return Fail(Code::kInvalidArgument,
                fmt::format("there is no feature '{}' of this kind yet", feature));
  }
  return static_cast<size_t>(found - std::begin(names));
}

}  // namespace

Result<Condition> MakeCondition(std::string_view feature, bool is) {
  const auto index = IndexOf(feature, kFlagFeatureNames);
  if (!index) return std::unexpected(index.error());
  return FlagIs{static_cast<FlagFeature>(*index), is};
}

Result<Condition> MakeCondition(std::string_view feature, std::vector<std::string> patterns) {
  const auto index = IndexOf(feature, kNameFeatureNames);
  if (!index) return std::unexpected(index.error());
  return NameIn{static_cast<NameFeature>(*index), std::move(patterns)};
}

bool AskForLanguage(const std::vector<Rule>& rules) {
  return std::ranges::any_of(rules, [](const Rule& rule) {
    return std::ranges::any_of(rule.when, [](const Condition& condition) {
      const auto* names = std::get_if<NameIn>(&condition);
      return names != nullptr && names->feature == NameFeature::kLanguage;
    });
  });
}

bool Holds(const Rule& rule, std::string_view model, const Features& features) {
  return std::ranges::all_of(rule.when, [&](const Condition& condition) {
    if (const auto* flag = std::get_if<FlagIs>(&condition)) {
      return FlagOf(flag->feature, features) == flag->is;
    }
    const NameIn& names = std::get<NameIn>(condition);
    const std::string_view name = NameOf(names.feature, model, features);
    return std::ranges::any_of(names.patterns,
                               [name](const auto& pattern) { return MatchesGlob(pattern, name); });
  });
}

}  // namespace weir::routing

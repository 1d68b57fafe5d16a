#include "routing/router.h"

#include <fmt/core.h>

#include <algorithm>
#include <optional>

#include "base/check.h"

namespace weir::routing {
namespace {

const Target* FindTarget(const Policy& policy, std::string_view name) {
  const auto it = std::ranges::find(policy.targets, name, &Target::name);
  return it == policy.targets.end() ? nullptr : &*it;
}

// The virtual model of this name, or one around the single target of this name.
std::optional<VirtualModel> Resolve(const Policy& policy, std::string_view name) {
  const auto it = std::ranges::find(policy.virtuals, name, &VirtualModel::name);
  if (it != policy.virtuals.end()) return *it;
  if (const Target* target = FindTarget(policy, name)) {
    return VirtualModel{target->name, {target->name}, Tier::kCloud};
  }
  return std::nullopt;
}

std::string Names(uint32_t failed) {
  std::string names;
  for (int bit = 0; bit < kFilterCount; ++bit) {
    if ((failed & (1u << bit)) == 0) continue;
    if (!names.empty()) names += ", ";
    names += FilterName(static_cast<Filter>(1u << bit));
  }
  return names;
}

Error UnknownModel(const Policy& policy, std::string_view model) {
  std::string known;
  constexpr int kNamesMax = 8;
  int named = 0;
  for (const auto& item : policy.virtuals) {
    if (named++ < kNamesMax) known += (known.empty() ? "" : ", ") + item.name;
  }
  for (const auto& item : policy.targets) {
    if (named++ < kNamesMax) known += (known.empty() ? "" : ", ") + item.name;
  }
  std::string message = fmt::format("there is no model '{}' here", model.substr(0, 128));
  message += known.empty() ? "; `make models` or `weir pull` gets one"
                           : "; known are " + known + (named > kNamesMax ? ", ..." : "");
  return {Code::kNotFound, std::move(message), "model", "model_not_found"};
}

// Every target failed something: say what would have to change, the gravest first.
Error NothingEligible(const Decision& decision) {
  uint32_t common = ~0u;
  uint32_t any = 0;
  for (const Considered& item : decision.considered) {
    common &= item.failed;
    any |= item.failed;
  }
  if (decision.considered.empty()) {
    return {Code::kUnavailable,
            fmt::format("'{}' has no target on this machine; `make models` or `weir pull` gets one",
                        decision.asked),
            "model", "no_target"};
  }
  if (common & kLabelExceedsCeiling) {
    return {Code::kForbidden,
            fmt::format("the request is labelled {}, above the ceiling of every target of '{}'",
                        chat::LabelName(decision.label), decision.asked),
            "model", "label_exceeds_ceiling"};
  }
  if (common & kTierNotAllowed) {
    return {
        Code::kForbidden,
        fmt::format("x-weir-route keeps the request below every target of '{}'", decision.asked),
        "x-weir-route", "policy_forbids"};
  }
  if (common & kWrongTask) {
    return {
        Code::kInvalidArgument,
        fmt::format("'{}' is for another task: embedding models do not generate, and a generating "
                    "one embeds only when it is asked for by its own name",
                    decision.asked),
        "model", "wrong_task"};
  }
  if (any == kOffline) {
    return {Code::kUnavailable, fmt::format("no target of '{}' can be reached", decision.asked),
            "model", "offline"};
  }
  return {Code::kUnprocessable,
          fmt::format("no target of '{}' can take this request: {}", decision.asked, Names(any)),
          "model", "no_eligible_target"};
}

}  // namespace

std::string_view TierName(Tier tier) {
  switch (tier) {
    case Tier::kDevice:
      return "device";
    case Tier::kEdge:
      return "edge";
    case Tier::kCloud:
      return "cloud";
  }
  CHECK(false, "tier out of range");
}

std::optional<Tier> TierFromName(std::string_view name) {
  for (Tier tier : {Tier::kDevice, Tier::kEdge, Tier::kCloud}) {
    if (name == TierName(tier)) return tier;
  }
  return std::nullopt;
}

std::string_view FilterName(Filter filter) {
  switch (filter) {
    case kLabelExceedsCeiling:
      return "label_exceeds_ceiling";
    case kTierNotAllowed:
      return "tier_not_allowed";
    case kOffline:
      return "offline";
    case kWrongTask:
      return "wrong_task";
    case kNoImages:
      return "no_images";
    case kNoAudio:
      return "no_audio";
    case kNoTools:
      return "no_tools";
    case kNoJsonSchema:
      return "no_json_schema";
  }
  CHECK(false, "filter out of range");
}

uint32_t FailedFilters(const Target& target, const Features& features) {
  const bool embed = features.task == Task::kEmbed;
  uint32_t failed = 0;
  if (!chat::Permits(target.ceiling, features.label)) failed |= kLabelExceedsCeiling;
  if (target.tier > features.tier_max) failed |= kTierNotAllowed;
  if (!target.online) failed |= kOffline;
  if (embed ? !target.embeds : !target.generates) failed |= kWrongTask;
  if (features.images && !target.vision) failed |= kNoImages;
  if (features.audio && !target.audio) failed |= kNoAudio;
  if (features.tools && !target.tools) failed |= kNoTools;
  if (features.json_schema && !target.json_schema) failed |= kNoJsonSchema;
  return failed;
}

Result<Decision> Decide(const Policy& policy, std::string_view model, const Features& features) {
  const std::optional<VirtualModel> resolved = Resolve(policy, model);
  if (!resolved) return Fail(UnknownModel(policy, model));

  Features bounded = features;
  bounded.tier_max = std::min(features.tier_max, resolved->tier_max);
  Decision decision{.asked = std::string(model), .label = features.label};
  decision.explanation.push_back(fmt::format(
      "'{}' stands for {} target(s); label {}, highest tier {}", model, resolved->targets.size(),
      chat::LabelName(features.label), TierName(bounded.tier_max)));
  for (const std::string& name : resolved->targets) {
    const Target* target = FindTarget(policy, name);
    if (target == nullptr) {
      decision.explanation.push_back(fmt::format("{}: not on this machine", name));
      continue;
    }
    uint32_t failed = FailedFilters(*target, bounded);
    // Vectors of different models cannot be compared, so no choice between models makes them.
    const bool chooses = resolved->targets.size() > 1;
    if (features.task == Task::kEmbed && target->generates && chooses) failed |= kWrongTask;
    decision.considered.push_back({name, failed});
    decision.explanation.push_back(
        failed == 0 ? fmt::format("{}: eligible ({})", name, TierName(target->tier))
                    : fmt::format("{}: passed over ({})", name, Names(failed)));
    if (failed == 0) decision.eligible.push_back(*target);
  }
  if (decision.eligible.empty()) return Fail(NothingEligible(decision));
  decision.explanation.push_back(
      fmt::format("chosen: {}, the first eligible", decision.chosen().name));
  return decision;
}

}  // namespace weir::routing

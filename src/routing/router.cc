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

const VirtualModel* FindVirtual(const Policy& policy, std::string_view name) {
  const auto it = std::ranges::find(policy.virtuals, name, &VirtualModel::name);
  return it == policy.virtuals.end() ? nullptr : &*it;
}

// A virtual model's own bound on tiers holds for what it stands for.
void AddName(const Policy& policy, std::string_view name, int depth, Tier tier_max,
             Candidates& found) {
  if (const Target* target = FindTarget(policy, name)) {
    const bool known = std::ranges::find(found.targets, target) != found.targets.end();
    if (!known && target->tier <= tier_max && found.targets.size() < kCandidatesMax) {
      found.targets.push_back(target);
    }
    return;
  }
  const VirtualModel* model = FindVirtual(policy, name);
  if (model == nullptr || depth == 0) {
    found.missing.emplace_back(name);
    return;
  }
  for (const std::string& inner : model->targets) {
    AddName(policy, inner, depth - 1, std::min(tier_max, model->tier_max), found);
  }
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

// What the rules that hold leave over.
struct Ruling {
  std::optional<std::vector<std::string>> use = {};
  uint32_t use_line = 0;
  std::vector<const Rule*> regional = {};
};

Ruling RulingOf(const Policy& policy, std::string_view model, const Features& features) {
  Ruling ruling;
  for (const Rule& rule : policy.rules) {
    if (!Holds(rule, model, features)) continue;
    if (!rule.use.empty() && !ruling.use) {
      ruling.use = rule.use;
      ruling.use_line = rule.line;
    }
    if (!rule.regions.empty()) ruling.regional.push_back(&rule);
  }
  return ruling;
}

Error WrongTask(const Decision& decision, const Features& features) {
  const char* why =
      "models that embed, rank or transcribe do not generate, and a generating one "
      "embeds only when it is asked for by its own name";
  if (features.task == Task::kTranscribe) {
    why =
        "speech is transcribed by targets of a backend of kind whisper, and by those that say "
        "transcription = true";
  }
  return {Code::kInvalidArgument, fmt::format("'{}' is for another task: {}", decision.asked, why),
          "model", "wrong_task"};
}

// Every target failed something: say what would have to change, the gravest first.
Error NothingEligible(const Decision& decision, const Ruling& ruling, const Features& features) {
  uint32_t common = ~0u;
  uint32_t any = 0;
  for (const Considered& item : decision.considered) {
    common &= item.failed;
    any |= item.failed;
  }
  if (decision.considered.empty() && ruling.use) {
    return {Code::kUnavailable,
            fmt::format("the rule in line {} of the configuration leaves '{}' no target that is on "
                        "this machine; weir policy check names what it does not know",
                        ruling.use_line, decision.asked),
            "model", "no_target"};
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
  if (common & (kRuleForbids | kRegionNotAllowed)) {
    const uint32_t line = (common & kRuleForbids) || ruling.regional.empty()
                              ? ruling.use_line
                              : ruling.regional.front()->line;
    return {Code::kForbidden,
            fmt::format("the rule in line {} of the configuration forbids every target of '{}' "
                        "for this request",
                        line, decision.asked),
            "model", "policy_forbids"};
  }
  if (common & kTierNotAllowed) {
    return {
        Code::kForbidden,
        fmt::format("x-weir-route keeps the request below every target of '{}'", decision.asked),
        "x-weir-route", "policy_forbids"};
  }
  if (common & kWrongTask) return WrongTask(decision, features);
  constexpr uint32_t kForNow = kOffline | kBreakerOpen | kRetired;
  const bool waits = std::ranges::any_of(
      decision.considered, [](const Considered& item) { return (item.failed & ~kForNow) == 0; });
  if (waits) {
    Error error{Code::kUnavailable,
                fmt::format("no target of '{}' can be reached now: {}", decision.asked, Names(any)),
                "model", any == kOffline ? "offline" : "no_target_available"};
    error.retry_after_s = 5;
    return error;
  }
  return {Code::kUnprocessable,
          fmt::format("no target of '{}' can take this request: {}", decision.asked, Names(any)),
          "model", "no_eligible_target"};
}

// Certainly too much, whatever the tokens are.
bool Overflows(const Target& target, const Features& features) {
  return target.context_tokens &&
         features.prompt_bytes / kBytesPerTokenMax + features.answer_tokens >
             *target.context_tokens;
}

// Who is not expected to answer in time, where somebody else is.
void PassOverLate(const Features& features, std::vector<Considered>& considered) {
  if (!features.deadline_ms) return;
  const auto is_in_time = [&](const Considered& one) {
    return one.failed == 0 && one.expected_ms && *one.expected_ms <= *features.deadline_ms;
  };
  if (std::ranges::none_of(considered, is_in_time)) return;
  for (Considered& one : considered) {
    if (one.failed == 0 && one.expected_ms && !is_in_time(one)) one.failed = kTooSlow;
  }
}

// Where nobody is expected in time.
void SoonestFirst(const Features& features, Decision& decision) {
  if (!features.deadline_ms || decision.eligible.size() < 2) return;
  const auto expected = [&](const Target& target) { return decision.Of(target).expected_ms; };
  const bool all_late = std::ranges::all_of(decision.eligible, [&](const Target& target) {
    return expected(target) && *expected(target) > *features.deadline_ms;
  });
  if (!all_late) return;
  const auto soonest = std::ranges::min_element(decision.eligible, {}, expected);
  std::rotate(decision.eligible.begin(), soonest, std::next(soonest));
  decision.explanation.push_back(
      fmt::format("nobody is expected to answer within {} ms: the soonest first",
                  std::max<int64_t>(*features.deadline_ms, 0)));
}

std::string LineOf(const Considered& considered, const Target& target) {
  std::string seconds;
  if (considered.expected_ms) {
    seconds = fmt::format(", {:.1f} s", static_cast<double>(*considered.expected_ms) / 1e3);
  }
  if (considered.energy_mj) seconds += fmt::format(", {} J", *considered.energy_mj / 1'000);
  if (considered.cost) seconds += ", " + CostText(*considered.cost);
  if (!seconds.empty()) seconds += " expected";
  return considered.failed == 0
             ? fmt::format("{}: eligible ({}{})", target.name, TierName(target.tier), seconds)
             : fmt::format("{}: passed over ({}{})", target.name, Names(considered.failed),
                           (considered.failed & kTooSlow) != 0 ? seconds : "");
}

// Certainly too late, whatever the tokens are.
bool IsTooSlow(const Target& target, const Features& features) {
  if (!features.deadline_ms || !target.prefill_tokens_per_s) return false;
  const int64_t tokens_least = features.prompt_bytes / kBytesPerTokenMax;
  return tokens_least * 1000 / std::max<int64_t>(*target.prefill_tokens_per_s, 1) >
         *features.deadline_ms;
}

bool DoesTask(const Target& target, Task task) {
  switch (task) {
    case Task::kGenerate:
      return target.generates;
    case Task::kEmbed:
      return target.embeds;
    case Task::kScore:
      return target.generates && target.scores;
    case Task::kRank:
      return target.ranks || target.embeds;
    case Task::kTranscribe:
      return target.transcribes;
  }
  CHECK(false, "task out of range");
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

std::string_view TaskName(Task task) {
  switch (task) {
    case Task::kGenerate:
      return "generate";
    case Task::kEmbed:
      return "embed";
    case Task::kScore:
      return "score";
    case Task::kRank:
      return "rank";
    case Task::kTranscribe:
      return "transcribe";
  }
  CHECK(false, "task out of range");
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
    case kNoReasoning:
      return "no_reasoning";
    case kContextTooSmall:
      return "context_too_small";
    case kRegionNotAllowed:
      return "region_not_allowed";
    case kRuleForbids:
      return "rule_forbids";
    case kBreakerOpen:
      return "breaker_open";
    case kRetired:
      return "retired";
    case kTooSlow:
      return "too_slow";
  }
  CHECK(false, "filter out of range");
}

std::optional<Candidates> Resolve(const Policy& policy, std::string_view model) {
  Candidates found;
  const VirtualModel* named = FindVirtual(policy, model);
  found.is_virtual = named != nullptr;
  if (named == nullptr && FindTarget(policy, model) == nullptr) return std::nullopt;
  if (named != nullptr) found.tier_max = named->tier_max;
  // The bound of the outermost name is a filter that an explanation shows; inner ones just apply.
  if (named == nullptr) {
    AddName(policy, model, kVirtualDepthMax, Tier::kCloud, found);
  } else {
    for (const std::string& name : named->targets) {
      AddName(policy, name, kVirtualDepthMax - 1, Tier::kCloud, found);
    }
  }
  return found;
}

bool IsIn(const Target& target, const std::vector<std::string>& regions) {
  return std::ranges::any_of(regions, [&](const std::string& region) {
    return region == kLocalRegion ? target.tier < Tier::kCloud
                                  : !target.region.empty() && target.region == region;
  });
}

uint32_t FailedFilters(const Target& target, const Features& features) {
  uint32_t failed = 0;
  if (!chat::Permits(target.ceiling, features.label)) failed |= kLabelExceedsCeiling;
  if (target.tier > features.tier_max) failed |= kTierNotAllowed;
  if (!target.online) failed |= kOffline;
  if (!DoesTask(target, features.task)) failed |= kWrongTask;
  if (features.images && !target.vision) failed |= kNoImages;
  const bool hears = features.task == Task::kTranscribe ? target.transcribes : target.audio;
  if (features.audio && !hears) failed |= kNoAudio;
  if (features.tools && !target.tools) failed |= kNoTools;
  if (features.json_schema && !target.json_schema) failed |= kNoJsonSchema;
  if (features.reasoning && target.beyond && !target.reasoning) failed |= kNoReasoning;
  if (Overflows(target, features)) failed |= kContextTooSmall;
  if (IsTooSlow(target, features)) failed |= kTooSlow;
  return failed;
}

Result<Decision> Decide(const Policy& policy, std::string_view model, const Features& features,
                        const StateOf& state_of, Decision* refused) {
  std::optional<Candidates> candidates = Resolve(policy, model);
  if (!candidates) return Fail(UnknownModel(policy, model));

  Features bounded = features;
  bounded.tier_max = std::min(features.tier_max, candidates->tier_max);
  Decision decision{.asked = std::string(model),
                    .label = features.label,
                    .prompt_bytes = features.prompt_bytes,
                    .answer_tokens = features.answer_tokens};
  if (const VirtualModel* named = FindVirtual(policy, model)) {
    decision.confidence_min = named->confidence_min;
    decision.buffer = named->buffer;
    decision.goal = named->goal;
    decision.neighbours = named->neighbours;
  }
  decision.explanation.push_back(
      fmt::format("'{}' stands for {} target(s); label {}, highest tier {}", model,
                  candidates->targets.size() + candidates->missing.size(),
                  chat::LabelName(features.label), TierName(bounded.tier_max)));
  if (AskForLanguage(policy.rules)) {
    decision.explanation.push_back(
        fmt::format("the language of what the user wrote: {}", features.language));
  }
  const Ruling ruling = RulingOf(policy, model, features);
  Candidates used;
  if (ruling.use) {
    for (const std::string& name : *ruling.use) {
      AddName(policy, name, kVirtualDepthMax, Tier::kCloud, used);
    }
    decision.explanation.push_back(fmt::format("the rule in line {} leaves {} target(s)",
                                               ruling.use_line, used.targets.size()));
    if (candidates->is_virtual) {
      candidates->targets = used.targets;
      candidates->missing = used.missing;
    }
  }
  for (const std::string& name : candidates->missing) {
    decision.explanation.push_back(fmt::format("{}: not on this machine", name));
  }
  for (const Target* target : candidates->targets) {
    const TargetNow now = state_of ? state_of(*target) : TargetNow();
    uint32_t failed = FailedFilters(*target, bounded) | now.failed;
    const bool kept = !ruling.use || std::ranges::find(used.targets, target) != used.targets.end();
    if (!kept) failed |= kRuleForbids;
    // Vectors of different models cannot be compared, so no choice between models makes them.
    const bool chooses = candidates->targets.size() + candidates->missing.size() > 1;
    if (features.task == Task::kEmbed && target->generates && chooses) failed |= kWrongTask;
    for (const Rule* rule : ruling.regional) {
      if (!IsIn(*target, rule->regions)) failed |= kRegionNotAllowed;
    }
    const Speed speed = WithDeclared(now.speed, *target);
    Considered& considered = decision.considered.emplace_back(
        Considered{.target = target->name,
                   .failed = failed,
                   .speed = now.speed,
                   .expected_ms = ExpectedMs(speed, features),
                   .prices = now.prices,
                   .energy_mj = ExpectedMillijoules(policy.energy, *target, speed, features)});
    considered.cost = ExpectedCost(policy.energy, considered, features);
  }
  PassOverLate(features, decision.considered);
  for (size_t i = 0; i < candidates->targets.size(); ++i) {
    const Target& target = *candidates->targets[i];
    decision.explanation.push_back(LineOf(decision.considered[i], target));
    if (decision.considered[i].failed == 0) decision.eligible.push_back(target);
  }
  if (decision.eligible.empty()) {
    Error error = NothingEligible(decision, ruling, features);
    if (refused != nullptr) *refused = std::move(decision);
    return Fail(std::move(error));
  }
  if (candidates->is_virtual) SoonestFirst(features, decision);
  decision.explanation.push_back(
      fmt::format("chosen: {}, the first eligible", decision.chosen().name));
  return decision;
}

}  // namespace weir::routing

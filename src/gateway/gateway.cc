#include "gateway/gateway.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/glob.h"
#include "keys/grant.h"
#include "privacy/request_texts.h"

namespace weir::gateway {

namespace {

bool HasTokens(std::span<const chat::Prompt> prompts) {
  return std::ranges::any_of(prompts,
                             [](const chat::Prompt& prompt) { return !prompt.tokens.empty(); });
}

Result<privacy::Recalled> RecallAll(privacy::LabelMemory& memory, const std::string& tenant,
                                    std::span<const chat::Message> messages,
                                    std::span<const std::string> texts) {
  auto recalled = memory.Recall(tenant, messages);
  if (!recalled || texts.empty()) return recalled;
  const auto more = memory.Recall(tenant, texts);
  if (!more) return more;
  recalled->marks.insert(recalled->marks.end(), more->marks.begin(), more->marks.end());
  if (more->label) {
    recalled->label = recalled->label ? chat::Join(*recalled->label, *more->label) : *more->label;
  }
  return recalled;
}

}  // namespace

std::vector<std::string> TextsOf(std::span<const chat::Prompt> prompts) {
  std::vector<std::string> texts;
  for (const chat::Prompt& prompt : prompts) {
    if (!prompt.text.empty()) texts.push_back(prompt.text);
  }
  return texts;
}

Result<Labelled> LabelOf(const Gateway& gateway, const Asked& asked, std::string_view model,
                         std::span<const chat::Message> messages,
                         std::span<const chat::Prompt> prompts, const privacy::Scanned& scanned) {
  std::vector<privacy::Mark> marks;
  privacy::LabelInputs inputs{.floor = asked.principal.label_floor,
                              .asserted = asked.label,
                              .may_assert = asked.principal.may_assert_label,
                              .passages = asked.passages_label,
                              .detected = scanned.label,
                              .findings = scanned.why,
                              .unscanned = scanned.unscanned,
                              .unscanned_at = scanned.unscanned_at,
                              .unreadable = privacy::HasUnread(messages) || HasTokens(prompts)};
  if (gateway.labels != nullptr) {
    auto found = RecallAll(*gateway.labels, asked.principal.tenant, messages, TextsOf(prompts));
    if (!found) return std::unexpected(found.error());
    inputs.recalled = found->label;
    inputs.foreign_assistant = found->foreign_assistant;
    marks = std::move(found->marks);
  }
  const auto ruled = privacy::LabelByRules(gateway.label_rules, asked.principal, model);
  privacy::Labelled joined = privacy::JoinLabels(inputs, ruled, gateway.default_label);
  return Labelled{joined.label, std::move(joined.why), std::move(inputs), std::move(marks)};
}

DecisionRecord RecordOf(const Gateway& gateway, const Asked& asked,
                        const routing::Features& features, const Labelled& labelled,
                        const routing::Decision& decision) {
  DecisionRecord record{.time = gateway.clock.WallNow(),
                        .key_id = asked.principal.key_id,
                        .asked = decision.asked,
                        .policy = gateway.policy ? gateway.policy()->hash : "",
                        .features = features,
                        .label = labelled.inputs,
                        .considered = decision.considered,
                        .explanation = decision.explanation};
  for (const routing::Target& target : decision.eligible) record.order.push_back(target.name);
  return record;
}

std::optional<Unanswered> RecordRefusal(Gateway& gateway, const Asked& asked,
                                        const routing::Features& features, const Labelled& labelled,
                                        routing::Decision refused, const Error& error) {
  // A name that means nothing here is somebody's text.
  if (error.code == Code::kNotFound) return std::nullopt;
  refused.explanation.insert(refused.explanation.begin(), labelled.why.begin(), labelled.why.end());
  DecisionRecord record = RecordOf(gateway, asked, features, labelled, refused);
  record.refused = OutcomeOf(error);
  record.explanation.push_back("refused: " + error.message);
  refused.explanation = record.explanation;
  Unanswered unanswered{.decision_id = gateway.decisions.Add(std::move(record)),
                        .decision = std::move(refused)};
  KeepRecord(gateway, unanswered.decision_id);
  return unanswered;
}

void KeepRecord(Gateway& gateway, const std::string& decision_id) {
  const DecisionRecord* record = gateway.decisions.End(decision_id);
  if (record != nullptr && gateway.history != nullptr) gateway.history->Add(*record);
}

Result<void> MayAskFor(const chat::Principal& principal, std::string_view model) {
  if (auto may = keys::MayName(principal, principal.project); !may) return may;
  if (!principal.grant || principal.grant->models.empty()) return {};
  const auto matches = [model](const std::string& pattern) { return MatchesGlob(pattern, model); };
  if (std::ranges::any_of(principal.grant->models, matches)) return {};
  return Fail(
      Code::kForbidden,
      fmt::format("this API key may ask for {} alone", fmt::join(principal.grant->models, ", ")),
      "model", "model_not_allowed");
}

void AddCaller(const Gateway& gateway, const Asked& asked, routing::Features& features) {
  features.tier_max = asked.tier_max;
  features.project = asked.principal.project;
  features.key = asked.principal.key_name;
  features.tenant = asked.principal.tenant;
  features.user = asked.principal.user;
  if (asked.deadline) {
    features.deadline_ms =
        std::chrono::duration_cast<std::chrono::milliseconds>(*asked.deadline).count();
  }
  features.online = gateway.providers != nullptr && gateway.providers->AnyMayAsk();
}

namespace {

// Providers keep a prefix for some minutes; an engine as long as its model stays loaded, mostly.
constexpr Duration kPrefixAtProvider = std::chrono::minutes(5);

int64_t CachedTokens(const routing::Target& target, const routing::Speed& speed,
                     const AskedAgain::Earlier& earlier) {
  const bool kept = target.beyond ? earlier.age <= kPrefixAtProvider : speed.load_ms == 0;
  const auto found = std::ranges::find(earlier.prefixes, target.name, &Prefix::target);
  return kept && found != earlier.prefixes.end() ? found->tokens : 0;
}

// Filter bits of a target beyond this machine.
uint32_t FailedNow(const backends::ProviderFleet* providers, const routing::Target& target) {
  if (providers == nullptr || !providers->Has(target.name)) return routing::kOffline;
  if (providers->MayAsk(target.name)) return 0;
  return providers->IsRetired(target.name) ? routing::kRetired : routing::kBreakerOpen;
}

}  // namespace

routing::StateOf StateOfTargets(const Gateway& gateway, const AskedAgain::Earlier& earlier) {
  return [&gateway, &earlier](const routing::Target& target) {
    routing::TargetNow now;
    if (target.beyond) {
      now.failed = FailedNow(gateway.providers, target);
      now.speed = gateway.paces.SpeedOf(target);
    } else {
      now.speed = gateway.paces.SpeedOf(target, gateway.engines.ResidenceOf(target.model));
    }
    now.speed.cached_tokens = CachedTokens(target, now.speed, earlier);
    if (gateway.accounts != nullptr) now.prices = gateway.accounts->PricesOf(target);
    return now;
  };
}

bool MayMoveOn(const Error& error) {
  if (error.reason == "budget_refuses") return false;
  return error.code == Code::kBackendFailed || error.code == Code::kUnavailable ||
         error.code == Code::kRateLimited || error.reason == "not_supported_by_target" ||
         error.reason == "budget_needs_price";
}

std::string_view OutcomeOf(const Error& error) {
  return error.reason.empty() ? CodeName(error.code) : std::string_view(error.reason);
}

Error AsTold(Error error) {
  if (error.reason == "budget_refuses") error.reason = "budget_exhausted";
  if (error.code == Code::kBackendFailed && error.reason != "backend_failed") {
    error.message += fmt::format(" ({})", OutcomeOf(error));
    error.reason = "backend_failed";
  }
  return error;
}

Error ReachesNobody() {
  return {Code::kUnavailable, "this server reaches no other machine", "", "door_closed"};
}

}  // namespace weir::gateway

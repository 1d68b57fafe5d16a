#include "policy/simulation.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "dialects/openai/request.h"
#include "json/fields.h"
#include "json/parse.h"
#include "json/writer.h"
#include "ledger/period.h"
#include "privacy/request_texts.h"

namespace weir::policy {
namespace {

constexpr json::Limits kLimits = {.depth = 64, .bytes = Simulation::kLineMax, .values = 1 << 20};
constexpr size_t kWordMax = 256;
constexpr int64_t kAnswerTokensExpected = 512;  // of an answer that may be longer

// What stands beside the body of a request.
struct Beside {
  std::optional<chat::Label> label = {};
  chat::Principal caller = {};
  routing::Tier tier_max = routing::Tier::kCloud;
  WallTime at = {};
};

Beside ReadBeside(json::Fields& fields) {
  Beside beside;
  const auto text = [&](std::string_view key) { return fields.String(key, kWordMax); };
  if (const auto label = text("label")) {
    beside.label = chat::LabelFromName(*label);
    if (!beside.label) fields.Refuse("label", "is no label");
  }
  if (const auto route = text("route")) {
    const auto tier = routing::TierFromName(*route);
    if (!tier) fields.Refuse("route", "is no tier");
    beside.tier_max = tier.value_or(routing::Tier::kDevice);
  }
  beside.caller.key_name = text("key").value_or("");
  beside.caller.tenant = text("tenant").value_or("main");
  beside.caller.project = text("project").value_or("");
  beside.caller.user = text("user").value_or("");
  beside.at = WallTime(std::chrono::seconds(fields.Int("at", 0, int64_t{1} << 40).value_or(0)));
  fields.RefuseUnread();
  return beside;
}

// Nothing was measured: only what the policy declares of its targets says how long they take.
routing::TargetNow IdleAndLoaded(const routing::Target&) {
  return {.speed = {.load_ms = 0, .queue_ms = 0}};
}

}  // namespace

Result<Simulated> Simulation::Decide(std::string_view line) {
  auto document = json::Parse(line, kLimits);
  if (!document) return Fail(document.error());
  json::Problem problem;
  Beside beside;
  json::Object body;
  if (const json::Object* members = document->AsObject()) {
    for (const json::Member& member : *members) {
      if (member.key != "weir") {
        body.push_back(member);
        continue;
      }
      json::Fields fields(problem, member.value, "weir");
      beside = ReadBeside(fields);
    }
  }
  if (problem) return Fail(problem.Take());
  const auto call = openai::ReadChat(json::Print(json::Value(std::move(body))));
  if (!call) return Fail(call.error());
  const chat::GenerateRequest& request = call->request;

  const privacy::Scanned scanned = scanner_.Scan(request);
  const privacy::LabelInputs inputs{.asserted = beside.label,
                                    .detected = scanned.label,
                                    .findings = scanned.why,
                                    .unscanned = scanned.unscanned,
                                    .unscanned_at = scanned.unscanned_at,
                                    .unreadable = privacy::HasUnread(request.messages)};
  const privacy::Labelled labelled = privacy::JoinLabels(
      inputs, privacy::LabelByRules(world_.label_rules, beside.caller, request.model),
      world_.default_label);
  routing::Features features = routing::FeaturesOf(request);
  features.label = labelled.label;
  features.tier_max = beside.tier_max;
  features.project = beside.caller.project;
  features.key = beside.caller.key_name;
  features.tenant = beside.caller.tenant;
  features.user = beside.caller.user;

  Simulated result{.asked = request.model, .label = labelled.label, .explanation = labelled.why};
  auto decision = routing::Decide(world_.policy, request.model, features, IdleAndLoaded);
  if (!decision) {
    result.refused = decision.error().reason;
    result.explanation.push_back("refused: " + decision.error().message);
    return result;
  }
  if (decision->confidence_min) {
    const auto check = routing::Arrange(
        world_.experience, routing::FactsOf(request, !call->stream, world_.experience.predictor),
        [&](const routing::Decision& about) { return MoneyFor(about, features, beside.at); },
        goals_, *decision);
    if (check) result.check = check->checker.name;
    const bool paid =
        decision->goal.cost_per_day_max && decision->chosen().tier == routing::Tier::kCloud;
    if (paid) gone_[decision->asked] = ledger::Add(gone_[decision->asked], expected_);
  }
  result.explanation.insert(result.explanation.end(), decision->explanation.begin(),
                            decision->explanation.end());
  for (const routing::Target& target : decision->eligible) result.order.push_back(target.name);
  result.target = decision->chosen().name;
  result.tier = routing::TierName(decision->chosen().tier);
  return result;
}

routing::MoneyToday Simulation::MoneyFor(const routing::Decision& decision,
                                         const routing::Features& features, WallTime at) {
  const int64_t day = ledger::PeriodOf(ledger::Window::kDay, at);
  if (day != day_) gone_.clear();
  day_ = day;
  expected_ = 0;
  routing::MoneyToday today{.now = at, .gone = gone_[decision.asked]};
  const auto cloud =
      std::ranges::find(decision.eligible, routing::Tier::kCloud, &routing::Target::tier);
  if (cloud == decision.eligible.end()) return today;
  const auto price = world_.prices.find(cloud->name);
  if (price == world_.prices.end() || !decision.goal.cost_per_day_max ||
      price->second.currency != decision.goal.cost_per_day_max->currency) {
    return today;
  }
  const int64_t answer = features.answer_tokens > 0
                             ? std::min(features.answer_tokens, kAnswerTokensExpected)
                             : kAnswerTokensExpected;
  today.expected = ledger::CostOf(
      price->second, {.prompt_tokens = features.prompt_bytes / routing::kBytesPerTokenGuess,
                      .completion_tokens = answer});
  today.most = today.expected;
  expected_ = today.expected.value_or(0);
  return today;
}

std::string SimulatedJson(const Simulated& simulated, size_t line) {
  std::string text;
  json::Writer writer(&text);
  const auto list = [&writer](std::string_view key, const std::vector<std::string>& lines) {
    writer.Key(key).BeginArray();
    for (const std::string& each : lines) writer.String(each);
    writer.EndArray();
  };
  writer.BeginObject()
      .Field("line", line)
      .Field("asked", simulated.asked)
      .Field("label", chat::LabelName(simulated.label));
  if (simulated.target.empty()) {
    writer.Field("refused", simulated.refused);
  } else {
    writer.Field("target", simulated.target).Field("tier", simulated.tier);
  }
  if (!simulated.check.empty()) writer.Field("check", simulated.check);
  list("order", simulated.order);
  list("explanation", simulated.explanation);
  writer.EndObject();
  return text;
}

}  // namespace weir::policy

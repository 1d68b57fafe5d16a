// policy check, prove and show: what the configuration lets out, and the proof that no label gets
// too far.
#include <fmt/format.h>

#include <functional>

#include "cli/exit_code.h"
#include "cli/options.h"
#include "cli/settings.h"
#include "cli/table.h"
#include "json/writer.h"
#include "ledger/from_settings.h"
#include "policy/unknown_names.h"
#include "privacy/detectors_from_settings.h"
#include "routing/from_settings.h"
#include "routing/policy_prove.h"

namespace weir::cli {
namespace {

bool IsComplete(const routing::PolicyProof& proof) {
  return proof.decisions < routing::kProofDecisionsMax;
}

void PrintCheckJson(const routing::PolicyProof& proof) {
  std::string text;
  json::Writer writer(&text);
  writer.BeginObject()
      .Field("good", proof.problems.empty())
      .Field("decisions", proof.decisions)
      .Field("complete", IsComplete(proof))
      .Key("problems")
      .BeginArray();
  for (const routing::PolicyProblem& problem : proof.problems) {
    writer.BeginObject()
        .Field("line", static_cast<int64_t>(problem.line))
        .Field("path", problem.path)
        .EndObject();
  }
  writer.EndArray().EndObject();
  fmt::print("{}\n", text);
}

void WriteWords(json::Writer& writer, std::string_view key, const std::vector<std::string>& words) {
  writer.Key(key).BeginArray();
  for (const std::string& word : words) writer.String(word);
  writer.EndArray();
}

void PrintPolicyJson(const routing::Policy& policy, std::string_view default_label) {
  std::string text;
  json::Writer writer(&text);
  writer.BeginObject().Field("default_label", default_label).Key("targets").BeginArray();
  for (const routing::Target& target : policy.targets) {
    writer.BeginObject()
        .Field("name", target.name)
        .Field("backend", target.backend)
        .Field("tier", routing::TierName(target.tier))
        .Field("ceiling", chat::LabelName(target.ceiling))
        .Field("region", target.region)
        .EndObject();
  }
  writer.EndArray().Key("routes").BeginArray();
  for (const routing::VirtualModel& model : policy.virtuals) {
    writer.BeginObject().Field("name", model.name);
    WriteWords(writer, "targets", model.targets);
    writer.EndObject();
  }
  writer.EndArray().Key("rules").BeginArray();
  for (const routing::Rule& rule : policy.rules) {
    writer.BeginObject().Field("line", static_cast<int64_t>(rule.line));
    WriteWords(writer, "use", rule.use);
    WriteWords(writer, "regions", rule.regions);
    writer.EndObject();
  }
  writer.EndArray().EndObject();
  fmt::print("{}\n", text);
}

void PrintPolicy(const routing::Policy& policy, std::string_view default_label) {
  Table targets({"TARGET", "BACKEND", "TIER", "CEILING", "REGION"});
  for (const routing::Target& target : policy.targets) {
    targets.Add({target.name, target.backend, std::string(routing::TierName(target.tier)),
                 std::string(chat::LabelName(target.ceiling)),
                 target.region.empty() ? "-" : target.region});
  }
  fmt::print("{}", targets.Text());
  for (const routing::VirtualModel& model : policy.virtuals) {
    fmt::print("route {}: {}\n", model.name, fmt::join(model.targets, ", "));
  }
  for (const routing::Rule& rule : policy.rules) {
    fmt::print("rule in line {}:{}{}{}{}\n", rule.line, rule.use.empty() ? "" : " use ",
               fmt::join(rule.use, ", "), rule.regions.empty() ? "" : " regions ",
               fmt::join(rule.regions, ", "));
  }
  fmt::print("default label: {}\n", default_label);
}

void WriteReached(json::Writer& writer, std::string_view key,
                  const std::vector<routing::Reached>& all) {
  writer.Key(key).BeginArray();
  for (const routing::Reached& one : all) {
    writer.BeginObject().Field("target", one.target).Field("ceiling", chat::LabelName(one.ceiling));
    writer.Field("region", one.region);
    if (!one.way.empty()) writer.Field("way", one.way);
    writer.EndObject();
  }
  writer.EndArray();
}

void PrintProofJson(const routing::ReachProof& proof, const std::vector<std::string>& problems) {
  std::string text;
  json::Writer writer(&text);
  writer.BeginObject()
      .Field("proved", proof.proved() && problems.empty())
      .Field("decisions", proof.decisions)
      .Field("complete", proof.complete)
      .Key("labels")
      .BeginArray();
  for (const routing::Reach& reach : proof.labels) {
    writer.BeginObject().Field("label", chat::LabelName(reach.label));
    WriteReached(writer, "reaches", reach.reached);
    WriteReached(writer, "never", reach.never);
    writer.EndObject();
  }
  writer.EndArray().Key("regions").BeginArray();
  for (const routing::RegionReach& reach : proof.regions) {
    writer.BeginObject().Field("line", static_cast<int64_t>(reach.line));
    WriteWords(writer, "regions", reach.regions);
    WriteReached(writer, "reaches", reach.reached);
    WriteReached(writer, "never", reach.never);
    writer.EndObject();
  }
  writer.EndArray();
  WriteWords(writer, "counterexamples", problems);
  writer.EndObject();
  fmt::print("{}\n", text);
}

// "fast, big (ceiling internal)"; `about` says what a name has behind it.
std::string NamesOf(const std::vector<routing::Reached>& all,
                    const std::function<std::string(const routing::Reached&)>& about) {
  std::string text;
  for (const routing::Reached& one : all) {
    text += (text.empty() ? "" : ", ") + one.target + about(one);
  }
  return text.empty() ? std::string("-") : text;
}

void PrintProof(const routing::ReachProof& proof) {
  const auto nothing = [](const routing::Reached&) { return std::string(); };
  const auto ceiling = [](const routing::Reached& one) {
    return fmt::format(" (ceiling {})", chat::LabelName(one.ceiling));
  };
  const auto region = [](const routing::Reached& one) { return fmt::format(" ({})", one.region); };
  Table table({"LABEL", "MAY REACH", "NEVER"});
  for (const routing::Reach& reach : proof.labels) {
    table.Add({std::string(chat::LabelName(reach.label)), NamesOf(reach.reached, nothing),
               NamesOf(reach.never, ceiling)});
  }
  fmt::print("{}", table.Text());
  if (proof.regions.empty()) return;
  Table rules({"RULE", "REGIONS", "MAY REACH", "NEVER"});
  for (const routing::RegionReach& reach : proof.regions) {
    rules.Add({fmt::format("line {}", reach.line),
               fmt::format("{}", fmt::join(reach.regions, ", ")), NamesOf(reach.reached, region),
               NamesOf(reach.never, region)});
  }
  fmt::print("{}", rules.Text());
}

}  // namespace

int ProvePolicy(const Common& common, const std::vector<std::string>& words) {
  const auto settings = LoadFor(words);
  if (!settings) return ReportProblems(settings.error());
  const routing::Policy policy = routing::PolicyOf(*settings);
  const routing::ReachProof proof = routing::Prove(policy);
  // What a rule means to send above a ceiling is a counterexample to what its author believes,
  // although the decision would refuse it.
  std::vector<std::string> problems = proof.violations;
  for (const auto& problem : routing::CheckPolicy(policy, routing::FloorsOf(*settings)).problems) {
    problems.push_back(problem.path);
  }
  if (common.json) {
    PrintProofJson(proof, problems);
  } else {
    PrintProof(proof);
  }
  for (const std::string& problem : problems) {
    fmt::print(stderr, "weir: counterexample: {}; raise the ceiling, or change the rule\n",
               problem);
  }
  if (!problems.empty()) return static_cast<int>(Exit::kRefusedByPolicy);
  if (!proof.complete) {
    fmt::print(
        stderr,
        "weir: not proved: there are more than {} decisions to try; use fewer names or rules\n",
        routing::kReachDecisionsMax);
    return static_cast<int>(Exit::kFailed);
  }
  if (!common.json) {
    fmt::print(
        "proved: no label reaches a target above its ceiling ({} labels, {} targets, {} rules; all "
        "{} decisions that differ)\n",
        proof.labels.size(), policy.targets.size(), policy.rules.size(), proof.decisions);
  }
  if (!common.json && !proof.regions.empty()) {
    fmt::print(
        "proved: no request that a rule keeps in regions reaches a target elsewhere ({})\n",
        proof.regions.size() == 1 ? "1 rule" : fmt::format("{} rules", proof.regions.size()));
  }
  return static_cast<int>(Exit::kGood);
}

int CheckPolicy(const Common& common, const std::vector<std::string>& words) {
  const auto settings = LoadFor(words);
  if (!settings) return ReportProblems(settings.error());
  for (const std::string& problem : privacy::DetectorProblems(*settings)) {
    fmt::print(stderr, "weir: {}\n", problem);
    return static_cast<int>(Exit::kFailed);
  }
  const routing::PolicyProof proof =
      routing::CheckPolicy(routing::PolicyOf(*settings), routing::FloorsOf(*settings));
  if (common.json) {
    PrintCheckJson(proof);
  } else if (proof.problems.empty()) {
    fmt::print("good: no label reaches a target above its ceiling ({} decisions tried{})\n",
               proof.decisions, IsComplete(proof) ? "" : ", not all there are");
  }
  for (const routing::PolicyProblem& problem : proof.problems) {
    fmt::print(stderr, "weir: {}:{}: {}; raise the ceiling, or change the rule\n", settings->file,
               problem.line, problem.path);
  }
  if (!proof.problems.empty()) return static_cast<int>(Exit::kRefusedByPolicy);
  for (const std::string& line : routing::WithoutEffect(*settings)) {
    fmt::print(stderr, "weir: {}\n", line);
  }
  for (const std::string& line : policy::UnknownNames(*settings)) {
    fmt::print(stderr, "weir: {}\n", line);
  }
  if (const auto check = routing::DraftCheckOf(*settings); !check) return Report(check.error());
  const auto prices = ledger::PricesOf(*settings);
  if (!prices) return Report(prices.error());
  for (const std::string& line : ledger::MoneyNotes(*settings, *prices)) {
    fmt::print(stderr, "weir: {}\n", line);
  }
  return static_cast<int>(Exit::kGood);
}

int ShowPolicy(const Common& common, const std::vector<std::string>& words) {
  const auto settings = LoadFor(words);
  if (!settings) return ReportProblems(settings.error());
  const routing::Policy policy = routing::PolicyOf(*settings);
  const std::string_view fallback = chat::LabelName(*settings->default_label);
  if (common.json) {
    PrintPolicyJson(policy, fallback);
  } else {
    PrintPolicy(policy, fallback);
  }
  return 0;
}

}  // namespace weir::cli

// route explain, replay, simulate, learn and vote: what was decided, what another policy would have
// decided, and what is learnt from it. Explain, learn and vote ask the running server; replay and
// simulate read the data folder and the configuration by themselves.
#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>

#include "base/terminal_text.h"
#include "cli/document.h"
#include "cli/exit_code.h"
#include "cli/options.h"
#include "cli/settings.h"
#include "cli/since.h"
#include "cli/table.h"
#include "cli/url_path.h"
#include "history/learned_file.h"
#include "history/replay.h"
#include "history/shelf.h"
#include "json/writer.h"
#include "ledger/from_settings.h"
#include "policy/simulation.h"
#include "policy/whole_policy.h"
#include "privacy/detectors_from_settings.h"

namespace weir::cli {
namespace {

const json::Value& Nested(const json::Value& value, std::string_view key) {
  static const json::Value kNothing;
  const json::Value* found = value.Find(key);
  return found == nullptr ? kNothing : *found;
}

// A policy as a configuration file describes it, over the models of the store.
class Proposal {
 public:
  // Tells on stderr what is wrong; null then.
  static std::unique_ptr<Proposal> Load(const Common& common, const std::string& file) {
    std::vector<std::string> words = {"data", common.folders.data, "models", common.folders.models};
    const std::string& config = file.empty() ? common.config : file;
    if (!config.empty()) words.insert(words.end(), {"config", config});
    auto settings = LoadFor(words);
    if (!settings) {
      ReportProblems(settings.error());
      return nullptr;
    }
    auto problems = routing::PolicyProblems(*settings);
    for (std::string& problem : privacy::DetectorProblems(*settings)) {
      problems.push_back(std::move(problem));
    }
    for (const std::string& problem : problems) fmt::print(stderr, "weir: {}\n", problem);
    if (!problems.empty()) return nullptr;
    auto prices = ledger::PricesOf(*settings);
    if (!prices) {
      Report(prices.error());
      return nullptr;
    }
    return std::unique_ptr<Proposal>(new Proposal(common, std::move(*settings), *prices));
  }

  const config::Settings& settings() const { return settings_; }
  history::Candidate candidate() const {
    return {.policy = whole_.policy,
            .label_rules = label_rules_,
            .default_label = *settings_.default_label,
            .experience = experience_,
            .prices = prices_};
  }
  policy::Simulation::World world() const {
    return {.policy = whole_.policy,
            .label_rules = label_rules_,
            .default_label = *settings_.default_label,
            .experience = experience_,
            .prices = prices_};
  }
  const std::string& hash() const { return whole_.policy.hash; }

 private:
  Proposal(const Common& common, config::Settings settings, const ledger::PriceList& prices)
      : settings_(std::move(settings)),
        store_(common.folders.models),
        whole_(policy::WholePolicy(settings_, store_.List(), models::Catalogue::BuiltIn(),
                                   [this](const models::Manifest& manifest) {
                                     return policy::FactsByFile(store_, manifest).use;
                                   })),
        label_rules_(policy::LabelRulesOf(settings_)),
        prices_(policy::TargetPricesOf(settings_, prices)),
        chosen_(routing::PredictorOf(settings_)),
        draft_check_(routing::DraftCheckOf(settings_).value()),  // PolicyProblems has read it
        refit_(history::ReadLearned(common.folders.data).value_or(routing::Refit())) {}

  const config::Settings settings_;
  const models::Store store_;
  const policy::Whole whole_;
  const std::vector<privacy::LabelRule> label_rules_;
  const std::map<std::string, ledger::Price> prices_;
  const routing::ChosenPredictor chosen_;
  const routing::DraftCheck draft_check_;
  const routing::Refit refit_;
  const routing::Experience experience_{
      .predictor = chosen_.predictor, .draft_check = draft_check_, .refit = refit_};
};

// Who names no policy means the one in force; what the surroundings of this command say may be
// another.
void WarnOfAnotherPolicy(ServerLink& link, const Common& common, const RouteOptions& options,
                         const std::string& hash) {
  if (!options.policy.empty() || !common.config.empty()) return;
  const auto in_force = link.Get("/weir/v1/policy");
  if (!in_force || TextAt(*in_force, "hash") == hash) return;
  fmt::print(stderr,
             "weir: the running server has another policy in force than the one found from here; "
             "--policy names the file that is meant\n");
}

std::string MoneyLine(const history::Money& money, int64_t unpriced, int64_t estimated) {
  std::string text;
  for (const auto& [currency, total] : money) {
    text += fmt::format("{}{} {}", text.empty() ? "" : " + ", total.Text(), currency);
  }
  if (text.empty()) text = "nothing";
  if (unpriced > 0) text += fmt::format(", {} unpriced", unpriced);
  if (estimated > 0) text += fmt::format(", {} by guessed tokens", estimated);
  return text;
}

std::string ShareLine(const history::Side& side) {
  const int64_t answered = side.cloud + side.edge + side.device;
  if (answered == 0) return "-";
  return fmt::format("{:.1f} %",
                     100.0 * static_cast<double>(side.cloud) / static_cast<double>(answered));
}

void PrintReplay(const history::ReplayReport& report, bool same_policy) {
  fmt::print("{} decisions, {} would have been others{}\n", report.decisions, report.changed,
             same_policy ? "" : " under this policy");
  Table table({"", "before", "after"});
  const auto row = [&](std::string name, auto value) {
    table.Add({std::move(name), fmt::format("{}", value(report.before)),
               fmt::format("{}", value(report.after))});
  };
  row("on this machine", [](const auto& side) { return side.device; });
  row("at the edge", [](const auto& side) { return side.edge; });
  row("in the cloud", [](const auto& side) { return side.cloud; });
  row("share of the cloud", [](const auto& side) { return ShareLine(side); });
  row("refused", [](const auto& side) { return side.refused; });
  row("without an answer", [](const auto& side) { return side.unanswered; });
  row("cost", [](const auto& side) { return MoneyLine(side.cost, side.unpriced, side.estimated); });
  if (report.before.energy_mj > 0 || report.after.energy_mj > 0) {
    row("energy here, expected",
        [](const auto& side) { return fmt::format("{} J", side.energy_mj / 1'000); });
  }
  fmt::print("{}", table.Text());
  for (const auto& [move, count] : report.moves) {
    fmt::print("{} -> {}: {}\n", move.first, move.second, count);
  }
  for (const auto& [change, count] : report.labels) {
    fmt::print("label {} -> {}: {}\n", change.first, change.second, count);
  }
  if (report.checks > 0) {
    fmt::print(
        "{} drafts would be checked; how {} of them end is not known, their drafts count as "
        "served\n",
        report.checks, report.checks_unknown);
  }
}

void PrintExplained(const json::Value& decision) {
  fmt::print("{} asked for '{}', label {}\n", TextAt(decision, "id"),
             OneLine(TextAt(decision, "asked")), TextAt(decision, "label"));
  const auto lines = [&](std::string_view key, std::string_view before) {
    for (const json::Value& line : ListAt(decision, key)) {
      if (line.AsString() != nullptr) fmt::print("  {}{}\n", before, OneLine(*line.AsString()));
    }
  };
  lines("explanation", "");
  lines("notes", "tried: ");
  for (const json::Value& attempt : ListAt(decision, "attempts")) {
    fmt::print("  attempt: {} -> {}\n", TextAt(attempt, "target"), TextAt(attempt, "outcome"));
  }
  const json::Value& served = Nested(decision, "served");
  if (!served.is_null()) {
    const json::Value& cost = Nested(served, "cost");
    fmt::print("  served: {} ({}), {:.0f} ms, {:.0f} tokens in and {:.0f} out, cost {}\n",
               TextAt(served, "target"), TextAt(served, "tier"), NumberAt(served, "took_ms"),
               NumberAt(served, "prompt_tokens"), NumberAt(served, "completion_tokens"),
               cost.AsString() != nullptr ? *cost.AsString() + " " + TextAt(served, "currency")
               : TextAt(served, "tier") == "cloud" ? "unpriced"
                                                   : "none");
  }
  const json::Value& prompt = Nested(decision, "prompt");
  if (!prompt.is_null()) {
    fmt::print(
        "  prompt: a {} task, predicted right {:.2f} below the cloud, {:.2f} to gain in it\n",
        TextAt(prompt, "kind"), NumberAt(prompt, "small_right") / 10'000,
        NumberAt(prompt, "gain") / 10'000);
  }
  const json::Value* right = decision.Find("was_right");
  if (right != nullptr) {
    fmt::print("  its user found it {} ({})\n", FlagAt(decision, "was_right") ? "right" : "wrong",
               Nested(decision, "vote").is_null() ? "by what was asked next" : "voted");
  }
  const std::string then = TextAt(decision, "policy");
  fmt::print("  policy {}{}\n", then,
             then == TextAt(decision, "policy_now") ? "" : ", which is no longer in force");
}

}  // namespace

int ExplainDecision(const Common& common, const std::string& id) {
  auto link = ServerLink::Find(common.folders);
  if (!link) return Report(NoServer());
  const auto decision = link->Get("/weir/v1/decisions/" + PathPiece(id));
  if (!decision) return Report(decision.error());
  if (common.json) {
    fmt::print("{}\n", json::Print(*decision));
  } else {
    PrintExplained(*decision);
  }
  return 0;
}

int ReplayDecisions(const Common& common, const RouteOptions& options) {
  const auto since = SinceOf(options.since);
  if (!since) return static_cast<int>(Exit::kUsage);
  const auto proposal = Proposal::Load(common, options.policy);
  if (proposal == nullptr) return static_cast<int>(Exit::kFailed);
  if (auto link = ServerLink::Find(common.folders)) {
    WarnOfAnotherPolicy(*link, common, options, proposal->hash());
    // The server writes with a little delay; an id that nobody has is looked for behind everything
    // that waits to be written.
    (void)link->Get("/weir/v1/decisions/none");
  }
  auto shelf = history::Shelf::OpenToRead(common.folders.data);
  if (!shelf) return Report(shelf.error());
  const history::Candidate candidate = proposal->candidate();
  history::Replay replay(candidate);
  const auto unread = shelf->Each(*since, [&](const history::Record& record) {
    replay.Take(record);
    return true;
  });
  if (!unread) return Report(unread.error());
  if (*unread > 0) fmt::print(stderr, "weir: {} decisions cannot be read\n", *unread);
  if (common.json) {
    fmt::print("{}\n", history::ReplayJson(replay.report()));
  } else {
    const auto& policies = replay.report().policies;
    PrintReplay(replay.report(), policies.size() == 1 && policies.contains(proposal->hash()));
  }
  return 0;
}

int SimulateRequests(const Common& common, const RouteOptions& options) {
  const auto proposal = Proposal::Load(common, options.policy);
  if (proposal == nullptr) return static_cast<int>(Exit::kFailed);
  const auto detector = privacy::DetectorOf(proposal->settings());
  if (!detector) {
    fmt::print(stderr, "weir: {}\n", detector.error());
    return static_cast<int>(Exit::kFailed);
  }
  std::ifstream file;
  std::error_code error;
  if (std::filesystem::is_directory(options.file, error)) {
    return Report({Code::kInvalidArgument, fmt::format("{} is a folder", options.file), "file"});
  }
  if (options.file != "-") file.open(options.file, std::ios::binary);
  std::istream& in = options.file == "-" ? std::cin : file;
  if (!in) {
    return Report({Code::kNotFound, fmt::format("{} cannot be read", options.file), "file"});
  }
  if (auto link = ServerLink::Find(common.folders)) {
    WarnOfAnotherPolicy(*link, common, options, proposal->hash());
  }
  const policy::Simulation::World world = proposal->world();
  policy::Simulation simulation(world, *detector);
  std::map<std::string, int64_t> counts;
  int64_t bad = 0;
  std::string line;
  for (size_t number = 1; std::getline(in, line); ++number) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    const auto simulated = simulation.Decide(line);
    if (!simulated) {
      ++bad;
      fmt::print(stderr, "weir: line {}: {}\n", number, simulated.error().message);
      continue;
    }
    ++counts[simulated->target.empty()
                 ? "(refused: " + simulated->refused + ")"
                 : fmt::format("{} ({})", simulated->target, simulated->tier)];
    if (common.json) {
      fmt::print("{}\n", policy::SimulatedJson(*simulated, number));
    } else {
      fmt::print("{}: '{}', label {} -> {}\n", number, simulated->asked,
                 chat::LabelName(simulated->label),
                 simulated->target.empty() ? "refused, " + simulated->refused : simulated->target);
    }
  }
  if (!common.json) {
    for (const auto& [target, count] : counts) fmt::print("{:>8}  {}\n", count, target);
  }
  return static_cast<int>(bad == 0 ? Exit::kGood : Exit::kFailed);
}

int LearnFromOutcomes(const Common& common) {
  auto link = ServerLink::Find(common.folders);
  if (!link) return Report(NoServer());
  const auto learned = link->Post("/weir/v1/policy/learn", json::Value(json::Object{}));
  if (!learned) return Report(learned.error());
  if (common.json) {
    fmt::print("{}\n", json::Print(*learned));
  } else {
    fmt::print("{:.0f} outcomes, {:.0f} of them right\n{}\nneighbours: {}\n",
               NumberAt(*learned, "outcomes"), NumberAt(*learned, "right"), TextAt(*learned, "why"),
               TextAt(Nested(*learned, "neighbours"), "why"));
  }
  return 0;
}

int VoteOnDecision(const Common& common, const RouteOptions& options) {
  auto link = ServerLink::Find(common.folders);
  if (!link) return Report(NoServer());
  const json::Value vote = options.vote == "none" ? json::Value() : json::Value(options.vote);
  const auto voted = link->Post("/weir/v1/decisions/" + PathPiece(options.id) + "/vote",
                                json::Value(json::Object{{"vote", vote}}));
  if (!voted) return Report(voted.error());
  if (common.json) fmt::print("{}\n", json::Print(*voted));
  return 0;
}

}  // namespace weir::cli

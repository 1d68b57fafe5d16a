#include "history/replay.h"

#include <algorithm>

#include "json/writer.h"
#include "ledger/period.h"

namespace weir::history {
namespace {

constexpr uint32_t kStateBits = routing::kOffline | routing::kBreakerOpen | routing::kRetired;
constexpr int64_t kAnswerTokensUnknown = routing::kAnswerTokensGuess;
constexpr std::string_view kRefused = "(refused)";

// How a target was doing then.
routing::TargetNow StateThen(const Record& record, const routing::Target& target) {
  const auto found =
      std::ranges::find(record.considered, target.name, &routing::Considered::target);
  if (found == record.considered.end()) return {};
  return {.failed = found->failed & kStateBits, .speed = found->speed};
}

chat::Principal CallerOf(const Record& record) {
  return {.key_id = record.key_id,
          .key_name = record.features.key,
          .tenant = record.features.tenant,
          .project = record.features.project,
          .user = record.features.user};
}

struct Tokens {
  int64_t prompt = 0;
  int64_t cached = 0;
  int64_t completion = 0;
  bool guessed = false;
};

Tokens TokensOf(const Record& record) {
  Tokens tokens;
  const chat::Usage usage = record.served ? record.served->usage : chat::Usage();
  tokens.guessed = !usage.prompt_tokens || !usage.completion_tokens;
  tokens.prompt =
      usage.prompt_tokens.value_or(record.features.prompt_bytes / routing::kBytesPerTokenGuess);
  tokens.cached = usage.cached_tokens.value_or(0);
  tokens.completion = usage.completion_tokens.value_or(
      record.features.answer_tokens > 0
          ? std::min(record.features.answer_tokens, kAnswerTokensUnknown)
          : kAnswerTokensUnknown);
  return tokens;
}

void AppendMoney(json::Writer& writer, std::string_view key, const Money& money) {
  writer.Key(key).BeginObject();
  for (const auto& [currency, total] : money) writer.Field(currency, total.Text());
  writer.EndObject();
}

void AppendSide(json::Writer& writer, std::string_view key, const Side& side) {
  const int64_t answered = side.cloud + side.edge + side.device;
  writer.Key(key)
      .BeginObject()
      .Field("refused", side.refused)
      .Field("unanswered", side.unanswered)
      .Field("device", side.device)
      .Field("edge", side.edge)
      .Field("cloud", side.cloud);
  writer.Key("cloud_share");
  if (answered > 0) {
    writer.Double(static_cast<double>(side.cloud) / static_cast<double>(answered));
  } else {
    writer.Null();
  }
  AppendMoney(writer, "cost", side.cost);
  writer.Field("unpriced", side.unpriced)
      .Field("estimated", side.estimated)
      .Field("energy_joules", static_cast<double>(side.energy_mj) / 1e3)
      .EndObject();
}

void AppendPairs(json::Writer& writer, std::string_view key,
                 const std::map<std::pair<std::string, std::string>, int64_t>& pairs) {
  writer.Key(key).BeginArray();
  for (const auto& [pair, count] : pairs) {
    writer.BeginObject()
        .Field("from", pair.first)
        .Field("to", pair.second)
        .Field("count", count)
        .EndObject();
  }
  writer.EndArray();
}

}  // namespace

Replay::Answered Replay::Decide(const Record& record) {
  Answered answered;
  routing::Features features = record.features;
  const auto ruled = privacy::LabelByRules(candidate_.label_rules, CallerOf(record), record.asked);
  answered.label = privacy::JoinLabels(record.label, ruled, candidate_.default_label).label;
  features.label = answered.label;
  auto decision = routing::Decide(
      candidate_.policy, record.asked, features, [&](const routing::Target& target) {
        routing::TargetNow now = StateThen(record, target);
        const auto price = candidate_.prices.find(target.name);
        if (price != candidate_.prices.end()) {
          const ledger::Price& row = price->second;
          now.prices = {row.input, row.cached_input, row.output, row.currency};
        }
        return now;
      });
  if (!decision) return answered;
  answered.decision = std::move(*decision);
  routing::Decision& made = answered.decision;
  std::optional<routing::CheckPlan> check;
  if (record.facts && made.confidence_min) {
    check = routing::Arrange(
        candidate_.experience, *record.facts,
        [&](const routing::Decision& about) { return MoneyFor(record, about); }, goals_, made);
  }
  answered.target = &made.eligible[PlaceOf(record, made, check)];
  return answered;
}

namespace {

// By which what was found in the draft of then is judged; null: it is not known what the gate of
// this plan would have found.
const std::vector<routing::CalibrationPoint>* PointsOf(const Record& record,
                                                       const routing::Decision& decision,
                                                       const routing::CheckPlan& plan) {
  const bool known = record.checked && record.checked->gate == plan.gate &&
                     record.checked->draft_model == decision.chosen().model &&
                     record.checked->checker_model == plan.checker.model;
  if (!known) return nullptr;
  if (!record.checked->own) return &plan.calibration->points;
  for (const routing::Gate& gate : plan.calibration->gates) {
    if (std::cmp_equal(gate.after_tokens, record.checked->own->after_tokens) &&
        gate.signal == record.checked->own->signal) {
      return &gate.points;
    }
  }
  return nullptr;
}

// Whether the same targets are to be asked in the same order.
bool AsThen(const Record& record, const routing::Decision& decision) {
  const auto same = [](const routing::Target& now, const std::string& then) {
    return now.name == then;
  };
  return std::ranges::equal(decision.eligible, record.order, same);
}

enum class Ended : uint8_t { kServed, kRefused, kUnanswered };

Ended EndOf(const Record& record) {
  if (record.served) return Ended::kServed;
  if (record.order.empty()) return Ended::kRefused;
  const bool too_dear =
      !record.attempts.empty() && record.attempts.back().outcome.starts_with("budget_");
  return too_dear ? Ended::kRefused : Ended::kUnanswered;
}

}  // namespace

// Who of them answers. In the order of then it went as it did then, unless a check that was made
// then ends otherwise now.
size_t Replay::PlaceOf(const Record& record, const routing::Decision& decision,
                       const std::optional<routing::CheckPlan>& check) {
  const bool as_then = AsThen(record, decision);
  if (check) {
    ++report_.checks;
    const auto* points = PointsOf(record, decision, *check);
    if (points != nullptr) {
      const routing::Verdict verdict =
          routing::Judge(*points, record.checked->at_milli, check->confidence_min);
      const bool ends_as_then = verdict.accepted == record.checked->accepted;
      if (!as_then || !ends_as_then) return verdict.accepted ? 0 : 1;
    } else {
      ++report_.checks_unknown;
    }
  }
  if (!as_then || !record.served) return 0;
  const auto served =
      std::ranges::find(decision.eligible, record.served->target, &routing::Target::name);
  return served == decision.eligible.end()
             ? 0
             : static_cast<size_t>(served - decision.eligible.begin());
}

routing::MoneyToday Replay::MoneyFor(const Record& record, const routing::Decision& decision) {
  routing::MoneyToday today{.now = record.time, .gone = gone_[record.asked]};
  for (const routing::Target& target : decision.eligible) {
    if (target.tier != routing::Tier::kCloud) continue;
    const auto price = candidate_.prices.find(target.name);
    if (price == candidate_.prices.end() || !decision.goal.cost_per_day_max ||
        price->second.currency != decision.goal.cost_per_day_max->currency) {
      break;
    }
    bool estimated = false;
    today.expected = CostOf(record, target, estimated);
    today.most = today.expected;
    break;
  }
  return today;
}

void Replay::Count(Side& side, routing::Tier tier) {
  ++(tier == routing::Tier::kCloud  ? side.cloud
     : tier == routing::Tier::kEdge ? side.edge
                                    : side.device);
}

// Whether somebody else computed it. The tier has to tell of a target that is no longer there.
bool Replay::IsBeyond(const Served& served) const {
  const auto& targets = candidate_.policy.targets;
  const auto found = std::ranges::find(targets, served.target, &routing::Target::name);
  return found != targets.end() ? found->beyond : served.tier != routing::Tier::kDevice;
}

std::optional<ledger::Pico> Replay::CostOf(const Record& record, const routing::Target& target,
                                           bool& estimated) const {
  const auto price = candidate_.prices.find(target.name);
  if (price == candidate_.prices.end()) return std::nullopt;
  const Tokens tokens = TokensOf(record);
  estimated = tokens.guessed;
  // What another target has in its cache is not known: nothing counts as cached.
  return ledger::CostOf(price->second,
                        {.prompt_tokens = tokens.prompt,
                         .completion_tokens = tokens.completion,
                         .sound_s = record.served ? record.served->usage.sound_s : std::nullopt});
}

void Replay::Pay(const Record& record, const Answered& answered) {
  const routing::Target& target = *answered.target;
  const auto price = candidate_.prices.find(target.name);
  const bool priced = price != candidate_.prices.end();
  std::optional<ledger::Pico> cost;
  bool estimated = false;
  const bool same = record.served && record.served->target == target.name && record.served->cost &&
                    priced && record.served->currency == price->second.currency;
  if (same) {
    cost = record.served->cost;
  } else {
    cost = CostOf(record, target, estimated);
  }
  report_.after.estimated += estimated ? 1 : 0;
  if (cost) {
    report_.after.cost[price->second.currency].Add(*cost);
    if (answered.decision.goal.cost_per_day_max && target.tier == routing::Tier::kCloud) {
      ledger::Pico& gone = gone_[record.asked];
      gone = ledger::Add(gone, *cost);
    }
  } else if (target.beyond) {
    ++report_.after.unpriced;
  }
  report_.after.energy_mj =
      ledger::Add(report_.after.energy_mj, answered.decision.Of(target).energy_mj.value_or(0));
}

void Replay::Take(const Record& record) {
  const int64_t day = ledger::PeriodOf(ledger::Window::kDay, record.time);
  if (day != day_) gone_.clear();
  day_ = day;
  ++report_.decisions;
  ++report_.policies[record.policy];

  const Ended ended = EndOf(record);
  const std::string from = record.served              ? record.served->target
                           : ended == Ended::kRefused ? ""
                                                      : record.order.front();
  const auto* served = record.served ? &*record.served : nullptr;
  if (served != nullptr) {
    Count(report_.before, served->tier);
    const auto then =
        std::ranges::find(record.considered, served->target, &routing::Considered::target);
    if (then != record.considered.end()) {
      report_.before.energy_mj = ledger::Add(report_.before.energy_mj, then->energy_mj.value_or(0));
    }
    if (served->cost && !served->currency.empty()) {
      report_.before.cost[served->currency].Add(*served->cost);
    } else if (IsBeyond(*served)) {
      ++report_.before.unpriced;
    }
  } else {
    ++(ended == Ended::kRefused ? report_.before.refused : report_.before.unanswered);
  }

  const Answered answered = Decide(record);
  if (answered.label != record.features.label) {
    ++report_.labels_changed;
    ++report_.labels[{std::string(chat::LabelName(record.features.label)),
                      std::string(chat::LabelName(answered.label))}];
  }
  // The same would be asked, and nobody could pay it.
  const bool too_dear = ended == Ended::kRefused && !record.order.empty() &&
                        answered.target != nullptr && AsThen(record, answered.decision);
  const routing::Target* target = too_dear ? nullptr : answered.target;
  const std::string to = target == nullptr ? "" : target->name;
  if (target == nullptr) {
    ++report_.after.refused;
  } else if (ended == Ended::kUnanswered) {
    ++report_.after.unanswered;
  } else {
    Count(report_.after, target->tier);
    Pay(record, answered);
  }
  if (from == to) return;
  ++report_.changed;
  const auto name = [](const std::string& target) {
    return target.empty() ? std::string(kRefused) : target;
  };
  ++report_.moves[{name(from), name(to)}];
  if (report_.changes.size() < ReplayReport::kChangesMax) {
    report_.changes.push_back({record.id, name(from), name(to)});
  }
}

std::string ReplayJson(const ReplayReport& report) {
  std::string text;
  json::Writer writer(&text);
  writer.BeginObject()
      .Field("decisions", report.decisions)
      .Field("changed", report.changed)
      .Field("labels_changed", report.labels_changed)
      .Field("checks", report.checks)
      .Field("checks_unknown", report.checks_unknown);
  AppendSide(writer, "before", report.before);
  AppendSide(writer, "after", report.after);
  AppendPairs(writer, "moves", report.moves);
  AppendPairs(writer, "labels", report.labels);
  writer.Key("policies").BeginObject();
  for (const auto& [hash, count] : report.policies) writer.Field(hash.empty() ? "-" : hash, count);
  writer.EndObject().Key("changes").BeginArray();
  for (const Change& change : report.changes) {
    writer.BeginObject()
        .Field("id", change.id)
        .Field("from", change.from)
        .Field("to", change.to)
        .EndObject();
  }
  writer.EndArray().EndObject();
  return text;
}

}  // namespace weir::history

#include "routing/arrange.h"

#include <fmt/core.h>

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "routing/prefix.h"

namespace weir::routing {
namespace {

bool IsCloud(const Target& target) { return target.tier == Tier::kCloud; }

// The last turn of the user; nothing where there is none.
std::string_view LastTurn(const chat::GenerateRequest& request) {
  for (auto message = request.messages.rbegin(); message != request.messages.rend(); ++message) {
    if (message->role != chat::Role::kUser) continue;
    for (const chat::Part& part : message->parts) {
      if (part.kind == chat::Part::Kind::kText) return part.text;
    }
  }
  return {};
}

// Of the user's last turn that says it: "yes, please" does not, and the turn before may.
constexpr int kTurnsOfLanguage = 3;

std::string_view LanguageOf(const chat::GenerateRequest& request) {
  int turns = 0;
  for (auto message = request.messages.rbegin();
       message != request.messages.rend() && turns < kTurnsOfLanguage; ++message) {
    if (message->role != chat::Role::kUser) continue;
    for (const chat::Part& part : message->parts) {
      if (part.kind != chat::Part::Kind::kText) continue;
      const std::string_view language = routing::LanguageOf(part.text);
      if (language != kUnknownLanguage) return language;
      break;
    }
    ++turns;
  }
  if (request.prompts.empty()) return kUnknownLanguage;
  return routing::LanguageOf(request.prompts.front().text);
}

std::vector<Target> InOrder(const std::vector<Target>& targets, bool cloud_first) {
  std::vector<Target> ordered;
  for (const bool cloud : {cloud_first, !cloud_first}) {
    for (const Target& target : targets) {
      if (IsCloud(target) == cloud) ordered.push_back(target);
    }
  }
  return ordered;
}

double Share(int32_t chance) { return chance / double{kCertain}; }

// Whether a request of a route with a share goes up, and the line about it.
struct Upwards {
  bool up = false;
  std::string why = {};
};

// Of the first target in the cloud and the first below it: which answers clearly sooner, and which
// is expected to cost clearly less.
struct Haste {
  const Target* sooner = nullptr;  // null: neither, or it is not known
  int64_t saved_ms = 0;
  const Target* cheaper = nullptr;  // likewise
  Cost cost = {};
  Cost other = {};
};

Haste HasteOf(const Decision& decision) {
  const auto& all = decision.eligible;
  const auto cloud = std::ranges::find_if(all, IsCloud);
  const auto below = std::ranges::find_if_not(all, IsCloud);
  if (cloud == all.end() || below == all.end()) return {};
  const Considered& up = decision.Of(*cloud);
  const Considered& down = decision.Of(*below);
  Haste haste;
  if (up.expected_ms && down.expected_ms) {
    const int64_t saved_ms = *up.expected_ms - *down.expected_ms;
    if (IsClearlySooner(*up.expected_ms, *down.expected_ms)) haste.sooner = &*cloud;
    if (IsClearlySooner(*down.expected_ms, *up.expected_ms)) haste.sooner = &*below;
    haste.saved_ms = saved_ms < 0 ? -saved_ms : saved_ms;
  }
  if (up.cost && down.cost) {
    const auto prefer = [&haste](const Target& target, const Considered& this_one,
                                 const Considered& than) {
      if (!IsClearlyCheaper(*this_one.cost, *than.cost)) return;
      haste.cheaper = &target;
      haste.cost = *this_one.cost;
      haste.other = *than.cost;
    };
    prefer(*cloud, up, down);
    prefer(*below, down, up);
  }
  return haste;
}

std::string Seconds(int64_t milliseconds) {
  return fmt::format("{:.1f} s", static_cast<double>(milliseconds) / 1e3);
}

// Gains as near to the threshold as that are alike: who answers clearly sooner decides, and else
// who is clearly cheaper.
constexpr int32_t kNearGain = kCertain / 50;

// Where a conversation is, and what it loses when it moves.
struct Hop {
  const Target* from = nullptr;  // null: it may go anywhere
  const Target* to = nullptr;    // of the other side of the cloud's border
  int32_t lost = 0;
};

Hop HopOf(const PromptFacts& facts, const Decision& decision) {
  const Target* from = HolderOf(decision, facts.last_target);
  if (from == nullptr) return {};
  const auto to = std::ranges::find_if(decision.eligible, [from](const Target& target) {
    return IsCloud(target) != IsCloud(*from);
  });
  if (to == decision.eligible.end()) return {};
  return {.from = from,
          .to = &*to,
          .lost = LostPart(decision, *to, decision.Of(*from).speed.cached_tokens)};
}

std::string LineOf(const Hop& hop, std::string_view needed) {
  return fmt::format(
      "; {} has the conversation in its cache, moving it to {} costs {:.2f} of an answer "
      "more, so {}",
      hop.from->name, hop.to->name, Share(hop.lost), needed);
}

std::string LineOf(const NeighbourVote& vote) {
  if (vote.abstains()) {
    return fmt::format("neighbours: abstain, {} of the needed {} are near (the nearest {:.2f})",
                       vote.near, NeighbourVote::kVotersMin, Share(vote.nearest));
  }
  return fmt::format("neighbours: of {} near questions {} were answered right below the cloud",
                     vote.near, vote.right);
}

Upwards ByGain(int32_t gain, int32_t usual, bool room, const Haste& haste, const Hop& hop) {
  if (gain <= 0 || !room) return {};
  int32_t threshold = usual;
  if (hop.from != nullptr) {
    threshold = IsCloud(*hop.from) ? GainToStay(usual, hop.lost) : GainToMove(usual, hop.lost);
    return {.up = gain >= threshold,
            .why = LineOf(hop, fmt::format("{:.2f} {}", Share(threshold),
                                           IsCloud(*hop.from) ? "keeps it there" : "moves it"))};
  }
  const bool is_near = gain >= threshold - kNearGain && gain <= threshold + kNearGain;
  if (is_near && haste.sooner == nullptr && haste.cheaper != nullptr) {
    return {.up = IsCloud(*haste.cheaper),
            .why = fmt::format("; that is near, and an answer of {} costs {} instead of {}",
                               haste.cheaper->name, CostText(haste.cost), CostText(haste.other))};
  }
  if (!is_near || haste.sooner == nullptr) return {.up = gain >= threshold};
  return {.up = IsCloud(*haste.sooner),
          .why = fmt::format("; that is near, and {} answers {} sooner", haste.sooner->name,
                             Seconds(haste.saved_ms))};
}

// What decides between the cloud and what is below it.
struct Question {
  const Experience& experience;
  const Prediction& predicted;
  bool chooses = false;  // there is both
  bool must = false;     // there is the cloud alone
  Haste haste = {};
  Hop hop = {};
};

Upwards ByShare(const Question& asked, int32_t share_max, ShareKeeper& keeper) {
  Upwards result{.up = asked.must};
  const int32_t gain = asked.predicted.gain;
  if (keeper.share_max() != share_max) keeper = ShareKeeper(share_max);
  const int32_t threshold = keeper.Threshold(asked.experience.predictor);
  if (asked.chooses) {
    result = ByGain(gain, threshold, keeper.HasRoom(), asked.haste, asked.hop);
    result.why = fmt::format("; a gain of {:.2f} goes up while the share of {:.2f} has room{}",
                             Share(threshold), Share(share_max), result.why);
  }
  keeper.Decided(gain, result.up);
  return result;
}

Upwards ByCost(const Question& asked, const CostPerDay& max, const MoneyToday& today,
               CostKeeper& keeper) {
  Upwards result{.up = asked.must};
  const int32_t gain = asked.predicted.gain;
  if (keeper.per_day_max() != max.pico) keeper = CostKeeper(max.pico);
  if (asked.chooses) {
    const int32_t threshold = keeper.Threshold(asked.experience.predictor, today);
    const bool room = keeper.HasRoom(today);
    result = ByGain(gain, threshold, room, asked.haste, asked.hop);
    result.why = !today.most
                     ? fmt::format("; what it costs in the cloud is not known in {}", max.currency)
                 : !room ? fmt::format("; less is left of today's money than it may cost")
                         : fmt::format(
                               "; a gain of {:.2f} goes up, today's money lasts for {:.2f} of "
                               "the requests to come{}",
                               Share(threshold), Share(keeper.Share(today)), result.why);
  }
  keeper.Decided(gain, result.up, today);
  return result;
}

bool IsOneText(const chat::GenerateRequest& request) {
  return !request.messages.empty() && request.n == 1 && !request.logprobs &&
         request.tools.empty() && request.response_format.kind == chat::ResponseFormat::Kind::kText;
}

int64_t BytesOf(const chat::GenerateRequest& request) {
  size_t bytes = request.suffix.size() + request.context.size();
  for (const auto& message : request.messages) {
    for (const auto& part : message.parts) bytes += part.text.size() + part.data.size();
    for (const auto& call : message.tool_calls) bytes += call.arguments.size();
  }
  for (const auto& prompt : request.prompts) bytes += prompt.text.size() + prompt.tokens.size();
  for (const auto& file : request.files) bytes += file.name.size() + file.text.size();
  for (const auto& tool : request.tools) bytes += tool.description.size() + tool.parameters.size();
  return static_cast<int64_t>(bytes);
}

}  // namespace

std::string_view QuestionOf(const chat::GenerateRequest& request) {
  const std::string_view turn = LastTurn(request);
  const bool completes = turn.empty() && !request.prompts.empty();
  return completes ? std::string_view(request.prompts.front().text) : turn;
}

PromptFacts FactsOf(const chat::GenerateRequest& request, bool whole, const Predictor& predictor) {
  return {
      .kind = TaskKindOf(LastTurn(request)),
      .predicted = predictor.Predict(QuestionOf(request)),
      .tool_loop = !request.messages.empty() && request.messages.back().role == chat::Role::kTool,
      .one_text = IsOneText(request),
      .whole = whole};
}

Features FeaturesOf(const chat::GenerateRequest& request) {
  Features features{.prompt_bytes = BytesOf(request), .language = LanguageOf(request)};
  for (const auto& message : request.messages) {
    for (const auto& part : message.parts) {
      features.images |= part.kind == chat::Part::Kind::kImage;
      features.audio |= part.kind == chat::Part::Kind::kAudio;
    }
  }
  features.tools =
      !request.tools.empty() && request.tool_choice.mode != chat::ToolChoice::Mode::kNone;
  features.reasoning = request.reasoning.effort > chat::Reasoning::Effort::kNone ||
                       request.reasoning.budget_tokens.value_or(0) > 0;
  features.answer_tokens = request.max_tokens.value_or(0);
  features.json_schema = request.response_format.kind == chat::ResponseFormat::Kind::kJsonSchema;
  return features;
}

void FollowGoal(const Experience& experience, const PromptFacts& facts, const MoneyOf& money,
                Goals& goals, Decision& decision) {
  const Goal& goal = decision.goal;
  if (!goal.any()) return;
  const auto clouds = std::ranges::count_if(decision.eligible, IsCloud);
  const bool border = clouds > 0 && clouds < std::ssize(decision.eligible);
  const bool chooses = border && !facts.tool_loop;
  Prediction predicted = experience.refit.Apply(facts.predicted);
  if (facts.vote) {
    predicted = facts.vote->Apply(predicted);
    decision.explanation.push_back(LineOf(*facts.vote));
  }
  const bool must = border ? !chooses && IsCloud(decision.chosen()) : clouds > 0;
  Upwards choice{.up = must};
  std::string why =
      fmt::format("goal: predicted right {:.2f} below the cloud, and {:.2f} to gain in it",
                  Share(predicted.small_right), Share(predicted.gain));
  const Hop hop = HopOf(facts, decision);
  if (goal.quality_min && chooses) {
    const bool in_cloud = hop.from != nullptr && IsCloud(*hop.from);
    const int32_t wanted =
        in_cloud ? std::min(GainToMove(*goal.quality_min, hop.lost), kCertain) : *goal.quality_min;
    choice.up = predicted.small_right < wanted && predicted.gain > 0;
    choice.why = fmt::format("; {:.2f} is wanted", Share(*goal.quality_min));
    if (in_cloud) choice.why += LineOf(hop, fmt::format("below {:.2f} it stays", Share(wanted)));
  }
  const Question question{.experience = experience,
                          .predicted = predicted,
                          .chooses = chooses,
                          .must = must,
                          .haste = HasteOf(decision),
                          .hop = hop};
  if (goal.cloud_share_max) {
    auto& keeper = goals.shares.try_emplace(decision.asked, *goal.cloud_share_max).first->second;
    choice = ByShare(question, *goal.cloud_share_max, keeper);
  }
  if (goal.cost_per_day_max) {
    const MoneyToday today = money ? money(decision) : MoneyToday();
    auto& keeper =
        goals.costs.try_emplace(decision.asked, goal.cost_per_day_max->pico).first->second;
    choice = ByCost(question, *goal.cost_per_day_max, today, keeper);
  }
  if (border && facts.tool_loop) {
    decision.explanation.push_back("goal: an open loop of tools is not moved");
    return;
  }
  decision.explanation.push_back(why + choice.why + (choice.up ? ": cloud first" : ": cloud last"));
  if (chooses) decision.eligible = InOrder(decision.eligible, choice.up);
  decision.explanation.push_back(fmt::format("chosen: {}", decision.chosen().name));
}

void StayInToolLoop(const PromptFacts& facts, Decision& decision) {
  if (!facts.tool_loop || facts.last_target.empty()) return;
  const auto began = std::ranges::find(decision.eligible, facts.last_target, &Target::name);
  if (began == decision.eligible.end()) {
    decision.explanation.push_back(fmt::format(
        "the loop of tools began at {}, which may not go on with it", facts.last_target));
    return;
  }
  std::rotate(decision.eligible.begin(), began, std::next(began));
  decision.explanation.push_back(
      fmt::format("chosen: {}, an open loop of tools stays there", facts.last_target));
}

void StayWithPrefix(const PromptFacts& facts, Decision& decision) {
  const Target* last = HolderOf(decision, facts.last_target);
  if (facts.tool_loop || decision.goal.any() || last == nullptr || last == &decision.chosen() ||
      last->tier != decision.chosen().tier) {
    return;
  }
  const int64_t kept = decision.Of(*last).speed.cached_tokens;
  if (decision.Of(decision.chosen()).speed.cached_tokens > kept / 2) return;  // it has read it, too
  const auto there_ms = decision.Of(*last).expected_ms;
  const auto first_ms = decision.Of(decision.chosen()).expected_ms;
  if (there_ms && first_ms && *first_ms <= *there_ms) return;
  const auto place = std::ranges::find(decision.eligible, facts.last_target, &Target::name);
  std::rotate(decision.eligible.begin(), place, std::next(place));
  decision.explanation.push_back(fmt::format(
      "chosen: {}, which has {} tokens of the conversation in its cache", facts.last_target, kept));
}

void AvoidWaiting(const PromptFacts& facts, Decision& decision) {
  if (facts.tool_loop || decision.eligible.size() < 2 || !decision.confidence_min) return;
  const Target& first = decision.eligible[0];
  const Target& next = decision.eligible[1];
  if (IsCloud(first) || first.tier != next.tier) return;
  const Considered& there = decision.Of(first);
  const Considered& here = decision.Of(next);
  const bool waits = there.speed.load_ms.value_or(0) > 0 || there.speed.queue_ms.value_or(0) > 0;
  if (!waits || !there.expected_ms || !here.expected_ms) return;
  if (!IsClearlySooner(*here.expected_ms, *there.expected_ms)) return;
  std::string line = fmt::format(
      "chosen: {}, in {}; {} would take {}: its model has to be loaded, or others "
      "wait for it",
      next.name, Seconds(*here.expected_ms), first.name, Seconds(*there.expected_ms));
  std::swap(decision.eligible[0], decision.eligible[1]);
  decision.explanation.push_back(std::move(line));
}

std::optional<CheckPlan> Arrange(const Experience& experience, const PromptFacts& facts,
                                 const MoneyOf& money, Goals& goals, Decision& decision) {
  StayInToolLoop(facts, decision);
  FollowGoal(experience, facts, money, goals, decision);
  AvoidWaiting(facts, decision);
  StayWithPrefix(facts, decision);
  CheckChoice check = ChooseCheck(experience.draft_check, facts, decision);
  for (std::string& why : check.why) decision.explanation.push_back(std::move(why));
  return std::move(check.plan);
}

}  // namespace weir::routing

// From what may answer to who answers first: the goal of the route, and the check of the first
// target's answer by the next. Pure but for the controllers of the goals, which are handed in: the
// same decision, facts and controllers give the same order, whether the request is here now
// (gateway) or was here last month (history).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "chat/request.h"
#include "routing/decision.h"
#include "routing/draft_check.h"
#include "routing/goal.h"
#include "routing/neighbours.h"
#include "routing/prediction.h"
#include "routing/refit.h"
#include "routing/task_kind.h"

namespace weir::routing {

// A prompt as far as goals and checks look at it; no text.
struct PromptFacts {
  TaskKind kind = TaskKind::kGeneral;
  Prediction predicted = {};  // as the prediction's own data have it, before any refit
  bool tool_loop = false;     // it waits for an answer to a tool's result
  bool one_text = false;      // the answer is one plain text
  bool whole = false;         // nothing of the answer is sent before its end
  // Who answered the turn before; empty: it begins here, or nobody knows. The caller's to fill in.
  std::string last_target = {};
  // Of earlier questions like it; nothing: nobody was asked. The caller's to fill in.
  std::optional<NeighbourVote> vote = {};

  bool operator==(const PromptFacts&) const = default;
};
// What is predicted from: the last turn of the user, or the first text that is to go on.
std::string_view QuestionOf(const chat::GenerateRequest& request);
PromptFacts FactsOf(const chat::GenerateRequest& request, bool whole, const Predictor& predictor);
// Counts and flags. Who asks and the label are the caller's to fill in.
Features FeaturesOf(const chat::GenerateRequest& request);

// An open loop of tools stays with who began it, where that one is eligible.
void StayInToolLoop(const PromptFacts& facts, Decision& decision);

// The controllers of goals, by route.
struct Goals {
  std::map<std::string, ShareKeeper> shares = {};
  std::map<std::string, CostKeeper> costs = {};
};
// What is known of a route's money now, for a request that `decision` is about.
using MoneyOf = std::function<MoneyToday(const Decision& decision)>;

// What was learnt from tasks with known answers, and from this machine's own users.
struct Experience {
  const Predictor& predictor;
  const DraftCheck& draft_check;
  const Refit& refit;
};

// Who judges the first target's draft: the checker, which reads it; its own tokens, the first of
// them before a stream is released, or all of them; or nobody, and what is plainly wrong with it
// counts alone, as it does beside each of the others (draft_faults.h).
enum class GateKind : uint8_t { kDraftCheck, kFirstTokens, kWholeDraft, kHardFacts };
// "draft_check", "first_tokens", "whole_draft", "hard_facts"
std::string_view GateKindName(GateKind kind);

// What is plainly wrong with a draft.
enum class DraftFault : uint8_t { kRefusal, kInvalidAnswer, kInvalidCall };
std::string_view DraftFaultName(DraftFault fault);  // "refusal", "invalid_answer", "invalid_call"

struct CheckPlan {
  GateKind gate = GateKind::kDraftCheck;
  Target checker = {};  // or who answers in place of a draft that is not accepted
  // One of Experience::draft_check; null: of kHardFacts.
  const Calibration* calibration = nullptr;
  int32_t confidence_min = 0;
};

// Puts the eligible targets of the cloud before the others, in their order, where the goal of the
// asked route says so, and behind them where it does not; writes a line into the explanation. A
// decision without a goal, or without a choice between tiers, stays as it is, and so does a chat
// that waits for an answer to a tool's result: what began a loop of tools ends it. A gain near the
// threshold goes where the answer is expected clearly sooner, within the same bounds. A
// conversation that another tier has in its cache moves only for a gain that pays for the lost
// prefix (prefix.h).
void FollowGoal(const Experience& experience, const PromptFacts& facts, const MoneyOf& money,
                Goals& goals, Decision& decision);

// Where the first target's model has to be loaded, or others wait for it, the next one of the same
// tier comes first if it is expected to answer clearly sooner: routes name targets from the
// smallest to the largest, so that the answer is no worse. Nothing is moved to another tier for
// seconds.
void AvoidWaiting(const PromptFacts& facts, Decision& decision);

// Without a goal a conversation stays with who answered its last turn, within a tier, unless the
// first target is expected to answer as soon without the prefix.
void StayWithPrefix(const PromptFacts& facts, Decision& decision);

// How the draft of a decision's first target is judged before the next one answers in its place, or
// nothing; and lines that say why, or why not. Where judging does not pay and the next one is known
// to be better, the next one comes first instead, streamed or not. A draft is judged where it is
// one text, and where both models run on this machine and were calibrated for this kind of task: by
// the next one where it can be held back (the answer is not streamed, or the route buffers) and
// that pays, else by its own tokens where they were shown to tell something.
struct CheckChoice {
  std::optional<CheckPlan> plan = {};
  std::vector<std::string> why = {};
};
CheckChoice ChooseCheck(const DraftCheck& known, const PromptFacts& facts, Decision& decision);

// All of them, in this order.
std::optional<CheckPlan> Arrange(const Experience& experience, const PromptFacts& facts,
                                 const MoneyOf& money, Goals& goals, Decision& decision);

}  // namespace weir::routing

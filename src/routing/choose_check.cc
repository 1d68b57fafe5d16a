#include <fmt/core.h>

#include <utility>

#include "base/check.h"
#include "routing/arrange.h"
#include "routing/prefix.h"

namespace weir::routing {
namespace {

double Share(int32_t chance) { return chance / double{kCertain}; }

CheckChoice None(std::string why) { return {.why = {"draft check: " + std::move(why)}}; }

bool CanCheck(const Target& target) { return target.scores && !target.beyond && target.generates; }

// Why nobody looks at a draft's own tokens; nothing where they speak.
std::string WhyNoGate(const Calibration& calibration, const Target& draft, bool held) {
  const std::string_view kind = TaskKindName(calibration.kind);
  const std::string_view tokens = held ? "tokens" : "first tokens";
  const Gate* best = nullptr;
  for (const Gate& gate : calibration.gates) {
    if ((gate.after_tokens == 0) != held) continue;
    if (best == nullptr || gate.auroc_low > best->auroc_low) best = &gate;
  }
  if (best == nullptr) {
    return fmt::format("abstains, the {} of {} are not calibrated for {} tasks", tokens, draft.name,
                       kind);
  }
  if (best->speaks()) return {};
  return fmt::format(
      "abstains, on {} {} tasks the {} of {} did not tell right from wrong (AUROC {:.2f}, {:.2f} "
      "to {:.2f})",
      calibration.tasks, kind, tokens, draft.name, Share(best->auroc), Share(best->auroc_low),
      Share(best->auroc_high));
}

// Why nobody looks at the first tokens of a stream that is not held back; nothing of another.
std::string NoFirstGate(const DraftCheck& known, const PromptFacts& facts,
                        const Decision& decision) {
  const bool asked = decision.eligible.size() > 1 && decision.confidence_min.value_or(0) > 0;
  if (!asked || facts.whole || decision.buffer) return {};
  const Target& draft = decision.chosen();
  if (draft.beyond) {
    return fmt::format("first gate: abstains, {} is not a model of this machine", draft.name);
  }
  const auto* calibration =
      known.Find(draft.file_sha256, decision.eligible[1].file_sha256, facts.kind);
  const std::string why =
      calibration != nullptr
          ? WhyNoGate(*calibration, draft, /*held=*/false)
          : fmt::format("abstains, the first tokens of {} are not calibrated for {} tasks",
                        draft.name, TaskKindName(facts.kind));
  return why.empty() ? "" : "first gate: " + why;
}

// The gate of a draft's own tokens, where it speaks.
const Gate* OwnGate(const Calibration& calibration, bool held) {
  return held ? calibration.EndGate() : calibration.FirstGate(kFirstTokens);
}

CheckChoice ByOwnTokens(const Calibration& calibration, const Gate& gate, bool held,
                        const Decision& decision) {
  return {.plan = CheckPlan{.gate = held ? GateKind::kWholeDraft : GateKind::kFirstTokens,
                            .checker = decision.eligible[1],
                            .calibration = &calibration,
                            .confidence_min = *decision.confidence_min},
          .why = {fmt::format("{}: looks at {} of the {} of {} ({} task, AUROC {:.2f}), goes on "
                              "from {:.2f}",
                              held ? "end gate" : "first gate", DraftSignalName(gate.signal),
                              held ? "tokens" : "first tokens", decision.chosen().name,
                              TaskKindName(calibration.kind), Share(gate.auroc),
                              Share(*decision.confidence_min))}};
}

// Tasks that the smaller model mostly fails go to the larger one at once.
CheckChoice ChooseFirst(const Calibration& calibration, const PromptFacts& facts,
                        Decision& decision) {
  const std::string_view kind = TaskKindName(calibration.kind);
  const Verdict expected = Expect(calibration, *decision.confidence_min);
  if (expected.accepted) {
    return None(fmt::format("abstains, it does not pay for {} tasks, and {} may answer them", kind,
                            decision.chosen().name));
  }
  if (HolderOf(decision, facts.last_target) == &decision.chosen()) {
    const int32_t lost = LostPart(decision, decision.eligible[1],
                                  decision.Of(decision.chosen()).speed.cached_tokens);
    const int32_t gain = calibration.larger_right - calibration.draft_right;
    if (gain < GainToMove(0, lost)) {
      return None(
          fmt::format("abstains, a gain of {:.2f} for {} tasks does not pay for moving the "
                      "conversation, which costs {:.2f} of an answer more",
                      Share(gain), kind, Share(lost)));
    }
  }
  std::swap(decision.eligible[0], decision.eligible[1]);
  return {
      .why = {fmt::format(
          "chosen: {}; of {} tasks it has {:.2f} right, {} {:.2f}, and a check takes as long as "
          "its answer",
          decision.chosen().name, kind, Share(calibration.larger_right), decision.eligible[1].name,
          Share(calibration.draft_right))}};
}

// Where the larger model does not check the draft, though it could.
CheckChoice WithoutChecker(const Calibration& calibration, const PromptFacts& facts, bool held,
                           Decision& decision) {
  const Gate* gate = OwnGate(calibration, held);
  if (gate != nullptr && (gate->pays || calibration.check_pays)) {
    return ByOwnTokens(calibration, *gate, held, decision);
  }
  if (calibration.check_pays) {
    return None("abstains, a stream is not held back (buffer = true on the route would)");
  }
  // Whom the user trusts with such tasks in general may still doubt this one.
  if (gate != nullptr && Expect(calibration, *decision.confidence_min).accepted) {
    return ByOwnTokens(calibration, *gate, held, decision);
  }
  return ChooseFirst(calibration, facts, decision);
}

CheckChoice Choose(const DraftCheck& known, const PromptFacts& facts, Decision& decision) {
  if (decision.eligible.size() < 2 || !decision.confidence_min) return {};
  if (*decision.confidence_min == 0) return None("abstains, min_confidence is 0");
  if (!facts.one_text) return None("abstains, the answer is not one plain text");
  const Target& draft = decision.chosen();
  const Target& checker = decision.eligible[1];
  if (draft.beyond)
    return None(fmt::format("abstains, {} is not a model of this machine", draft.name));
  if (!CanCheck(checker)) {
    return None(fmt::format("abstains, {}",
                            checker.beyond
                                ? fmt::format("the API of backend {} gives no log-probabilities of "
                                              "a given text, so {} cannot check a draft",
                                              checker.backend, checker.name)
                                : fmt::format("{} does not score texts", checker.name)));
  }
  const auto* calibration = known.Find(draft.file_sha256, checker.file_sha256, facts.kind);
  if (calibration == nullptr) {
    return None(fmt::format("abstains, {} by {} is not calibrated for {} tasks", draft.name,
                            checker.name, TaskKindName(facts.kind)));
  }
  const bool held = facts.whole || decision.buffer;
  if (!calibration->check_pays || !held) {
    return WithoutChecker(*calibration, facts, held, decision);
  }
  return {.plan = CheckPlan{.checker = checker,
                            .calibration = calibration,
                            .confidence_min = *decision.confidence_min},
          .why = {fmt::format(
              "draft check: {} reads the draft of {} ({} task), accepted from {:.2f}", checker.name,
              draft.name, TaskKindName(facts.kind), Share(*decision.confidence_min))}};
}

}  // namespace

std::string_view GateKindName(GateKind kind) {
  switch (kind) {
    case GateKind::kDraftCheck:
      return "draft_check";
    case GateKind::kFirstTokens:
      return "first_tokens";
    case GateKind::kWholeDraft:
      return "whole_draft";
    case GateKind::kHardFacts:
      return "hard_facts";
  }
  CHECK(false, "a gate has a name");
}

std::string_view DraftFaultName(DraftFault fault) {
  switch (fault) {
    case DraftFault::kRefusal:
      return "refusal";
    case DraftFault::kInvalidAnswer:
      return "invalid_answer";
    case DraftFault::kInvalidCall:
      return "invalid_call";
  }
  CHECK(false, "a fault has a name");
}

CheckChoice ChooseCheck(const DraftCheck& known, const PromptFacts& facts, Decision& decision) {
  std::string no_first_gate = NoFirstGate(known, facts, decision);
  CheckChoice choice = Choose(known, facts, decision);
  if (!no_first_gate.empty()) choice.why.insert(choice.why.begin(), std::move(no_first_gate));
  return choice;
}

}  // namespace weir::routing

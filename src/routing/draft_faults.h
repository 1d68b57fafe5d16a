// What is plainly wrong with an answer, whatever its tokens were worth: it refuses to answer, or it
// does not have the form that was asked for. That needs no calibration, so it is known of every
// model. Pure: the same answer has the same fault.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "chat/event.h"
#include "chat/request.h"
#include "routing/arrange.h"

namespace weir::routing {

// Whether a text begins as models do that do not answer, in English, German, French, Spanish,
// Italian, Portuguese or Dutch ("I'm sorry, but I can't ...", "As an AI language model ..."). Only
// the beginning is read: what else an answer says may be about refusals.
bool BeginsRefusal(std::string_view text);

// Of an answer with one choice.
class DraftFacts {
 public:
  void Add(const chat::Event& event);
  // Of the whole answer to `request`: none where the answer was cut off by a limit, but for a
  // refusal.
  std::optional<DraftFault> FaultOf(const chat::GenerateRequest& request) const;

 private:
  std::optional<DraftFault> FaultOfCalls(const chat::GenerateRequest& request) const;

  std::string text_ = {};
  std::map<int32_t, chat::ToolCall> calls_ = {};  // by index
  std::optional<chat::FinishReason> reason_ = {};
};

// For an answer that is held back anyway (it is not streamed, or the route buffers) where nothing
// else judges it: the next target answers in place of a faulty one, if the route has it behind the
// first. Nothing where there is no such target, for several choices, in a loop of tools, which
// stays with who began it, and of a cloud's answer: whether another provider is paid to answer what
// one refused is the caller's to say.
std::optional<CheckPlan> PlanForFacts(const chat::GenerateRequest& request,
                                      const PromptFacts& facts, const Decision& decision);

}  // namespace weir::routing

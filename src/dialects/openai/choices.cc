#include "dialects/openai/choices.h"

#include <algorithm>

namespace weir::openai {
namespace {

std::unexpected<Error> Broken(const char* what) {
  return Fail(Code::kBackendFailed, what, {}, "backend_failed");
}

}  // namespace

Result<Choices::Choice*> Choices::Find(int32_t index) {
  if (index < 0 || static_cast<size_t>(index) >= choices_.size())
    return Broken("the backend answered a choice that was not asked for");
  Choice* choice = &choices_[static_cast<size_t>(index)];
  if (choice->done) return Broken("the backend went on with a choice that had ended");
  return choice;
}

Result<void> Choices::Accept(const chat::Delta& delta) {
  const auto choice = Find(delta.choice);
  if (!choice) return Fail(choice.error());
  for (const chat::ToolCallDelta& call : delta.tool_calls) {
    const bool is_new = call.index == (*choice)->calls;
    if (call.index < 0 || call.index > (*choice)->calls)
      return Broken("the backend skipped a tool call");
    if (is_new && ++(*choice)->calls > kCallsMax)
      return Broken("the backend made over 128 tool calls");
    if (is_new && call.name.empty()) return Broken("the backend made a tool call without a name");
  }
  return {};
}

Result<void> Choices::Accept(const chat::ChoiceDone& done) {
  const auto choice = Find(done.choice);
  if (!choice) return Fail(choice.error());
  (*choice)->done = true;
  return {};
}

Result<void> Choices::Accept(const chat::Event& event) {
  if (done_) return Broken("the backend went on after its end");
  if (const auto* delta = std::get_if<chat::Delta>(&event)) return Accept(*delta);
  if (const auto* done = std::get_if<chat::ChoiceDone>(&event)) return Accept(*done);
  done_ = std::holds_alternative<chat::Done>(event);
  return {};
}

Result<void> Choices::CheckEnded() const {
  const bool all = std::ranges::all_of(choices_, [](const Choice& choice) { return choice.done; });
  if (!done_ || !all) return Broken("the backend stopped before the answer had ended");
  return {};
}

}  // namespace weir::openai

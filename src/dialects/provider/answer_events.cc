#include "dialects/provider/answer_events.h"

#include <algorithm>
#include <ranges>
#include <utility>

#include "base/check.h"
#include "dialects/provider/malformed.h"

namespace weir::provider {
namespace {

chat::Delta CallDelta(int32_t choice, int32_t index, std::string id, std::string name,
                      std::string arguments) {
  chat::Delta delta = {.choice = choice};
  delta.tool_calls.push_back({.index = index,
                              .id = std::move(id),
                              .name = std::move(name),
                              .arguments = std::move(arguments)});
  return delta;
}

// Pieces of white space before anything else are no arguments yet.
bool IsBlank(std::string_view text) {
  return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

}  // namespace

void AnswerEvents::Start(Out& out) {
  if (std::exchange(started_, true)) return;
  out.push_back(chat::Started{});
}

const AnswerEvents::Choice* AnswerEvents::Peek(int32_t index) const {
  const bool known = index >= 0 && static_cast<size_t>(index) < choices_.size();
  return known ? &choices_[static_cast<size_t>(index)] : nullptr;
}

Result<AnswerEvents::Choice*> AnswerEvents::Find(int32_t index) {
  if (Peek(index) == nullptr) return Malformed("has a choice that was not asked for");
  Choice* choice = &choices_[static_cast<size_t>(index)];
  if (choice->finished) return Malformed("goes on with a choice that had ended");
  return choice;
}

Result<void> AnswerEvents::Say(chat::Delta delta, Out& out) {
  CHECK(delta.tool_calls.empty(), "tool calls have calls of their own");
  Start(out);
  if (delta.text.empty() && delta.reasoning.empty() && delta.logprobs.empty() &&
      delta.thoughts.empty())
    return {};
  const auto choice = Find(delta.choice);
  if (!choice) return Fail(choice.error());
  out.push_back(std::move(delta));
  return {};
}

Result<void> AnswerEvents::OpenCall(int32_t index, int64_t key, std::string id, std::string name,
                                    std::string arguments, Out& out) {
  Start(out);
  const auto choice = Find(index);
  if (!choice) return Fail(choice.error());
  std::vector<Call>& calls = (*choice)->calls;
  if (calls.size() >= static_cast<size_t>(kCallsMax)) return Malformed("has over 128 tool calls");
  if (name.empty()) return Malformed("has a tool call without a name");
  const auto number = static_cast<int32_t>(calls.size());
  calls.push_back({.key = key, .id = id, .has_arguments = !IsBlank(arguments)});
  out.push_back(CallDelta(index, number, std::move(id), std::move(name), std::move(arguments)));
  return {};
}

Result<void> AnswerEvents::Arguments(int32_t index, int64_t key, std::string piece, Out& out) {
  Start(out);
  if (piece.empty()) return {};
  const auto choice = Find(index);
  if (!choice) return Fail(choice.error());
  std::vector<Call>& calls = (*choice)->calls;
  for (size_t i = calls.size(); i > 0; --i) {
    Call& call = calls[i - 1];
    if (call.key != key) continue;
    call.has_arguments = call.has_arguments || !IsBlank(piece);
    out.push_back(CallDelta(index, static_cast<int32_t>(i - 1), "", "", std::move(piece)));
    return {};
  }
  return Malformed("has arguments of a tool call that was not opened");
}

const std::string* AnswerEvents::OpenedId(int32_t index, int64_t key) const {
  const Choice* choice = Peek(index);
  if (choice == nullptr) return nullptr;
  for (const Call& call : choice->calls | std::views::reverse) {
    if (call.key == key) return &call.id;
  }
  return nullptr;
}

int32_t AnswerEvents::calls(int32_t index) const {
  const Choice* choice = Peek(index);
  return choice == nullptr ? 0 : static_cast<int32_t>(choice->calls.size());
}

Result<void> AnswerEvents::Finish(int32_t index, chat::FinishReason reason,
                                  std::string stop_sequence, Out& out) {
  Start(out);
  if (finished(index)) return {};
  const auto choice = Find(index);
  if (!choice) return Fail(choice.error());
  const std::vector<Call>& calls = (*choice)->calls;
  for (size_t i = 0; i < calls.size(); ++i) {
    if (!calls[i].has_arguments)
      out.push_back(CallDelta(index, static_cast<int32_t>(i), "", "", "{}"));
  }
  using Reason = chat::FinishReason;
  if (reason == Reason::kStop && !calls.empty()) reason = Reason::kToolCalls;
  if (reason == Reason::kToolCalls && calls.empty()) reason = Reason::kStop;
  (*choice)->finished = true;
  out.push_back(chat::ChoiceDone{
      .choice = index, .reason = reason, .stop_sequence = std::move(stop_sequence)});
  return {};
}

bool AnswerEvents::finished(int32_t index) const {
  const Choice* choice = Peek(index);
  return choice != nullptr && choice->finished;
}

bool AnswerEvents::all_finished() const { return std::ranges::all_of(choices_, &Choice::finished); }

Result<void> AnswerEvents::End(Out& out) {
  if (ended_) return {};
  if (!all_finished()) return Cut();
  Start(out);
  ended_ = true;
  out.push_back(chat::Done{.usage = usage_});
  return {};
}

void AnswerEvents::Report(const chat::Usage& usage) {
  if (usage.prompt_tokens) usage_.prompt_tokens = usage.prompt_tokens;
  if (usage.cached_tokens) usage_.cached_tokens = usage.cached_tokens;
  if (usage.cache_written_tokens) usage_.cache_written_tokens = usage.cache_written_tokens;
  if (usage.completion_tokens) usage_.completion_tokens = usage.completion_tokens;
  if (usage.reasoning_tokens) usage_.reasoning_tokens = usage.reasoning_tokens;
  if (usage.accepted_prediction_tokens)
    usage_.accepted_prediction_tokens = usage.accepted_prediction_tokens;
  if (usage.rejected_prediction_tokens)
    usage_.rejected_prediction_tokens = usage.rejected_prediction_tokens;
}

}  // namespace weir::provider

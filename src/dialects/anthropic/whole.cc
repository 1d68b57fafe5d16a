#include <fmt/format.h>

#include <utility>

#include "dialects/anthropic/answer.h"
#include "dialects/anthropic/pieces.h"
#include "dialects/anthropic/thinking.h"
#include "json/parse.h"

namespace weir::anthropic {
namespace {

std::unexpected<Error> Broken(const char* what) {
  return Fail(Code::kBackendFailed, what, {}, "backend_failed");
}

// Arguments that were cut off by a bound of the answer are no object; then {} stands for them, and
// stop_reason says why.
void WriteInput(json::Writer& writer, const std::string& arguments) {
  const auto parsed = json::Parse(arguments);
  writer.Key("input");
  if (parsed && parsed->AsObject() != nullptr) {
    writer.Tree(*parsed);
  } else {
    writer.BeginObject().EndObject();
  }
}

void WriteContent(json::Writer& writer, const chat::Delta& all) {
  using Unsigned = ThinkingBlocks::Unsigned;
  writer.Key("content").BeginArray();
  size_t blocks = 0;
  ThinkingBlocks thinking(all.thoughts, all.reasoning, Unsigned::kWritten);
  thinking.WriteBefore(writer, blocks);
  if (!all.text.empty()) {
    writer.BeginObject().Field("type", "text").Field("text", all.text).EndObject();
    ++blocks;
  }
  for (const chat::ToolCallDelta& call : all.tool_calls) {
    thinking.WriteBefore(writer, blocks++);
    writer.BeginObject().Field("type", "tool_use").Field("id", call.id).Field("name", call.name);
    WriteInput(writer, call.arguments);
    writer.EndObject();
  }
  thinking.WriteBefore(writer, blocks);
  writer.EndArray();
}

}  // namespace

Result<void> WholeAnswer::Append(const chat::Event& event) {
  if (done_) return Broken("the backend went on after its end");
  if (const auto* choice = std::get_if<chat::ChoiceDone>(&event)) {
    if (choice->choice != 0 || ended_) return Broken("the backend ended a choice twice");
    ended_ = true;
    choice_ = *choice;
  }
  if (const auto* done = std::get_if<chat::Done>(&event)) {
    usage_ = done->usage;
    done_ = true;
  }
  const auto* delta = std::get_if<chat::Delta>(&event);
  if (delta == nullptr) return {};
  if (delta->choice != 0) return Broken("the backend answered a choice that was not asked for");
  if (ended_) return Broken("the backend went on with a choice that had ended");
  bytes_ += BytesOf(*delta);
  if (bytes_ > kBytesMax) {
    return Fail(Code::kBackendFailed,
                fmt::format("the answer is over {} bytes; ask for a stream", kBytesMax), {},
                "answer_too_large");
  }
  all_.text += delta->text;
  all_.reasoning += delta->reasoning;
  for (const chat::Thought& thought : delta->thoughts) TakeThought(thought);
  for (const chat::ToolCallDelta& call : delta->tool_calls) {
    const auto index = static_cast<size_t>(call.index);
    if (call.index < 0 || index > all_.tool_calls.size() || call.index >= kCallsMax)
      return Broken("the backend skipped a tool call, or made over 128");
    if (index == all_.tool_calls.size()) all_.tool_calls.emplace_back();
    all_.tool_calls[index].id += call.id;
    all_.tool_calls[index].name += call.name;
    all_.tool_calls[index].arguments += call.arguments;
  }
  return {};
}

void WholeAnswer::TakeThought(chat::Thought thought) {
  thought.at = (all_.text.empty() ? 0 : 1) + all_.tool_calls.size();
  if (thought.hidden.empty())
    thought.text_bytes = all_.reasoning.size() - std::exchange(told_bytes_, all_.reasoning.size());
  all_.thoughts.push_back(std::move(thought));
}

Result<std::string> WholeAnswer::End(std::string_view weir) {
  if (!ended_ || !done_) return Broken("the backend stopped before the answer had ended");
  std::string out;
  json::Writer writer(&out);
  writer.BeginObject().Field("id", head_.id).Field("type", "message");
  writer.Field("role", "assistant").Field("model", head_.model);
  all_.thoughts.push_back({.text_bytes = all_.reasoning.size() - told_bytes_});
  WriteContent(writer, all_);
  WriteStop(writer, choice_);
  writer.Key("usage");
  WriteUsage(writer, usage_);
  if (!weir.empty()) writer.Key("weir").Raw(weir);
  writer.EndObject();
  return out;
}

}  // namespace weir::anthropic

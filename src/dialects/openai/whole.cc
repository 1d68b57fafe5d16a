// WholeAnswer: gathers the events of an answer and renders it once, at the end.
#include <fmt/format.h>

#include "base/check.h"
#include "dialects/openai/answer.h"
#include "dialects/openai/pieces.h"

namespace weir::openai {
namespace {

using Kind = AnswerForm::Kind;

void WriteFunction(json::Writer& writer, const chat::ToolCallDelta& call) {
  writer.BeginObject().Field("name", call.name).Field("arguments", call.arguments).EndObject();
}

void WriteCalls(json::Writer& writer, const std::vector<chat::ToolCallDelta>& calls, bool legacy) {
  if (calls.empty()) return;
  if (legacy) {
    writer.Key("function_call");
    return WriteFunction(writer, calls.front());
  }
  writer.Key("tool_calls").BeginArray();
  for (const chat::ToolCallDelta& call : calls) {
    writer.BeginObject().Field("id", call.id).Field("type", "function").Key("function");
    WriteFunction(writer, call);
    writer.EndObject();
  }
  writer.EndArray();
}

// content is null when the model only called tools.
void WriteMessage(json::Writer& writer, const chat::Delta& all, bool legacy) {
  writer.BeginObject().Field("role", "assistant").Key("content");
  if (all.text.empty() && !all.tool_calls.empty()) {
    writer.Null();
  } else {
    writer.String(all.text);
  }
  writer.Key("refusal").Null();
  if (!all.reasoning.empty()) writer.Field("reasoning_content", all.reasoning);
  WriteCalls(writer, all.tool_calls, legacy);
  writer.EndObject();
}

}  // namespace

WholeAnswer::WholeAnswer(AnswerHead head, const AnswerForm& form)
    : head_(std::move(head)),
      form_(form),
      choices_(form.choices),
      said_(static_cast<size_t>(form.choices)) {
  CHECK(form.choices >= 1 && form.choices <= kChoicesMax, "choices out of range");
}

Result<void> WholeAnswer::Append(const chat::Event& event) {
  if (auto accepted = choices_.Accept(event); !accepted) return accepted;
  if (const auto* delta = std::get_if<chat::Delta>(&event)) return Add(*delta);
  if (const auto* done = std::get_if<chat::ChoiceDone>(&event)) {
    said_[static_cast<size_t>(done->choice)].reason = done->reason;
  }
  if (const auto* done = std::get_if<chat::Done>(&event)) usage_ = done->usage;
  return {};
}

Result<void> WholeAnswer::Add(const chat::Delta& delta) {
  bytes_ += BytesOf(delta);
  if (bytes_ > kBytesMax) {
    return Fail(Code::kBackendFailed,
                fmt::format("the answer is over {} bytes; ask for a stream", kBytesMax), {},
                "answer_too_large");
  }
  chat::Delta& all = said_[static_cast<size_t>(delta.choice)].all;
  all.text += delta.text;
  all.reasoning += delta.reasoning;
  for (const chat::ToolCallDelta& call : delta.tool_calls) {
    const auto index = static_cast<size_t>(call.index);
    if (index == all.tool_calls.size()) all.tool_calls.emplace_back();
    chat::ToolCallDelta& whole = all.tool_calls[index];
    whole.id += call.id;
    whole.name += call.name;
    whole.arguments += call.arguments;
  }
  if (form_.logprobs)
    all.logprobs.insert(all.logprobs.end(), delta.logprobs.begin(), delta.logprobs.end());
  return {};
}

Result<std::string> WholeAnswer::End(std::string_view weir) const {
  if (const auto ended = choices_.CheckEnded(); !ended) return Fail(ended.error());
  const bool chat = form_.kind == Kind::kChat;
  std::string out;
  json::Writer writer(&out);
  writer.BeginObject();
  WriteHead(writer, head_, chat ? "chat.completion" : "text_completion");
  writer.Key("choices").BeginArray();
  for (size_t i = 0; i < said_.size(); ++i) {
    const chat::Delta& all = said_[i].all;
    writer.BeginObject().Field("index", i);
    if (chat) {
      writer.Key("message");
      WriteMessage(writer, all, form_.legacy_functions);
    } else {
      writer.Field("text", all.text);
    }
    writer.Key("logprobs");
    if (!form_.logprobs) {
      writer.Null();
    } else if (chat) {
      WriteLogprobs(writer, all.logprobs);
    } else {
      WriteLegacyLogprobs(writer, all.logprobs, 0);
    }
    writer.Field("finish_reason", FinishWord(said_[i].reason, form_)).EndObject();
  }
  writer.EndArray().Key("usage");
  WriteUsage(writer, usage_);
  if (!weir.empty()) writer.Key("weir").Raw(weir);
  writer.EndObject();
  return out;
}

}  // namespace weir::openai

// StreamEncoder: one `data:` event for each piece. Everything before the choices is the same in
// every event of a stream, so it is rendered once; what is written for a token is a few short
// copies into the caller's buffer.
#include <fmt/format.h>

#include "base/check.h"
#include "dialects/openai/answer.h"
#include "dialects/openai/error.h"
#include "dialects/openai/pieces.h"

namespace weir::openai {
namespace {

using Kind = AnswerForm::Kind;

// id, type and name come in a call's first delta alone.
void WriteCall(json::Writer& writer, const chat::ToolCallDelta& call) {
  writer.BeginObject().Field("index", call.index);
  if (!call.id.empty()) writer.Field("id", call.id);
  if (!call.name.empty()) writer.Field("type", "function");
  writer.Key("function").BeginObject();
  if (!call.name.empty()) writer.Field("name", call.name);
  writer.Field("arguments", call.arguments).EndObject().EndObject();
}

void WriteFunctionCall(json::Writer& writer, const chat::ToolCallDelta& call) {
  writer.Key("function_call").BeginObject();
  if (!call.name.empty()) writer.Field("name", call.name);
  writer.Field("arguments", call.arguments).EndObject();
}

void WriteCalls(json::Writer& writer, const chat::Delta& delta, bool legacy) {
  if (delta.tool_calls.empty()) return;
  if (legacy) return WriteFunctionCall(writer, delta.tool_calls.front());
  writer.Key("tool_calls").BeginArray();
  for (const chat::ToolCallDelta& call : delta.tool_calls) WriteCall(writer, call);
  writer.EndArray();
}

}  // namespace

AnswerForm FormOf(const GenerateCall& call) {
  return {.kind = call.request.prompts.empty() ? Kind::kChat : Kind::kCompletion,
          .choices = call.choices(),
          .logprobs = call.request.logprobs,
          .include_usage = call.include_usage,
          .legacy_functions = call.legacy_functions};
}

StreamEncoder::StreamEncoder(AnswerHead head, const AnswerForm& form)
    : form_(form),
      choices_(form.choices),
      role_sent_(static_cast<size_t>(form.choices)),
      text_offset_(static_cast<size_t>(form.choices)) {
  CHECK(form.choices >= 1 && form.choices <= kChoicesMax, "choices out of range");
  prefix_ = "data: ";
  json::Writer writer(&prefix_);
  writer.BeginObject();
  WriteHead(writer, head, form.kind == Kind::kChat ? "chat.completion.chunk" : "text_completion");
  writer.Key("choices").BeginArray();  // closed by Wrap and End
}

Result<void> StreamEncoder::Append(const chat::Event& event, std::string& out) {
  CHECK(!over_, "an event after the end of its stream");
  if (auto accepted = choices_.Accept(event); !accepted) return accepted;
  if (const auto* delta = std::get_if<chat::Delta>(&event)) AppendDelta(*delta, out);
  if (const auto* done = std::get_if<chat::ChoiceDone>(&event)) AppendDone(*done, out);
  if (const auto* done = std::get_if<chat::Done>(&event)) usage_ = done->usage;
  return {};
}

void StreamEncoder::Progress(const chat::Progress& progress, std::string& out) {
  out += fmt::format(": progress {}/{}\n\n", progress.processed_tokens, progress.total_tokens);
}

void StreamEncoder::Wrap(std::string_view choice, std::string& out) {
  out += prefix_;
  out += choice;
  out += form_.include_usage ? "],\"usage\":null}\n\n" : "]}\n\n";
}

void StreamEncoder::AppendDelta(const chat::Delta& delta, std::string& out) {
  const bool empty = delta.text.empty() && delta.reasoning.empty() && delta.tool_calls.empty() &&
                     (!form_.logprobs || delta.logprobs.empty());
  if (empty) return;
  if (form_.kind == Kind::kChat) {
    AppendRole(delta.choice, out);
    AppendChatDelta(delta, out);
  } else {
    AppendCompletionDelta(delta, out);
  }
}

// Clients take the role from the first delta of a choice, and some want it alone there.
void StreamEncoder::AppendRole(int32_t choice, std::string& out) {
  const auto index = static_cast<size_t>(choice);
  if (form_.kind != Kind::kChat || role_sent_[index]) return;
  role_sent_[index] = true;
  scratch_.clear();
  json::Writer writer(&scratch_);
  writer.BeginObject().Field("index", choice).Key("delta").BeginObject();
  writer.Field("role", "assistant").Field("content", "").EndObject();
  writer.Key("logprobs").Null().Key("finish_reason").Null().EndObject();
  Wrap(scratch_, out);
}

void StreamEncoder::AppendChatDelta(const chat::Delta& delta, std::string& out) {
  scratch_.clear();
  json::Writer writer(&scratch_);
  writer.BeginObject().Field("index", delta.choice).Key("delta").BeginObject();
  if (!delta.reasoning.empty()) writer.Field("reasoning_content", delta.reasoning);
  if (!delta.text.empty()) writer.Field("content", delta.text);
  WriteCalls(writer, delta, form_.legacy_functions);
  writer.EndObject().Key("logprobs");
  if (form_.logprobs && !delta.logprobs.empty()) {
    WriteLogprobs(writer, delta.logprobs);
  } else {
    writer.Null();
  }
  writer.Key("finish_reason").Null().EndObject();
  Wrap(scratch_, out);
}

void StreamEncoder::AppendCompletionDelta(const chat::Delta& delta, std::string& out) {
  scratch_.clear();
  json::Writer writer(&scratch_);
  writer.BeginObject().Field("index", delta.choice).Field("text", delta.text).Key("logprobs");
  if (form_.logprobs && !delta.logprobs.empty()) {
    int64_t& offset = text_offset_[static_cast<size_t>(delta.choice)];
    offset = WriteLegacyLogprobs(writer, delta.logprobs, offset);
  } else {
    writer.Null();
  }
  writer.Key("finish_reason").Null().EndObject();
  Wrap(scratch_, out);
}

void StreamEncoder::AppendDone(const chat::ChoiceDone& done, std::string& out) {
  FlushHeld(out);
  AppendRole(done.choice, out);
  json::Writer writer(&held_);
  writer.BeginObject().Field("index", done.choice);
  if (form_.kind == Kind::kChat) {
    writer.Key("delta").BeginObject().EndObject();
  } else {
    writer.Field("text", "");
  }
  writer.Key("logprobs").Null().Field("finish_reason", FinishWord(done.reason, form_)).EndObject();
}

void StreamEncoder::FlushHeld(std::string& out) {
  if (held_.empty()) return;
  Wrap(held_, out);
  held_.clear();
}

void StreamEncoder::End(std::string_view weir, std::string& out) {
  CHECK(!over_, "a stream that ends twice");
  if (const auto ended = choices_.CheckEnded(); !ended) return Fail(ended.error(), out);
  over_ = true;
  if (form_.include_usage) FlushHeld(out);
  out += prefix_;
  out += held_;
  out += ']';
  if (form_.include_usage) {
    out += ",\"usage\":";
    json::Writer writer(&out);
    WriteUsage(writer, usage_);
  }
  if (!weir.empty()) {
    out += ",\"weir\":";
    out += weir;
  }
  out += "}\n\ndata: [DONE]\n\n";
}

void StreamEncoder::Fail(const Error& error, std::string& out) {
  CHECK(!over_, "a stream that fails after its end");
  over_ = true;
  out += "data: ";
  out += RenderError(error);
  out += "\n\n";
}

}  // namespace weir::openai

#include "dialects/ollama/answer.h"

#include <fmt/format.h>

#include "base/check.h"
#include "dialects/ollama/error.h"
#include "json/parse.h"
#include "json/writer.h"

namespace weir::ollama {
namespace {

constexpr int32_t kCallsMax = 128;

std::unexpected<Error> Broken(const char* what) {
  return ::weir::Fail(Code::kBackendFailed, what, {}, "backend_failed");
}

void WriteToken(json::Writer& writer, std::string_view bytes, std::optional<float> logprob) {
  writer.Field("token", bytes).Key("logprob");
  if (logprob) {
    writer.Float(*logprob);
  } else {
    writer.Null();
  }
  writer.Key("bytes").BeginArray();
  for (const char byte : bytes) writer.Int(static_cast<uint8_t>(byte));
  writer.EndArray();
}

void WriteLogprobs(json::Writer& writer, const std::vector<chat::TokenLogprob>& tokens) {
  if (tokens.empty()) return;
  writer.Key("logprobs").BeginArray();
  for (const chat::TokenLogprob& token : tokens) {
    writer.BeginObject();
    WriteToken(writer, token.bytes, token.logprob);
    if (!token.top.empty()) {
      writer.Key("top_logprobs").BeginArray();
      for (const auto& other : token.top) {
        writer.BeginObject();
        WriteToken(writer, other.bytes, other.logprob);
        writer.EndObject();
      }
      writer.EndArray();
    }
    writer.EndObject();
  }
  writer.EndArray();
}

// Arguments that a bound of the answer cut off are no object; done_reason says why.
void WriteCalls(json::Writer& writer, const std::vector<chat::ToolCallDelta>& calls) {
  if (calls.empty()) return;
  writer.Key("tool_calls").BeginArray();
  for (const chat::ToolCallDelta& call : calls) {
    const auto arguments = json::Parse(call.arguments);
    writer.BeginObject().Field("id", call.id).Key("function").BeginObject();
    writer.Field("index", call.index).Field("name", call.name).Key("arguments");
    if (arguments && arguments->AsObject() != nullptr) {
      writer.Tree(*arguments);
    } else {
      writer.BeginObject().EndObject();
    }
    writer.EndObject().EndObject();
  }
  writer.EndArray();
}

void WriteHead(json::Writer& writer, const AnswerHead& head) {
  writer.BeginObject().Field("model", head.model).Field("created_at", head.created_at);
}

void WriteSaid(json::Writer& writer, const AnswerHead& head, const chat::Delta& delta) {
  if (head.chat) {
    writer.Key("message").BeginObject().Field("role", "assistant").Field("content", delta.text);
  } else {
    writer.Field("response", delta.text);
  }
  if (!delta.reasoning.empty()) writer.Field("thinking", delta.reasoning);
  WriteCalls(writer, delta.tool_calls);
  if (head.chat) writer.EndObject();
  WriteLogprobs(writer, delta.logprobs);
}

std::string_view ReasonWord(chat::FinishReason reason) {
  switch (reason) {
    case chat::FinishReason::kLength:
      return "length";
    case chat::FinishReason::kContentFilter:
      return "content_filter";
    case chat::FinishReason::kStop:
    case chat::FinishReason::kToolCalls:
      break;
  }
  return "stop";
}

int64_t Nanoseconds(double ms) { return static_cast<int64_t>(ms * 1e6); }

// Counts that were not reported are left out.
void WriteFigures(json::Writer& writer, const chat::Done& done) {
  writer.Field("total_duration", Nanoseconds(done.queue_ms + done.prompt_ms + done.decode_ms));
  writer.Field("load_duration", Nanoseconds(done.queue_ms));
  if (done.usage.prompt_tokens) writer.Field("prompt_eval_count", *done.usage.prompt_tokens);
  writer.Field("prompt_eval_duration", Nanoseconds(done.prompt_ms));
  if (done.usage.completion_tokens) writer.Field("eval_count", *done.usage.completion_tokens);
  writer.Field("eval_duration", Nanoseconds(done.decode_ms));
}

void WriteContext(json::Writer& writer, const std::vector<int32_t>& context) {
  writer.Key("context").BeginArray();
  for (const int32_t token : context) writer.Int(token);
  writer.EndArray();
}

}  // namespace

Result<void> Encoder::Append(const chat::Event& event, std::string& out) {
  CHECK(!over_, "an event after the end of its answer");
  if (const auto* delta = std::get_if<chat::Delta>(&event)) return Add(*delta, out);
  if (const auto* choice = std::get_if<chat::ChoiceDone>(&event)) {
    if (choice->choice != 0 || ended_) return Broken("the backend ended a choice twice");
    ended_ = true;
    choice_ = *choice;
  }
  if (const auto* started = std::get_if<chat::Started>(&event)) context_ = started->prompt;
  if (const auto* done = std::get_if<chat::Done>(&event)) done_ = *done;
  return {};
}

Result<void> Encoder::Add(const chat::Delta& delta, std::string& out) {
  if (delta.choice != 0) return Broken("the backend answered a choice that was not asked for");
  if (ended_) return Broken("the backend went on with a choice that had ended");
  if (auto held = Hold(delta); !held) return held;
  if (!context_.empty()) context_.insert(context_.end(), delta.tokens.begin(), delta.tokens.end());
  const bool says = !delta.text.empty() || !delta.reasoning.empty() || !delta.logprobs.empty();
  if (streams_ && says) AppendLine(delta, out);
  return {};
}

Result<void> Encoder::Hold(const chat::Delta& delta) {
  bytes_ += BytesOf(delta);
  if (!streams_) {
    held_.text += delta.text;
    held_.reasoning += delta.reasoning;
    held_.logprobs.insert(held_.logprobs.end(), delta.logprobs.begin(), delta.logprobs.end());
  }
  for (const chat::ToolCallDelta& call : delta.tool_calls) {
    const auto index = static_cast<size_t>(call.index);
    if (call.index < 0 || index > held_.tool_calls.size() || call.index >= kCallsMax)
      return Broken("the backend skipped a tool call, or made over 128");
    if (index == held_.tool_calls.size()) held_.tool_calls.push_back({.index = call.index});
    held_.tool_calls[index].id += call.id;
    held_.tool_calls[index].name += call.name;
    held_.tool_calls[index].arguments += call.arguments;
  }
  const bool holds = !streams_ || !held_.tool_calls.empty();
  if (!holds || bytes_ <= kBytesMax) return {};
  return ::weir::Fail(Code::kBackendFailed,
                      fmt::format("the answer is over {} bytes; ask for a stream", kBytesMax), {},
                      "answer_too_large");
}

void Encoder::AppendLine(const chat::Delta& delta, std::string& out) const {
  chat::Delta said = delta;
  said.tool_calls.clear();
  json::Writer writer(&out);
  WriteHead(writer, head_);
  WriteSaid(writer, head_, said);
  writer.Field("done", false).EndObject();
  out += '\n';
}

Result<void> Encoder::End(std::string_view weir, std::string& out) {
  CHECK(!over_, "an answer that ends twice");
  if (!ended_) return Broken("the backend stopped before the answer had ended");
  over_ = true;
  if (streams_ && !held_.tool_calls.empty()) {
    json::Writer calls(&out);
    WriteHead(calls, head_);
    WriteSaid(calls, head_, held_);
    calls.Field("done", false).EndObject();
    out += '\n';
    held_ = {};
  }
  json::Writer writer(&out);
  WriteHead(writer, head_);
  WriteSaid(writer, head_, held_);
  writer.Field("done", true).Field("done_reason", ReasonWord(choice_.reason));
  if (!context_.empty()) WriteContext(writer, context_);
  WriteFigures(writer, done_);
  if (!weir.empty()) writer.Key("weir").Raw(weir);
  writer.EndObject();
  if (streams_) out += '\n';
  return {};
}

void Encoder::Fail(const Error& error, std::string& out) {
  over_ = true;
  out += RenderError(error);
  out += '\n';
}

std::string RenderLoaded(const AnswerHead& head, bool unloaded) {
  std::string out;
  json::Writer writer(&out);
  WriteHead(writer, head);
  WriteSaid(writer, head, {});
  writer.Field("done", true).Field("done_reason", unloaded ? "unload" : "load").EndObject();
  return out;
}

}  // namespace weir::ollama

#include <fmt/format.h>

#include <algorithm>

#include "base/base64.h"
#include "dialects/ollama/provider.h"
#include "dialects/provider/malformed.h"
#include "dialects/provider/request_pieces.h"
#include "dialects/provider/strict_calls.h"
#include "json/writer.h"

namespace weir::ollama {
namespace {

using chat::GenerateRequest;
using chat::Message;
using chat::Part;
using chat::Role;
using Effort = chat::Reasoning::Effort;
using Mode = chat::ToolChoice::Mode;

void WriteImages(json::Writer& writer, const Message& message) {
  const auto is_image = [](const Part& part) { return part.kind == Part::Kind::kImage; };
  if (std::ranges::none_of(message.parts, is_image)) return;
  writer.Key("images").BeginArray();
  for (const Part& part : message.parts) {
    if (is_image(part)) writer.String(EncodeBase64(part.data));
  }
  writer.EndArray();
}

Result<void> WriteCalls(json::Writer& writer, const Message& message, size_t index) {
  if (message.tool_calls.empty()) return {};
  writer.Key("tool_calls").BeginArray();
  for (size_t k = 0; k < message.tool_calls.size(); ++k) {
    const chat::ToolCall& call = message.tool_calls[k];
    const auto arguments = provider::ArgumentsOf(call, index, k);
    if (!arguments) return Fail(arguments.error());
    writer.BeginObject().Field("id", call.id).Key("function").BeginObject();
    writer.Field("name", call.name).Key("arguments").Tree(*arguments).EndObject().EndObject();
  }
  writer.EndArray();
  return {};
}

Result<void> WriteMessage(json::Writer& writer, const Message& message, size_t index) {
  const bool developer = message.role == Role::kDeveloper;
  writer.BeginObject().Field("role", developer ? "system" : chat::RoleName(message.role));
  writer.Field("content", chat::TextOf(message));
  if (!message.reasoning.empty()) writer.Field("thinking", message.reasoning);
  WriteImages(writer, message);
  if (message.role == Role::kTool) {
    if (!message.name.empty()) writer.Field("tool_name", message.name);
    writer.Field("tool_call_id", message.tool_call_id);
  }
  if (auto written = WriteCalls(writer, message, index); !written) return written;
  writer.EndObject();
  return {};
}

Result<void> WriteMessages(json::Writer& writer, const GenerateRequest& request) {
  writer.Key("messages").BeginArray();
  for (size_t i = 0; i < request.messages.size(); ++i) {
    if (auto written = WriteMessage(writer, request.messages[i], i); !written) return written;
  }
  writer.EndArray();
  return {};
}

Result<void> WriteTools(json::Writer& writer, const GenerateRequest& request) {
  if (request.tools.empty() || request.tool_choice.mode == Mode::kNone) return {};
  if (request.tool_choice.mode == Mode::kRequired)
    return provider::NotSupported("tool_choice", "cannot be made to call a tool");
  writer.Key("tools").BeginArray();
  for (size_t i = 0; i < request.tools.size(); ++i) {
    const chat::Tool& tool = request.tools[i];
    if (!provider::IsAllowed(request.tool_choice, tool.name)) continue;
    const auto schema = provider::SchemaOf(tool, i);
    if (!schema) return Fail(schema.error());
    if (tool.strict) {
      if (auto can = provider::CanCheck(*schema, i); !can) return can;
    }
    writer.BeginObject().Field("type", "function").Key("function").BeginObject();
    writer.Field("name", tool.name).Field("description", tool.description);
    writer.Key("parameters").Tree(*schema).EndObject().EndObject();
  }
  writer.EndArray();
  return {};
}

Result<void> WriteFormat(json::Writer& writer, const chat::ResponseFormat& format) {
  using Kind = chat::ResponseFormat::Kind;
  if (format.kind == Kind::kJsonObject) writer.Field("format", "json");
  if (format.kind != Kind::kJsonSchema) return {};
  const auto schema = provider::ParseText(format.schema, "response_format", true);
  if (!schema) return Fail(schema.error());
  writer.Key("format").Tree(*schema);
  return {};
}

void WriteThink(json::Writer& writer, Effort effort) {
  switch (effort) {
    case Effort::kDefault:
      return;
    case Effort::kNone:
      writer.Field("think", false);
      return;
    case Effort::kMinimal:
    case Effort::kLow:
      writer.Field("think", "low");
      return;
    case Effort::kMedium:
      writer.Field("think", "medium");
      return;
    case Effort::kHigh:
    case Effort::kXHigh:
    case Effort::kMax:
      writer.Field("think", "high");
      return;
  }
}

void WriteFloat(json::Writer& writer, std::string_view key, const std::optional<float>& value) {
  if (value) writer.Key(key).Float(*value);
}
void WriteInt(json::Writer& writer, std::string_view key, const std::optional<int32_t>& value) {
  if (value) writer.Field(key, *value);
}

// A target's configured context is asked for: what Ollama would choose by itself cuts prompts off
// in silence.
void WriteOptions(json::Writer& writer, const GenerateRequest& request,
                  const chat::ProviderModel& model) {
  const chat::Sampling& sampling = request.sampling;
  writer.Key("options").BeginObject();
  if (model.context_tokens) writer.Field("num_ctx", *model.context_tokens);
  WriteFloat(writer, "temperature", sampling.temperature);
  WriteInt(writer, "top_k", sampling.top_k);
  WriteFloat(writer, "top_p", sampling.top_p);
  WriteFloat(writer, "min_p", sampling.min_p);
  WriteFloat(writer, "typical_p", sampling.typical_p);
  WriteFloat(writer, "repeat_penalty", sampling.repeat_penalty);
  WriteInt(writer, "repeat_last_n", sampling.penalty_last_n);
  WriteFloat(writer, "frequency_penalty", sampling.frequency_penalty);
  WriteFloat(writer, "presence_penalty", sampling.presence_penalty);
  WriteInt(writer, "mirostat", sampling.mirostat);
  WriteFloat(writer, "mirostat_tau", sampling.mirostat_tau);
  WriteFloat(writer, "mirostat_eta", sampling.mirostat_eta);
  if (sampling.seed) writer.Field("seed", *sampling.seed);
  WriteInt(writer, "num_predict", request.max_tokens);
  if (!request.stop.empty()) {
    writer.Key("stop").BeginArray();
    for (const std::string& text : request.stop) writer.String(text);
    writer.EndArray();
  }
  writer.EndObject();
}

void WriteKeepAlive(json::Writer& writer, const std::optional<int64_t>& keep_alive_ms) {
  if (!keep_alive_ms) return;
  writer.Key("keep_alive");
  if (*keep_alive_ms < 0) {
    writer.Int(-1);
  } else {
    writer.String(fmt::format("{}ms", *keep_alive_ms));
  }
}

// Text that goes on, without a chat around it. With a suffix it is the model's own template that
// says how a middle is filled in, so that the prompt is not raw there.
Result<void> WritePrompt(json::Writer& writer, const GenerateRequest& request) {
  if (request.prompts.size() != 1)
    return provider::NotSupported("prompt", "takes one prompt in a request");
  if (!request.prompts[0].tokens.empty())
    return provider::NotSupported("prompt", "takes texts, no token ids");
  if (!request.files.empty())
    return provider::NotSupported("input_extra",
                                  "takes no files besides the one that is filled in");
  writer.Field("prompt", request.prompts[0].text);
  if (request.has_suffix) {
    writer.Field("suffix", request.suffix);
  } else {
    writer.Field("raw", true);
  }
  return {};
}

}  // namespace

Result<chat::ProviderCall> WriteProviderChat(const GenerateRequest& request,
                                             const chat::ProviderModel& model,
                                             const chat::Quirks& quirks, bool stream) {
  const auto fits = provider::CheckFields(kProviderRules, {}, quirks.refuses, request);
  if (!fits) return Fail(fits.error());
  std::string body;
  json::Writer writer(&body);
  writer.BeginObject().Field("model", model.name);
  const bool chats = request.prompts.empty();
  if (auto done = chats ? WriteMessages(writer, request) : WritePrompt(writer, request); !done)
    return Fail(done.error());
  if (auto done = WriteTools(writer, request); !done) return Fail(done.error());
  if (auto done = WriteFormat(writer, request.response_format); !done) return Fail(done.error());
  WriteThink(writer, request.reasoning.effort);
  WriteOptions(writer, request, model);
  if (request.logprobs) {
    writer.Field("logprobs", true);
    if (request.top_logprobs > 0) writer.Field("top_logprobs", request.top_logprobs);
  }
  WriteKeepAlive(writer, request.keep_alive_ms);
  writer.Field("stream", stream).EndObject();
  return provider::JsonCall(chats ? "/api/chat" : "/api/generate", std::move(body), stream,
                            stream ? "application/x-ndjson" : "application/json");
}

Result<chat::ProviderCall> WriteProviderEmbeddings(const chat::EmbedRequest& request,
                                                   const chat::ProviderModel& model,
                                                   const chat::Quirks&) {
  std::string body;
  json::Writer writer(&body);
  writer.BeginObject().Field("model", model.name).Key("input").BeginArray();
  for (const chat::Prompt& input : request.inputs) {
    if (!input.tokens.empty()) return provider::NotSupported("input", "takes texts, no token ids");
    writer.String(input.text);
  }
  writer.EndArray().Field("truncate", request.input_tokens_max.has_value());
  WriteInt(writer, "dimensions", request.dimensions);
  WriteKeepAlive(writer, request.keep_alive_ms);
  writer.EndObject();
  return provider::JsonCall("/api/embed", std::move(body), false, "application/json");
}

chat::ProviderCall ListProviderModels(const chat::Quirks&) {
  return {.method = "GET", .path = "/api/tags", .headers = {{"accept", "application/json"}}};
}

chat::ProviderCall ShowProviderModel(const std::string& name) {
  return {.path = "/api/show",
          .headers = {{"content-type", "application/json"}, {"accept", "application/json"}},
          .body = json::Print(json::Object{{"model", json::Value(name)}})};
}

}  // namespace weir::ollama

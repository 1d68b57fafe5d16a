#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "base/base64.h"
#include "dialects/gemini/provider.h"
#include "dialects/provider/malformed.h"
#include "dialects/provider/request_pieces.h"
#include "json/parse.h"
#include "json/writer.h"

namespace weir::gemini {
namespace {

using chat::GenerateRequest;
using chat::Message;
using chat::Part;
using chat::Role;
using Effort = chat::Reasoning::Effort;
using Mode = chat::ToolChoice::Mode;

constexpr size_t kStopsMax = 5;
constexpr uint32_t kSeedMax = INT32_MAX;
// What Google documents for calls whose signature is not there: they were made by another model, or
// came through a dialect that has no place for it.
constexpr std::string_view kNoSignature = "skip_thought_signature_validator";

bool IsSystem(const Message& message) {
  return message.role == Role::kSystem || message.role == Role::kDeveloper;
}

void WriteText(json::Writer& writer, std::string_view text) {
  writer.BeginObject().Field("text", text).EndObject();
}

void WriteParts(json::Writer& writer, const Message& message) {
  for (const Part& part : message.parts) {
    if (part.kind == Part::Kind::kText) {
      WriteText(writer, part.text);
      continue;
    }
    writer.BeginObject().Key("inlineData").BeginObject();
    writer.Field("mimeType", part.media_type.empty() ? std::string_view("application/octet-stream")
                                                     : std::string_view(part.media_type));
    writer.Field("data", EncodeBase64(part.data)).EndObject().EndObject();
  }
}

Result<void> WriteCalls(json::Writer& writer, const Message& message, size_t index) {
  for (size_t k = 0; k < message.tool_calls.size(); ++k) {
    const chat::ToolCall& call = message.tool_calls[k];
    const auto arguments = provider::ArgumentsOf(call, index, k);
    if (!arguments) return Fail(arguments.error());
    writer.BeginObject().Key("functionCall").BeginObject().Field("name", call.name);
    writer.Key("args").Tree(*arguments).EndObject();
    if (k == 0) writer.Field("thoughtSignature", kNoSignature);
    writer.EndObject();
  }
  return {};
}

// A result must be an object there; text becomes {"result": text}.
Result<void> WriteToolResult(json::Writer& writer, const Message& message, size_t index) {
  if (message.name.empty()) {
    return provider::NotSupported(fmt::format("messages[{}].tool_call_id", index),
                                  "needs tool results to answer a call of this conversation");
  }
  const std::string text = chat::TextOf(message);
  const auto parsed = json::Parse(text);
  writer.BeginObject().Key("functionResponse").BeginObject().Field("name", message.name);
  writer.Key("response");
  if (parsed && parsed->AsObject() != nullptr) {
    writer.Tree(*parsed);
  } else {
    writer.BeginObject().Field("result", text).EndObject();
  }
  writer.EndObject().EndObject();
  return {};
}

Result<void> WriteTurn(json::Writer& writer, const Message& message, size_t index) {
  if (IsSystem(message)) {
    WriteText(writer, "<system>" + chat::TextOf(message) + "</system>");
    return {};
  }
  if (message.role == Role::kTool) return WriteToolResult(writer, message, index);
  WriteParts(writer, message);
  return WriteCalls(writer, message, index);
}

// Tool results of one turn must stand together, apart from what the user says next.
int TurnOf(const Message& message) {
  if (message.role == Role::kAssistant) return 0;
  return message.role == Role::kTool ? 1 : 2;
}

Result<void> WriteContents(json::Writer& writer, const std::vector<Message>& messages) {
  size_t i = 0;
  while (i < messages.size() && IsSystem(messages[i])) ++i;
  if (i > 0) {
    writer.Key("systemInstruction").BeginObject().Key("parts").BeginArray();
    for (const Message& message : std::span(messages).first(i)) WriteParts(writer, message);
    writer.EndArray().EndObject();
  }
  writer.Key("contents").BeginArray();
  while (i < messages.size()) {
    const int turn = TurnOf(messages[i]);
    writer.BeginObject().Field("role", turn == 0 ? "model" : "user").Key("parts").BeginArray();
    for (; i < messages.size() && TurnOf(messages[i]) == turn; ++i) {
      if (auto written = WriteTurn(writer, messages[i], i); !written) return written;
    }
    writer.EndArray().EndObject();
  }
  writer.EndArray();
  return {};
}

// Without a required call, "only these" is said by sending only these.
bool IsSent(const chat::ToolChoice& choice, const std::string& name) {
  return choice.mode != Mode::kAuto || provider::IsAllowed(choice, name);
}

Result<void> WriteTools(json::Writer& writer, const GenerateRequest& request) {
  if (request.tools.empty()) return {};
  writer.Key("tools").BeginArray().BeginObject().Key("functionDeclarations").BeginArray();
  for (size_t i = 0; i < request.tools.size(); ++i) {
    const chat::Tool& tool = request.tools[i];
    if (!IsSent(request.tool_choice, tool.name)) continue;
    writer.BeginObject().Field("name", tool.name).Field("description", tool.description);
    if (!tool.parameters.empty()) {
      const auto schema = provider::SchemaOf(tool, i);
      if (!schema) return Fail(schema.error());
      writer.Key("parametersJsonSchema").Tree(*schema);
    }
    writer.EndObject();
  }
  writer.EndArray().EndObject().EndArray();
  return {};
}

std::string_view ModeWord(const GenerateRequest& request) {
  switch (request.tool_choice.mode) {
    case Mode::kNone:
      return "NONE";
    case Mode::kRequired:
      return "ANY";
    case Mode::kAuto:
      break;
  }
  return std::ranges::any_of(request.tools, &chat::Tool::strict) ? "VALIDATED" : "AUTO";
}

void WriteToolConfig(json::Writer& writer, const GenerateRequest& request) {
  const std::string_view mode = ModeWord(request);
  if (request.tools.empty() || mode == "AUTO") return;
  writer.Key("toolConfig").BeginObject().Key("functionCallingConfig").BeginObject();
  writer.Field("mode", mode);
  if (mode == "ANY" && !request.tool_choice.names.empty()) {
    writer.Key("allowedFunctionNames").BeginArray();
    for (const std::string& name : request.tool_choice.names) writer.String(name);
    writer.EndArray();
  }
  writer.EndObject().EndObject();
}

std::string_view LevelWord(Effort effort) {
  switch (effort) {
    case Effort::kDefault:
    case Effort::kNone:
      return "";
    case Effort::kMinimal:
      return "MINIMAL";
    case Effort::kLow:
      return "LOW";
    case Effort::kMedium:
      return "MEDIUM";
    case Effort::kHigh:
    case Effort::kXHigh:
    case Effort::kMax:
      return "HIGH";
  }
  return "";
}

Result<void> WriteThinking(json::Writer& writer, const chat::Reasoning& reasoning) {
  const std::string_view level = LevelWord(reasoning.effort);
  if (reasoning.effort == Effort::kDefault && !reasoning.budget_tokens) return {};
  if (!level.empty() && reasoning.budget_tokens) {
    return provider::NotSupported("reasoning_budget",
                                  "takes a level or a budget for thinking, not both");
  }
  const int32_t budget = reasoning.budget_tokens.value_or(0);
  writer.Key("thinkingConfig").BeginObject();
  if (level.empty()) {
    writer.Field("thinkingBudget", budget);
  } else {
    writer.Field("thinkingLevel", level);
  }
  if (!level.empty() || budget > 0) writer.Field("includeThoughts", true);
  writer.EndObject();
  return {};
}

Result<void> WriteFormat(json::Writer& writer, const chat::ResponseFormat& format) {
  using Kind = chat::ResponseFormat::Kind;
  if (format.kind != Kind::kJsonObject && format.kind != Kind::kJsonSchema) return {};
  writer.Field("responseMimeType", "application/json");
  if (format.kind == Kind::kJsonObject) return {};
  const auto schema = provider::ParseText(format.schema, "response_format", true);
  if (!schema) return Fail(schema.error());
  writer.Key("responseJsonSchema").Tree(*schema);
  return {};
}

void WriteFloat(json::Writer& writer, std::string_view key, const std::optional<float>& value) {
  if (value) writer.Key(key).Float(*value);
}

Result<void> WriteSampling(json::Writer& writer, const GenerateRequest& request) {
  const chat::Sampling& sampling = request.sampling;
  WriteFloat(writer, "temperature", sampling.temperature);
  WriteFloat(writer, "topP", sampling.top_p);
  if (sampling.top_k.value_or(0) != 0) writer.Field("topK", *sampling.top_k);
  // Models that lack the penalties refuse them even as 0.
  if (sampling.presence_penalty.value_or(0) != 0)
    WriteFloat(writer, "presencePenalty", sampling.presence_penalty);
  if (sampling.frequency_penalty.value_or(0) != 0)
    WriteFloat(writer, "frequencyPenalty", sampling.frequency_penalty);
  if (!sampling.seed) return {};
  if (*sampling.seed > kSeedMax)
    return provider::NotSupported("seed", fmt::format("takes seeds up to {}", kSeedMax));
  writer.Field("seed", *sampling.seed);
  return {};
}

Result<void> WriteStop(json::Writer& writer, const std::vector<std::string>& stop) {
  if (stop.empty()) return {};
  if (stop.size() > kStopsMax)
    return provider::NotSupported("stop", fmt::format("takes at most {} stop strings", kStopsMax));
  writer.Key("stopSequences").BeginArray();
  for (const std::string& text : stop) writer.String(text);
  writer.EndArray();
  return {};
}

Result<void> WriteConfig(json::Writer& writer, const GenerateRequest& request) {
  writer.Key("generationConfig").BeginObject();
  if (auto done = WriteSampling(writer, request); !done) return done;
  if (request.n != 1) writer.Field("candidateCount", request.n);
  if (request.max_tokens) writer.Field("maxOutputTokens", *request.max_tokens);
  if (auto done = WriteStop(writer, request.stop); !done) return done;
  if (request.logprobs) {
    writer.Field("responseLogprobs", true);
    if (request.top_logprobs > 0) writer.Field("logprobs", request.top_logprobs);
  }
  if (auto done = WriteFormat(writer, request.response_format); !done) return done;
  if (auto done = WriteThinking(writer, request.reasoning); !done) return done;
  writer.EndObject();
  return {};
}

// "gemini-x", "models/gemini-x" or "tunedModels/x".
Result<std::string> ModelPath(std::string_view name) {
  std::string_view kind = "models";
  for (const std::string_view known : {"models", "tunedModels"}) {
    if (!name.starts_with(known) || name.substr(known.size(), 1) != "/") continue;
    kind = known;
    name.remove_prefix(known.size() + 1);
    break;
  }
  const auto segment = provider::PathSegment(name);
  if (!segment) return Fail(segment.error());
  return fmt::format("/{}/{}", kind, *segment);
}

}  // namespace

Result<chat::ProviderCall> WriteProviderChat(const GenerateRequest& request,
                                             const chat::ProviderModel& model,
                                             const chat::Quirks& quirks, bool stream) {
  const auto fits = provider::CheckFields(kProviderRules, {}, quirks.refuses, request);
  if (!fits) return Fail(fits.error());
  auto path = ModelPath(model.name);
  if (!path) return Fail(path.error());
  std::string body;
  json::Writer writer(&body);
  writer.BeginObject();
  if (auto done = WriteContents(writer, request.messages); !done) return Fail(done.error());
  if (auto done = WriteTools(writer, request); !done) return Fail(done.error());
  WriteToolConfig(writer, request);
  if (auto done = WriteConfig(writer, request); !done) return Fail(done.error());
  writer.EndObject();
  *path += stream ? ":streamGenerateContent?alt=sse" : ":generateContent";
  return provider::JsonCall(std::move(*path), std::move(body), stream,
                            stream ? "text/event-stream" : "application/json");
}

Result<chat::ProviderCall> WriteProviderEmbeddings(const chat::EmbedRequest& request,
                                                   const chat::ProviderModel& model,
                                                   const chat::Quirks&) {
  auto path = ModelPath(model.name);
  if (!path) return Fail(path.error());
  std::string body;
  json::Writer writer(&body);
  writer.BeginObject().Key("requests").BeginArray();
  for (const chat::Prompt& input : request.inputs) {
    if (!input.tokens.empty()) return provider::NotSupported("input", "takes texts, no token ids");
    writer.BeginObject().Field("model", path->substr(1)).Key("content").BeginObject();
    writer.Key("parts").BeginArray();
    WriteText(writer, input.text);
    writer.EndArray().EndObject();
    if (request.dimensions) writer.Field("outputDimensionality", *request.dimensions);
    writer.EndObject();
  }
  writer.EndArray().EndObject();
  return provider::JsonCall(*path + ":batchEmbedContents", std::move(body), false,
                            "application/json");
}

chat::ProviderCall ListProviderModels(const chat::Quirks&) {
  return {.method = "GET",
          .path = "/models?pageSize=1000",
          .headers = {{"accept", "application/json"}}};
}

}  // namespace weir::gemini

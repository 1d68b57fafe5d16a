#include <fmt/format.h>

#include <algorithm>

#include "dialects/anthropic/provider.h"
#include "dialects/anthropic/provider_messages.h"
#include "dialects/provider/malformed.h"
#include "dialects/provider/request_pieces.h"
#include "json/writer.h"

namespace weir::anthropic {
namespace {

using chat::GenerateRequest;
using Effort = chat::Reasoning::Effort;
using Mode = chat::ToolChoice::Mode;

constexpr std::string_view kVersion = "2023-06-01";
constexpr int64_t kMaxTokensUnknown = 4096;
constexpr int32_t kBudgetMin = 1024;

Result<void> WriteTools(json::Writer& writer, const GenerateRequest& request) {
  if (request.tools.empty()) return {};
  writer.Key("tools").BeginArray();
  for (size_t i = 0; i < request.tools.size(); ++i) {
    const chat::Tool& tool = request.tools[i];
    if (!provider::IsAllowed(request.tool_choice, tool.name)) continue;
    const auto schema = provider::SchemaOf(tool, i);
    if (!schema) return Fail(schema.error());
    writer.BeginObject().Field("name", tool.name);
    if (!tool.description.empty()) writer.Field("description", tool.description);
    writer.Key("input_schema").Tree(*schema);
    if (tool.strict) writer.Field("strict", true);
    WriteCacheMark(writer, tool.cache);
    writer.EndObject();
  }
  writer.EndArray();
  return {};
}

void WriteToolChoice(json::Writer& writer, const GenerateRequest& request) {
  const chat::ToolChoice& choice = request.tool_choice;
  const bool serial = !request.parallel_tool_calls;
  if (request.tools.empty() || (choice.mode == Mode::kAuto && !serial)) return;
  writer.Key("tool_choice").BeginObject();
  if (choice.mode == Mode::kNone) {
    writer.Field("type", "none");
  } else {
    const bool named = choice.mode == Mode::kRequired && choice.names.size() == 1;
    writer.Field("type", choice.mode == Mode::kAuto ? "auto" : named ? "tool" : "any");
    if (named) writer.Field("name", choice.names[0]);
    if (serial) writer.Field("disable_parallel_tool_use", true);
  }
  writer.EndObject();
}

std::string_view EffortWord(Effort effort) {
  switch (effort) {
    case Effort::kDefault:
    case Effort::kNone:
      return "";
    case Effort::kMinimal:
    case Effort::kLow:
      return "low";
    case Effort::kMedium:
      return "medium";
    case Effort::kHigh:
      return "high";
    case Effort::kXHigh:
      return "xhigh";
    case Effort::kMax:
      return "max";
  }
  return "";
}

// What Anthropic does not take besides thinking.
Result<void> CheckThinking(const GenerateRequest& request, int64_t max_tokens) {
  const chat::Reasoning& reasoning = request.reasoning;
  const bool off = reasoning.effort == Effort::kNone || reasoning.budget_tokens == 0;
  const bool asked = reasoning.effort != Effort::kDefault || reasoning.budget_tokens;
  if (!asked || off) return {};
  const int32_t budget = reasoning.budget_tokens.value_or(kBudgetMin);
  if (budget < kBudgetMin || budget >= std::max<int64_t>(max_tokens, kBudgetMin + 1)) {
    return provider::NotSupported(
        "reasoning_budget", fmt::format("takes a budget from {} to below max_tokens", kBudgetMin));
  }
  const chat::Sampling& sampling = request.sampling;
  if (sampling.temperature && *sampling.temperature != 1)
    return provider::NotSupported("temperature", "takes no temperature besides thinking");
  if (sampling.top_k.value_or(0) != 0)
    return provider::NotSupported("top_k", "takes no top_k besides thinking");
  return {};
}

// Whether the turn that is asked for goes on after a tool's result, without the signed thinking
// that it began with. Anthropic wants that back; who called the tool without any, or speaks a
// dialect that does not carry it, has none, so that thinking pauses until the next turn.
bool LacksThinking(const GenerateRequest& request) {
  const auto& messages = request.messages;
  if (messages.empty() || messages.back().role != chat::Role::kTool) return false;
  const auto asked = std::ranges::find(messages.rbegin(), messages.rend(), chat::Role::kAssistant,
                                       &chat::Message::role);
  return asked == messages.rend() ||
         std::ranges::none_of(asked->thoughts, [](const chat::Thought& thought) {
           return thought.at == 0 && !(thought.signature.empty() && thought.hidden.empty());
         });
}

void WriteThinking(json::Writer& writer, const GenerateRequest& request) {
  const chat::Reasoning& reasoning = request.reasoning;
  const bool off = reasoning.effort == Effort::kNone || reasoning.budget_tokens == 0;
  using Thinking = chat::Reasoning::Thinking;
  const bool unasked =
      reasoning.thinking == Thinking::kUnasked ||
      (reasoning.thinking == Thinking::kByEffort && reasoning.effort == Effort::kDefault);
  if (unasked && !reasoning.budget_tokens) return;
  writer.Key("thinking").BeginObject();
  if (off || (reasoning.budget_tokens && LacksThinking(request))) {
    writer.Field("type", "disabled");
  } else if (reasoning.budget_tokens) {
    writer.Field("type", "enabled").Field("budget_tokens", *reasoning.budget_tokens);
  } else {
    writer.Field("type", "adaptive").Field("display", "summarized");
  }
  writer.EndObject();
}

Result<void> WriteOutputConfig(json::Writer& writer, const GenerateRequest& request) {
  const bool schema = request.response_format.kind == chat::ResponseFormat::Kind::kJsonSchema;
  const std::string_view effort = EffortWord(request.reasoning.effort);
  if (!schema && effort.empty()) return {};
  writer.Key("output_config").BeginObject();
  if (!effort.empty()) writer.Field("effort", effort);
  if (schema) {
    const auto parsed =
        provider::ParseText(request.response_format.schema, "response_format", true);
    if (!parsed) return Fail(parsed.error());
    writer.Key("format").BeginObject().Field("type", "json_schema");
    writer.Key("schema").Tree(*parsed).EndObject();
  }
  writer.EndObject();
  return {};
}

Result<void> WriteSampling(json::Writer& writer, const GenerateRequest& request) {
  const chat::Sampling& sampling = request.sampling;
  if (sampling.temperature.value_or(0) > 1)
    return provider::NotSupported("temperature", "takes a temperature from 0 to 1");
  if (sampling.temperature) writer.Key("temperature").Float(*sampling.temperature);
  if (sampling.top_p.value_or(1) != 1) writer.Key("top_p").Float(*sampling.top_p);
  if (sampling.top_k.value_or(0) != 0) writer.Field("top_k", *sampling.top_k);
  if (request.stop.empty()) return {};
  writer.Key("stop_sequences").BeginArray();
  for (const std::string& text : request.stop) writer.String(text);
  writer.EndArray();
  return {};
}

Result<std::string> WriteBody(const GenerateRequest& request, const chat::ProviderModel& model,
                              bool stream) {
  std::string body;
  json::Writer writer(&body);
  int64_t max_tokens = model.max_output_tokens.value_or(kMaxTokensUnknown);
  if (request.max_tokens) max_tokens = *request.max_tokens;
  if (auto fits = CheckThinking(request, max_tokens); !fits) return Fail(fits.error());
  writer.BeginObject().Field("model", model.name).Field("max_tokens", max_tokens);
  if (auto done = WriteProviderMessages(writer, request); !done) return Fail(done.error());
  if (auto done = WriteTools(writer, request); !done) return Fail(done.error());
  WriteToolChoice(writer, request);
  WriteThinking(writer, request);
  if (auto done = WriteOutputConfig(writer, request); !done) return Fail(done.error());
  if (auto done = WriteSampling(writer, request); !done) return Fail(done.error());
  provider::WriteFieldsOf(writer, "anthropic.", request);
  if (stream) writer.Field("stream", true);
  writer.EndObject();
  return body;
}

std::string VersionOf(const chat::Quirks& quirks) {
  return quirks.api_version.empty() ? std::string(kVersion) : quirks.api_version;
}

}  // namespace

Result<chat::ProviderCall> WriteProviderChat(const GenerateRequest& request,
                                             const chat::ProviderModel& model,
                                             const chat::Quirks& quirks, bool stream) {
  const auto fits = provider::CheckFields(kProviderRules, {}, quirks.refuses, request);
  if (!fits) return Fail(fits.error());
  auto body = WriteBody(request, model, stream);
  if (!body) return Fail(body.error());
  auto call = provider::JsonCall("/messages", std::move(*body), stream,
                                 stream ? "text/event-stream" : "application/json");
  if (!call) return call;
  call->headers.emplace_back("anthropic-version", VersionOf(quirks));
  if (const auto betas = request.provider_fields.find("anthropic-beta");
      betas != request.provider_fields.end())
    call->headers.emplace_back(betas->first, betas->second);
  return call;
}

chat::ProviderCall ListProviderModels(const chat::Quirks& quirks) {
  return {.method = "GET",
          .path = "/models?limit=1000",
          .headers = {{"accept", "application/json"}, {"anthropic-version", VersionOf(quirks)}}};
}

}  // namespace weir::anthropic

#include "dialects/anthropic/request.h"

#include <fmt/format.h>

#include <algorithm>

#include "dialects/anthropic/blocks.h"
#include "json/fields.h"
#include "json/parse.h"
#include "json/writer.h"

namespace weir::anthropic {
namespace {

using Effort = chat::Reasoning::Effort;
using Mode = chat::ToolChoice::Mode;

constexpr size_t kToolsMax = 1024;
constexpr size_t kExamplesMax = 32;
constexpr size_t kEditsMax = 16;
constexpr size_t kDescriptionBytesMax = size_t{64} << 10;
constexpr size_t kSchemaBytesMax = size_t{256} << 10;
constexpr size_t kStopsMax = 16;
constexpr size_t kStopBytesMax = 1024;
constexpr int64_t kTokensMax = 10'000'000;

// They speak of billing and of betas at Anthropic.
constexpr std::string_view kIgnored[] = {"betas", "user_profile_id"};
constexpr std::string_view kIgnoredInTools[] = {"eager_input_streaming"};

void RefuseUnsupported(json::Fields& fields, std::string_view key, std::string_view why) {
  fields.Refuse(key, fmt::format("is not supported: {}", why), Code::kInvalidArgument,
                "unsupported_parameter");
}

// LiteLLM writes the references of a schema as "/$defs/name" for Anthropic, which does not follow
// them. A schema has no other document to refer to, so the pointer is meant.
void PointIntoTheSchema(json::Value& value) {
  if (json::Array* items = value.AsArray()) {
    for (json::Value& item : *items) PointIntoTheSchema(item);
  } else if (json::Object* members = value.AsObject()) {
    for (json::Member& member : *members) {
      const std::string* text = member.value.AsString();
      if (member.key == "$ref" && text != nullptr && text->starts_with('/')) {
        member.value = "#" + *text;
      } else {
        PointIntoTheSchema(member.value);
      }
    }
  }
}

std::string ReadSchema(json::Fields& fields, std::string_view key) {
  const json::Object* given = fields.Require().Map(key, json::Fields::kMembersMax);
  if (given == nullptr) return {};
  json::Value schema(*given);
  PointIntoTheSchema(schema);
  std::string text = json::Print(schema);
  if (text.size() > kSchemaBytesMax)
    fields.Refuse(key, fmt::format("has {} bytes; the most is {}", text.size(), kSchemaBytesMax));
  return text;
}

bool Offers(const std::vector<chat::Tool>& tools, std::string_view name) {
  return std::ranges::find(tools, name, &chat::Tool::name) != tools.end();
}

// No other dialect has a place for them, and models read the words.
void ReadExamples(json::Fields& fields, std::string& description) {
  const json::Array* examples = fields.List("input_examples", kExamplesMax);
  for (size_t i = 0; examples != nullptr && i < examples->size(); ++i) {
    if ((*examples)[i].AsObject() == nullptr)
      return fields.Refuse(fmt::format("input_examples[{}]", i), "must be an object");
    if (i == 0) description += description.empty() ? "Examples:" : "\n\nExamples:";
    description += "\n" + json::Print((*examples)[i]);
  }
  if (description.size() > 2 * kDescriptionBytesMax)
    fields.Refuse("input_examples", fmt::format("has over {} bytes", kDescriptionBytesMax));
}

// A tool that only code at Anthropic may call could not be called at all.
void ReadCallers(json::Fields& fields) {
  const std::vector<std::string> callers = fields.Strings("allowed_callers", 8, kNameBytesMax);
  if (!callers.empty() && std::ranges::find(callers, "direct") == callers.end())
    RefuseUnsupported(fields, "allowed_callers",
                      "no code is run here; \"direct\" must be among them");
}

chat::Tool ReadTool(json::Fields& fields, const std::vector<chat::Tool>& earlier) {
  chat::Tool tool;
  const std::string type = fields.String("type", kNameBytesMax).value_or("custom");
  if (type != "custom") {
    RefuseUnsupported(fields, "type", "only custom tools, which the client runs, are known here");
    return tool;
  }
  tool.name = fields.Require().String("name", kNameBytesMax).value_or("");
  if (tool.name.empty()) fields.Refuse("name", "is empty");
  if (Offers(earlier, tool.name)) fields.Refuse("name", "is the name of another tool as well");
  tool.description = fields.String("description", kDescriptionBytesMax).value_or("");
  tool.parameters = ReadSchema(fields, "input_schema");
  ReadExamples(fields, tool.description);
  ReadCallers(fields);
  fields.Bool("defer_loading");  // every tool is offered from the start
  tool.strict = fields.Bool("strict").value_or(false);
  tool.cache = ReadCacheMark(fields);
  fields.RefuseUnread(kIgnoredInTools);
  return tool;
}

void ReadTools(json::Fields& fields, std::vector<chat::Tool>& out) {
  const json::Array* tools = fields.List("tools", kToolsMax);
  for (size_t i = 0; tools != nullptr && i < tools->size() && !fields.problem(); ++i) {
    json::Fields tool(fields.problem(), (*tools)[i], fields.PathOf("tools", i));
    out.push_back(ReadTool(tool, out));
  }
}

void ReadToolChoice(json::Fields& fields, chat::GenerateRequest& request) {
  auto choice = fields.Nested("tool_choice");
  if (!choice) return;
  enum class Form : uint8_t { kAuto, kAny, kTool, kNone };
  const auto form = choice->Require().Word<Form>(
      "type",
      {{"auto", Form::kAuto}, {"any", Form::kAny}, {"tool", Form::kTool}, {"none", Form::kNone}});
  if (!form) return;
  request.parallel_tool_calls = !choice->Bool("disable_parallel_tool_use").value_or(false);
  if (*form == Form::kNone) request.tool_choice.mode = Mode::kNone;
  if (*form == Form::kAny || *form == Form::kTool) request.tool_choice.mode = Mode::kRequired;
  if (*form == Form::kTool) {
    std::string name = choice->Require().String("name", kNameBytesMax).value_or("");
    if (!Offers(request.tools, name))
      choice->Refuse("name", "is not among the tools of this request");
    request.tool_choice.names = {std::move(name)};
  } else if (*form == Form::kAny && request.tools.empty()) {
    fields.Refuse("tool_choice", "asks for a call, but there are no tools");
  }
  choice->RefuseUnread();
}

void ReadThinking(json::Fields& fields, chat::GenerateRequest& request) {
  auto thinking = fields.Nested("thinking");
  if (!thinking) return;
  enum class Form : uint8_t { kEnabled, kDisabled, kAdaptive };
  const auto form = thinking->Require().Word<Form>(
      "type",
      {{"enabled", Form::kEnabled}, {"disabled", Form::kDisabled}, {"adaptive", Form::kAdaptive}});
  if (!form) return;
  if (*form == Form::kDisabled) request.reasoning.effort = Effort::kNone;
  if (*form == Form::kAdaptive) request.reasoning.thinking = chat::Reasoning::Thinking::kAsked;
  if (*form == Form::kEnabled) {
    const auto budget = thinking->Require().Int("budget_tokens", 1024, kTokensMax);
    if (budget && request.max_tokens && *budget >= *request.max_tokens)
      return thinking->Refuse("budget_tokens", "must be below max_tokens");
    if (budget) request.reasoning.budget_tokens = static_cast<int32_t>(*budget);
  }
  const auto display = thinking->String("display", kNameBytesMax);
  if (display && *display != "summarized")
    RefuseUnsupported(*thinking, "display", "thinking is shown as the model wrote it");
  thinking->RefuseUnread();
}

void ReadFormat(json::Fields& format, chat::ResponseFormat& out) {
  constexpr std::string_view kSchema[] = {"json_schema"};
  format.Require().WordIndex("type", kSchema);
  out.kind = chat::ResponseFormat::Kind::kJsonSchema;
  out.name = "answer";
  out.strict = true;
  out.schema = ReadSchema(format, "schema");
  format.RefuseUnread();
}

void ReadOutputConfig(json::Fields& fields, chat::GenerateRequest& request) {
  if (auto format = fields.Nested("output_format"))  // its name in the beta
    ReadFormat(*format, request.response_format);
  auto config = fields.Nested("output_config");
  if (!config) return;
  const auto effort = config->Word<Effort>("effort", {{"low", Effort::kLow},
                                                      {"medium", Effort::kMedium},
                                                      {"high", Effort::kHigh},
                                                      {"xhigh", Effort::kXHigh},
                                                      {"max", Effort::kMax}});
  if (effort && request.reasoning.effort == Effort::kDefault) {
    using Thinking = chat::Reasoning::Thinking;
    request.reasoning.effort = *effort;
    if (request.reasoning.thinking == Thinking::kByEffort)
      request.reasoning.thinking = Thinking::kUnasked;
  }
  if (auto format = config->Nested("format")) ReadFormat(*format, request.response_format);
  config->RefuseUnread();
}

void ReadFloat(json::Fields& fields, std::string_view key, std::optional<float>& out) {
  if (const auto number = fields.Number(key, 0, 1)) out = static_cast<float>(*number);
}

void ReadSampling(json::Fields& fields, chat::GenerateRequest& request) {
  ReadFloat(fields, "temperature", request.sampling.temperature);
  ReadFloat(fields, "top_p", request.sampling.top_p);
  if (const auto k = fields.Int("top_k", 0, 1'000'000))
    request.sampling.top_k = static_cast<int32_t>(*k);
  request.stop = fields.Strings("stop_sequences", kStopsMax, kStopBytesMax);
  for (size_t i = 0; i < request.stop.size(); ++i) {
    if (request.stop[i].empty()) fields.Refuse(fmt::format("stop_sequences[{}]", i), "is empty");
  }
}

void RefuseWhatNobodyDoes(json::Fields& fields) {
  for (const auto& [key, why] :
       {std::pair<std::string_view, std::string_view>{"container", "no code is run here"},
        {"mcp_servers", "connect to them in the client"},
        {"diagnostics", "caches are not diagnosed"}}) {
    if (fields.Take(key) != nullptr) RefuseUnsupported(fields, key, why);
  }
}

// Thinking of earlier turns is what a model's template makes of it, so that clearing it is nothing
// to do here. Other edits would change what the model is told.
void ReadContextManagement(json::Fields& fields) {
  auto management = fields.Nested("context_management");
  if (!management) return;
  const json::Array* edits = management->List("edits", kEditsMax);
  for (size_t i = 0; edits != nullptr && i < edits->size() && !fields.problem(); ++i) {
    json::Fields edit(fields.problem(), (*edits)[i], management->PathOf("edits", i));
    const std::string type = edit.Require().String("type", kNameBytesMax).value_or("");
    if (!type.starts_with("clear_thinking"))
      RefuseUnsupported(edit, "type", "only thinking of earlier turns can be cleared");
    edit.Take("keep");
    edit.RefuseUnread();
  }
  management->RefuseUnread();
}

// Where it is billed and cached at Anthropic.
void ReadProviderFields(json::Fields& fields, std::map<std::string, std::string>& out) {
  if (auto metadata = fields.Nested("metadata")) {
    if (const auto user = metadata->String("user_id", kNameBytesMax))
      out["anthropic.metadata"] = json::Print(json::Object{{"user_id", json::Value(*user)}});
    metadata->RefuseUnread();
  }
  using Word = const char*;
  if (auto tier =
          fields.Word<Word>("service_tier", {{"auto", "auto"}, {"standard_only", "standard_only"}}))
    out["anthropic.service_tier"] = json::Print(json::Value(std::string(*tier)));
  if (auto geo = fields.String("inference_geo", kNameBytesMax))
    out["anthropic.inference_geo"] = json::Print(json::Value(std::move(*geo)));
  const chat::CacheMark mark = ReadCacheMark(fields);
  if (mark == chat::CacheMark::kFiveMinutes)
    out["anthropic.cache_control"] = R"({"type":"ephemeral"})";
  if (mark == chat::CacheMark::kHour)
    out["anthropic.cache_control"] = R"({"type":"ephemeral","ttl":"1h"})";
}

void ReadModel(json::Fields& fields, chat::GenerateRequest& request) {
  request.model = fields.Require().String("model", kNameBytesMax).value_or("");
  if (request.model.empty()) fields.Refuse("model", "is empty");
}

}  // namespace

Result<MessagesCall> ReadMessagesCall(std::string_view body) {
  const auto document = json::Parse(body);
  if (!document) return Fail(document.error());
  json::Problem problem;
  json::Fields fields(problem, *document);
  MessagesCall call;
  chat::GenerateRequest& request = call.request;
  ReadModel(fields, request);
  if (const auto most = fields.Require().Int("max_tokens", 1, kTokensMax))
    request.max_tokens = static_cast<int32_t>(*most);
  request.messages = ReadConversation(fields, &call.origins);
  ReadTools(fields, request.tools);
  ReadToolChoice(fields, request);
  ReadThinking(fields, request);
  ReadOutputConfig(fields, request);
  ReadSampling(fields, request);
  ReadContextManagement(fields);
  ReadProviderFields(fields, request.provider_fields);
  call.stream = fields.Bool("stream").value_or(false);
  RefuseWhatNobodyDoes(fields);
  fields.RefuseUnread(kIgnored);
  if (problem) return Fail(problem.Take());
  return call;
}

Result<MessagesCall> ReadCountTokens(std::string_view body) {
  const auto document = json::Parse(body);
  if (!document) return Fail(document.error());
  json::Problem problem;
  json::Fields fields(problem, *document);
  MessagesCall call;
  chat::GenerateRequest& request = call.request;
  ReadModel(fields, request);
  request.messages = ReadConversation(fields, &call.origins);
  ReadTools(fields, request.tools);
  ReadToolChoice(fields, request);
  ReadThinking(fields, request);
  ReadOutputConfig(fields, request);
  ReadContextManagement(fields);
  ReadProviderFields(fields, request.provider_fields);
  fields.RefuseUnread(kIgnored);
  if (problem) return Fail(problem.Take());
  return call;
}

}  // namespace weir::anthropic

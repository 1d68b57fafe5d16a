#include "dialects/openai/tools.h"

#include <fmt/format.h>

#include <algorithm>

#include "dialects/openai/common_fields.h"
#include "dialects/openai/file_search.h"
#include "json/writer.h"

namespace weir::openai {
namespace {

using Mode = chat::ToolChoice::Mode;

constexpr size_t kDescriptionBytesMax = size_t{64} << 10;
constexpr size_t kParametersBytesMax = size_t{256} << 10;
constexpr std::string_view kIgnored[] = {"cache_control"};

bool IsToolName(std::string_view name) {
  constexpr std::string_view kAllowed =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
  return !name.empty() && name.find_first_not_of(kAllowed) == name.npos;
}

// The arguments of a call are an object; a schema may leave that unsaid.
bool IsOfObjects(const json::Value& schema) {
  const json::Value* type = schema.Find("type");
  return type == nullptr || type->is_null() ||
         (type->AsString() != nullptr && *type->AsString() == "object");
}

}  // namespace

bool Offers(const std::vector<chat::Tool>& tools, std::string_view name) {
  return std::ranges::any_of(tools, [&](const chat::Tool& tool) { return tool.name == name; });
}

chat::Tool ReadFunction(json::Fields& function, const std::vector<chat::Tool>& earlier) {
  chat::Tool tool;
  tool.name = function.Require().String("name", kToolNameMax).value_or("");
  if (!IsToolName(tool.name))
    function.Refuse("name", "must be made of letters, digits, _, - and .");
  if (Offers(earlier, tool.name)) function.Refuse("name", "is the name of an earlier tool too");
  tool.description = function.String("description", kDescriptionBytesMax).value_or("");
  tool.strict = function.Bool("strict").value_or(false);
  if (const json::Object* members = function.Map("parameters", json::Fields::kMembersMax)) {
    const json::Value schema(*members);
    if (!IsOfObjects(schema)) function.Refuse("parameters", "must have the type \"object\"");
    tool.parameters = json::Print(schema);
  }
  if (tool.parameters.size() > kParametersBytesMax) {
    function.Refuse("parameters", fmt::format("has {} bytes; the most is {}",
                                              tool.parameters.size(), kParametersBytesMax));
  }
  function.RefuseUnread(kIgnored);
  return tool;
}

namespace {

// Refuses "custom" and what may come by name, because the words of `type` are wider elsewhere at
// OpenAI.
bool IsFunction(json::Fields& tool) {
  constexpr std::string_view kFunctionOnly[] = {"function"};
  return tool.Require().WordIndex("type", kFunctionOnly).has_value();
}

void ReadOffered(json::Fields& fields, GenerateCall& call) {
  std::vector<chat::Tool>& out = call.request.tools;
  const json::Array* tools = fields.List("tools", kToolsMax);
  for (size_t i = 0; tools != nullptr && i < tools->size() && !fields.problem(); ++i) {
    json::Fields tool(fields.problem(), (*tools)[i], fields.PathOf("tools", i));
    constexpr std::string_view kKinds[] = {"function", "file_search"};
    const auto kind = tool.Require().WordIndex("type", kKinds);
    if (!kind) return;
    if (*kind == 1) {
      if (call.file_search) return tool.Refuse("type", "file_search stands twice");
      call.file_search = ReadFileSearch(tool);
      continue;
    }
    if (auto function = tool.Require().Nested("function"))
      out.push_back(ReadFunction(*function, out));
    tool.RefuseUnread(kIgnored);
  }
}

// {"type": "function", "function": {"name": ...}}
std::string ReadNamed(json::Fields& named, const std::vector<chat::Tool>& tools) {
  if (!IsFunction(named)) return {};
  auto function = named.Require().Nested("function");
  if (!function) return {};
  std::string name = function->Require().String("name", kToolNameMax).value_or("");
  if (!Offers(tools, name)) function->Refuse("name", "is not among the tools of this request");
  function->RefuseUnread();
  named.RefuseUnread();
  return name;
}

void ReadAllowed(json::Fields& choice, const std::vector<chat::Tool>& tools,
                 chat::ToolChoice& out) {
  auto allowed = choice.Require().Nested("allowed_tools");
  choice.RefuseUnread();
  if (!allowed) return;
  out.mode = allowed->Require()
                 .Word<Mode>("mode", {{"auto", Mode::kAuto}, {"required", Mode::kRequired}})
                 .value_or(Mode::kAuto);
  const json::Array* named = allowed->Require().List("tools", kToolsMax);
  allowed->RefuseUnread();
  if (named == nullptr) return;
  if (named->empty()) return allowed->Refuse("tools", "is empty");
  for (size_t i = 0; i < named->size() && !choice.problem(); ++i) {
    json::Fields one(choice.problem(), (*named)[i], allowed->PathOf("tools", i));
    out.names.push_back(ReadNamed(one, tools));
  }
}

void ReadChoice(json::Fields& fields, const std::vector<chat::Tool>& tools, chat::ToolChoice& out) {
  const json::Value* choice = fields.Take("tool_choice");
  if (choice == nullptr) return;
  if (choice->AsString() != nullptr) {
    out.mode = fields
                   .Word<Mode>("tool_choice", {{"none", Mode::kNone},
                                               {"auto", Mode::kAuto},
                                               {"required", Mode::kRequired}})
                   .value_or(Mode::kAuto);
    if (out.mode == Mode::kRequired && tools.empty())
      fields.Refuse("tool_choice", "is required, but there are no tools");
    return;
  }
  json::Fields form(fields.problem(), *choice, fields.PathOf("tool_choice"));
  constexpr std::string_view kForms[] = {"function", "allowed_tools"};
  const auto kind = form.Require().WordIndex("type", kForms);
  if (!kind) return;
  if (*kind == 1) return ReadAllowed(form, tools, out);
  out.mode = Mode::kRequired;
  out.names = {ReadNamed(form, tools)};
}

// Before tools there were functions: one call at most, chosen by function_call.
void ReadLegacy(json::Fields& fields, GenerateCall& call) {
  chat::GenerateRequest& request = call.request;
  const json::Array* functions = fields.List("functions", kToolsMax);
  if (functions != nullptr && !request.tools.empty()) {
    return fields.Refuse("functions", "cannot be given together with tools");
  }
  for (size_t i = 0; functions != nullptr && i < functions->size() && !fields.problem(); ++i) {
    json::Fields function(fields.problem(), (*functions)[i], fields.PathOf("functions", i));
    request.tools.push_back(ReadFunction(function, request.tools));
  }
  call.legacy_functions = functions != nullptr;
  if (call.legacy_functions) request.parallel_tool_calls = false;
  const json::Value* choice = fields.Take("function_call");
  if (choice == nullptr) return;
  if (functions == nullptr) return fields.Refuse("function_call", "is only allowed with functions");
  if (choice->AsString() != nullptr) {
    request.tool_choice.mode =
        fields.Word<Mode>("function_call", {{"none", Mode::kNone}, {"auto", Mode::kAuto}})
            .value_or(Mode::kAuto);
    return;
  }
  json::Fields named(fields.problem(), *choice, fields.PathOf("function_call"));
  std::string name = named.Require().String("name", kToolNameMax).value_or("");
  if (!Offers(request.tools, name))
    named.Refuse("name", "is not among the functions of this request");
  named.RefuseUnread();
  request.tool_choice = {Mode::kRequired, {std::move(name)}};
}

}  // namespace

void ReadTools(json::Fields& fields, GenerateCall& call) {
  ReadOffered(fields, call);
  ReadChoice(fields, call.request.tools, call.request.tool_choice);
  call.request.parallel_tool_calls = fields.Bool("parallel_tool_calls").value_or(true);
  ReadLegacy(fields, call);
}

}  // namespace weir::openai

#include "llama/json_calls.h"

#include <fmt/format.h>
#include <json-schema-to-grammar.h>
#include <json.h>

#include <algorithm>
#include <exception>
#include <set>

#include "json/parse.h"
#include "json/schema.h"
#include "llama/grammar.h"
#include "llama/json_depth.h"
#include "llama/schema_check.h"
#include "llama/schema_nullable.h"

namespace weir::llama {
namespace {

using Function = AnswerFormat::Data::Function;

constexpr int kDepthMax = 64;

bool TooDeep(std::string_view json) { return JsonDepth(json) > kDepthMax; }

bool Fits(const common_json& arguments, const Function& function) {
  for (const std::string& name : function.required) {
    if (!arguments.contains(name)) return false;
  }
  if (!function.schema.empty()) {
    const auto value = json::Parse(arguments.dump());
    const auto schema = json::Parse(function.schema);
    if (!value || (schema && !json::Fits(*value, *schema))) return false;
  }
  if (!function.closed) return true;
  for (const auto& [name, value] : arguments.items()) {
    if (std::find(function.properties.begin(), function.properties.end(), name) ==
        function.properties.end()) {
      return false;
    }
  }
  return true;
}

std::optional<chat::ToolCall> CallOf(const common_json& node,
                                     const std::vector<Function>& functions) {
  if (!node.is_object()) return std::nullopt;
  // {"type": "function", "function": {...}} is how OpenAI's API writes it.
  if (node.contains("function") && node.at("function").is_object()) {
    return CallOf(node.at("function"), functions);
  }
  const char* name_key = node.contains("name") ? "name" : "function";
  if (!node.contains(name_key) || !node.at(name_key).is_string()) return std::nullopt;
  const std::string name = node.at(name_key).get<std::string>();
  common_json arguments = common_json::object();
  for (const char* key : {"arguments", "parameters", "args"}) {
    if (node.contains(key)) {
      arguments = node.at(key);
      break;
    }
  }
  if (arguments.is_string()) arguments = common_json::parse_no_throw(arguments.get<std::string>());
  if (arguments.is_discarded() || !arguments.is_object()) return std::nullopt;
  const auto fits = [&](const Function& f) { return f.name == name && Fits(arguments, f); };
  if (std::count_if(functions.begin(), functions.end(), fits) != 1) return std::nullopt;
  return chat::ToolCall{.name = name, .arguments = arguments.dump()};
}

std::string ParametersOf(const chat::Tool& tool) {
  return tool.parameters.empty() ? R"({"type":"object","properties":{}})" : tool.parameters;
}

// `text` as a GBNF literal that matches its JSON form.
std::string JsonLiteral(const std::string& text) {
  return gbnf_format_literal(common_json::make(text).dump());
}

// Rules of different tools must not meet, whatever the converter called them.
std::string Prefixed(const std::string& gbnf, const std::string& prefix) {
  std::string renamed;
  std::string_view rest(gbnf);
  while (!rest.empty()) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    bool quoted = false;
    bool bracketed = false;
    for (size_t i = 0; i < line.size();) {
      const char c = line[i];
      const bool word = std::isalnum(static_cast<unsigned char>(c)) || c == '-';
      if (!quoted && !bracketed && word) {
        size_t length = 1;
        while (i + length < line.size() &&
               (std::isalnum(static_cast<unsigned char>(line[i + length])) ||
                line[i + length] == '-')) {
          ++length;
        }
        const bool number = std::all_of(line.begin() + static_cast<ptrdiff_t>(i),
                                        line.begin() + static_cast<ptrdiff_t>(i + length),
                                        [](char d) { return d >= '0' && d <= '9'; });
        if (!number) renamed += prefix;
        renamed += line.substr(i, length);
        i += length;
        continue;
      }
      if (c == '\\' && (quoted || bracketed)) {
        renamed += line.substr(i, 2);
        i += 2;
        continue;
      }
      if (c == '"' && !bracketed) quoted = !quoted;
      if (!quoted && c == '[') bracketed = true;
      if (!quoted && c == ']') bracketed = false;
      renamed += c;
      ++i;
    }
    renamed += '\n';
  }
  return renamed;
}

Result<std::string> Bounded(std::string gbnf) {
  if (auto checked = CheckGrammar(gbnf); !checked) {
    return Fail(Code::kInvalidArgument,
                "the functions make too large a grammar: " + checked.error().message, "tools",
                "schema_unsupported");
  }
  return gbnf;
}

}  // namespace

std::vector<Function> FunctionsOf(const std::vector<chat::Tool>& tools) {
  std::vector<Function> functions;
  for (const chat::Tool& tool : tools) {
    Function function{.name = tool.name};
    try {
      const common_json schema = TooDeep(tool.parameters)
                                     ? common_json::object()
                                     : common_json::parse_no_throw(ParametersOf(tool));
      if (!schema.is_discarded() && schema.is_object()) {
        if (tool.strict) function.schema = WithNullAsType(tool.parameters);
        if (schema.contains("required") && schema.at("required").is_array()) {
          for (const auto& name : schema.at("required")) {
            if (name.is_string()) function.required.push_back(name.get<std::string>());
          }
        }
        const bool has_properties =
            schema.contains("properties") && schema.at("properties").is_object();
        if (has_properties) {
          for (const auto& [name, value] : schema.at("properties").items()) {
            function.properties.push_back(name);
          }
        }
        function.closed = schema.contains("additionalProperties")
                              ? schema.at("additionalProperties") == false
                              : has_properties && !function.properties.empty();
      }
    } catch (const std::exception&) {
      function = {.name = tool.name};
    }
    functions.push_back(std::move(function));
  }
  return functions;
}

std::optional<std::vector<chat::ToolCall>> CallsIn(std::string_view json,
                                                   const std::vector<Function>& functions) {
  if (json.empty() || json.size() > kJsonCallBytesMax || TooDeep(json)) return std::nullopt;
  try {
    const common_json node = common_json::parse_no_throw(std::string(json));
    if (node.is_discarded()) return std::nullopt;
    std::vector<chat::ToolCall> calls;
    if (node.is_array()) {
      for (const auto& element : node) {
        auto call = CallOf(element, functions);
        if (!call) return std::nullopt;
        calls.push_back(std::move(*call));
      }
      if (calls.empty()) return std::nullopt;
      return calls;
    }
    auto call = CallOf(node, functions);
    if (!call) return std::nullopt;
    calls.push_back(std::move(*call));
    return calls;
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

std::optional<chat::ToolCall> CutCallIn(std::string_view json) {
  constexpr std::string_view kName = R"({"name": )";
  constexpr std::string_view kArguments = R"(, "arguments": )";
  const size_t at = json.find(kArguments);
  if (!json.starts_with(kName) || at == json.npos) return std::nullopt;
  try {
    const common_json name =
        common_json::parse_no_throw(std::string(json.substr(kName.size(), at - kName.size())));
    if (name.is_discarded() || !name.is_string()) return std::nullopt;
    return chat::ToolCall{.name = name.get<std::string>(),
                          .arguments = std::string(json.substr(at + kArguments.size()))};
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

std::string ToolPrompt(const std::vector<chat::Tool>& tools, bool required) {
  std::string text = "You can call these functions:\n";
  for (const chat::Tool& tool : tools) {
    common_json node = common_json::object();
    node["name"] = tool.name;
    if (!tool.description.empty()) node["description"] = tool.description;
    common_json parameters = TooDeep(tool.parameters)
                                 ? common_json::object()
                                 : common_json::parse_no_throw(ParametersOf(tool));
    if (parameters.is_discarded()) parameters = common_json::object();
    node["parameters"] = parameters;
    text += node.dump_safe() + "\n";
  }
  text += required ? "Answer by calling a function, with nothing but JSON of this form:\n"
                   : "To call a function, answer with nothing but JSON of this form:\n";
  text += R"({"name": "<function name>", "arguments": {"<argument name>": <value>}})";
  return text;
}

std::string CallText(const chat::ToolCall& call) {
  return "{\"name\": " + common_json::make(call.name).dump_safe() +
         ", \"arguments\": " + (call.arguments.empty() ? "{}" : call.arguments) + "}";
}

bool Allows(const chat::ToolChoice& choice, std::string_view name) {
  if (choice.mode == chat::ToolChoice::Mode::kNone) return false;
  return choice.names.empty() ||
         std::find(choice.names.begin(), choice.names.end(), name) != choice.names.end();
}

SchemaUse UseOf(const chat::Tool& tool) {
  return tool.strict ? SchemaUse::kStrictParameters : SchemaUse::kParameters;
}

Result<std::string> CallGrammar(const std::vector<chat::Tool>& tools,
                                const chat::ToolChoice& choice) {
  std::string alternatives;
  std::string rules;
  for (size_t i = 0; i < tools.size(); ++i) {
    const chat::Tool& tool = tools[i];
    if (!Allows(choice, tool.name)) continue;
    const auto arguments = GrammarFromSchema(
        ParametersOf(tool), fmt::format("tools[{}].function.parameters", i), UseOf(tool));
    if (!arguments) return arguments;
    const std::string prefix = fmt::format("t{}-", i);
    rules += Prefixed(*arguments, prefix);
    alternatives += fmt::format("{}call-{}", alternatives.empty() ? "" : " | ", i);
    rules +=
        fmt::format("call-{} ::= \"{{\\\"name\\\": \" {} \", \\\"arguments\\\": \" {}root \"}}\"\n",
                    i, JsonLiteral(tool.name), prefix);
  }
  return Bounded("root ::= " + alternatives + "\n" + rules);
}

Result<std::string> CallOrAnswerGrammar(const std::vector<chat::Tool>& tools,
                                        const chat::ToolChoice& choice, const std::string& answer) {
  const auto call = CallGrammar(tools, choice);
  if (!call) return call;
  return Bounded(
      "root ::= c-root | \"<tool_call>\" gap c-root gap \"</tool_call>\" | a-root\n"
      "gap ::= \"\\n\"?\n" +
      Prefixed(*call, "c-") + Prefixed(answer, "a-"));
}

}  // namespace weir::llama

#include "llama/chat_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <set>
#include <utility>

#include "llama/chat_template.h"
#include "llama/grammar.h"
#include "llama/json_calls.h"
#include "llama/schema_work.h"

namespace weir::llama {
namespace {

bool ToolNameIsGood(std::string_view name) {
  return !name.empty() && name.size() <= kToolNameBytesMax &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-' || c == '.' ||
                  c == ':' || c == '/';
         });
}

size_t BytesOf(const chat::Message& message) {
  size_t bytes = message.reasoning.size() + message.tool_call_id.size() + message.name.size();
  for (const chat::Part& part : message.parts) bytes += part.text.size();
  for (const chat::ToolCall& call : message.tool_calls) {
    bytes += call.id.size() + call.name.size() + call.arguments.size();
  }
  return bytes;
}

Result<void> CheckPart(chat::Role role, chat::Part::Kind kind, bool images) {
  if (kind == chat::Part::Kind::kText) return {};
  if (!images) return Fail(Code::kUnprocessable, "this model reads text only", {}, "text_only");
  if (kind != chat::Part::Kind::kImage) {
    return Fail(Code::kUnprocessable, "this model reads text and images only", {},
                "text_and_images_only");
  }
  if (role == chat::Role::kUser || role == chat::Role::kTool) return {};
  return Fail(Code::kInvalidArgument, "an image stands in a message of the user or of a tool");
}

Result<void> CheckParameters(const chat::GenerateRequest& request) {
  // With a response_format, too, everything that may come is said by a grammar.
  const bool bound = request.tool_choice.mode == chat::ToolChoice::Mode::kRequired ||
                     request.response_format.kind != chat::ResponseFormat::Kind::kText;
  SchemaWork work;
  for (size_t i = 0; i < request.tools.size(); ++i) {
    const chat::Tool& tool = request.tools[i];
    if (tool.parameters.empty() || !Allows(request.tool_choice, tool.name)) continue;
    if (!bound && !tool.strict) continue;
    auto grammar = GrammarFromSchema(
        tool.parameters, fmt::format("tools[{}].function.parameters", i), UseOf(tool), &work);
    if (!grammar) return Fail(grammar.error());
  }
  return {};
}

}  // namespace

Result<void> CheckChat(const chat::GenerateRequest& request, bool images) {
  if (request.messages.empty()) {
    return Fail(Code::kInvalidArgument, "a chat needs at least one message", "messages");
  }
  if (request.messages.size() > kMessagesMax) {
    return Fail(Code::kInvalidArgument, fmt::format("there are over {} messages", kMessagesMax),
                "messages");
  }
  if (request.tools.size() > kToolsMax) {
    return Fail(Code::kInvalidArgument, fmt::format("there are over {} tools", kToolsMax), "tools");
  }
  using chat::Verbosity;
  if (request.verbosity == Verbosity::kLow || request.verbosity == Verbosity::kHigh) {
    return Fail(Code::kUnprocessable,
                "local models have no verbosity but medium; say in the instructions how long an "
                "answer is to be",
                "verbosity", "not_supported_by_target");
  }
  size_t bytes = 0;
  for (size_t i = 0; i < request.messages.size(); ++i) {
    bytes += BytesOf(request.messages[i]);
    for (size_t p = 0; p < request.messages[i].parts.size(); ++p) {
      const chat::Message& message = request.messages[i];
      if (auto taken = CheckPart(message.role, message.parts[p].kind, images); !taken) {
        Error error = std::move(taken.error());
        error.param = fmt::format("messages[{}].content[{}]", i, p);
        return Fail(std::move(error));
      }
    }
  }
  for (size_t i = 0; i < request.tools.size(); ++i) {
    const chat::Tool& tool = request.tools[i];
    bytes += tool.description.size() + tool.parameters.size();
    if (!ToolNameIsGood(tool.name)) {
      return Fail(
          Code::kInvalidArgument,
          fmt::format("a function's name has 1 to {} letters, digits and _-.:/", kToolNameBytesMax),
          fmt::format("tools[{}].function.name", i));
    }
  }
  for (const auto& [name, value] : request.template_arguments) bytes += name.size() + value.size();
  if (bytes > kChatBytesMax) {
    return Fail(Code::kTooLarge, fmt::format("the chat is over {} bytes", kChatBytesMax),
                "messages");
  }
  return CheckParameters(request);
}

Result<std::vector<chat::Tool>> OfferedTools(const chat::GenerateRequest& request) {
  if (request.tool_choice.mode == chat::ToolChoice::Mode::kNone) return std::vector<chat::Tool>{};
  if (request.tool_choice.names.empty()) {
    if (request.tool_choice.mode == chat::ToolChoice::Mode::kRequired && request.tools.empty()) {
      return Fail(Code::kInvalidArgument, "tool_choice requires a call, but there are no tools",
                  "tool_choice");
    }
    return request.tools;
  }
  std::vector<chat::Tool> offered;
  for (const std::string& name : request.tool_choice.names) {
    const auto it = std::find_if(request.tools.begin(), request.tools.end(),
                                 [&](const chat::Tool& tool) { return tool.name == name; });
    if (it == request.tools.end()) {
      return Fail(Code::kInvalidArgument, "tool_choice names a function that is not offered",
                  "tool_choice");
    }
    offered.push_back(*it);
  }
  return offered;
}

bool IsImage(const chat::Part& part) { return part.kind == chat::Part::Kind::kImage; }

Result<void> CheckPlaces(const std::vector<chat::Message>& messages, const RenderedPrompt& prompt) {
  size_t count = 0;
  for (const chat::Message& message : messages)
    count += static_cast<size_t>(std::ranges::count_if(message.parts, IsImage));
  std::set<size_t> placed;
  for (const RenderedPrompt::ImagePlace& place : prompt.images) placed.insert(place.image);
  if (placed.size() == count && (count == 0 || *placed.rbegin() < count)) return {};
  return Fail(Code::kUnprocessable,
              "the model's chat template leaves out an image of this conversation", "messages",
              "template_refused");
}

}  // namespace weir::llama

#include "dialects/openai/messages.h"

#include <fmt/format.h>

#include <map>

#include "dialects/openai/common_fields.h"
#include "dialects/openai/parts.h"
#include "json/parse.h"
#include "json/writer.h"

namespace weir::openai {
namespace {

using chat::Role;

constexpr size_t kMessagesMax = 4096;
constexpr size_t kCallsMax = 128;
constexpr size_t kTextBytesMax = size_t{32} << 20;

// What clients send back of an answer as they got it, and marks of other gateways.
constexpr std::string_view kIgnored[] = {
    "annotations",       "cache_control",  "id", "parsed", "provider_specific_fields",
    "reasoning_details", "thinking_blocks"};
constexpr std::string_view kIgnoredInCalls[] = {"index", "cache_control"};

// Reads messages in order and remembers the calls, because an answer to one may name only its id.
class Conversation {
 public:
  chat::Message Read(json::Fields& fields) {
    chat::Message message;
    const auto role = fields.Require().Word<Speaker>("role", {{"system", Speaker::kSystem},
                                                              {"developer", Speaker::kDeveloper},
                                                              {"user", Speaker::kUser},
                                                              {"assistant", Speaker::kAssistant},
                                                              {"tool", Speaker::kTool},
                                                              {"function", Speaker::kFunction}});
    if (!role) return message;
    message.role = *role == Speaker::kFunction ? Role::kTool : static_cast<Role>(*role);
    message.name = fields.String("name", kNameBytesMax).value_or("");
    auto content = ReadContent(fields, message.role, images_);
    const bool has_content = content.has_value();
    if (content) message.parts = std::move(*content);
    switch (*role) {
      case Speaker::kAssistant:
        ReadAssistant(fields, has_content, message);
        break;
      case Speaker::kTool:
        ReadTool(fields, message);
        break;
      case Speaker::kFunction:
        ReadFunction(fields, message);
        break;
      default:
        break;
    }
    if (!has_content && *role != Speaker::kAssistant && *role != Speaker::kFunction) {
      fields.Refuse("content", "is required", Code::kInvalidArgument, "missing_required_parameter");
    }
    if (fields.Take("audio") != nullptr)
      RefuseUnsupported(fields, "audio", "answers are text, none can be referred to");
    fields.RefuseUnread(kIgnored);
    return message;
  }

 private:
  // In the order of chat::Role, with OpenAI's old one at the end.
  enum class Speaker : uint8_t { kSystem, kDeveloper, kUser, kAssistant, kTool, kFunction };

  void ReadAssistant(json::Fields& fields, bool has_content, chat::Message& message) {
    if (auto refusal = fields.String("refusal", kTextBytesMax))
      message.parts.push_back({.text = std::move(*refusal)});
    for (const char* key : {"reasoning_content", "reasoning"}) {
      if (auto text = fields.String(key, kTextBytesMax)) message.reasoning = std::move(*text);
    }
    if (const json::Array* calls = fields.List("tool_calls", kCallsMax)) {
      for (size_t i = 0; i < calls->size() && !fields.problem(); ++i) {
        json::Fields call(fields.problem(), (*calls)[i], fields.PathOf("tool_calls", i));
        message.tool_calls.push_back(ReadCall(call));
      }
    }
    if (auto call = fields.Nested("function_call")) {
      last_function_id_ = fmt::format("function_{}", ++function_calls_);
      message.tool_calls.push_back(ReadFunctionOf(*call, last_function_id_));
    }
    const bool says_something = has_content || !message.parts.empty() ||
                                !message.tool_calls.empty() || !message.reasoning.empty();
    if (!says_something) {
      fields.Refuse("content", "is required unless the assistant called tools",
                    Code::kInvalidArgument, "missing_required_parameter");
    }
  }

  chat::ToolCall ReadCall(json::Fields& call) {
    std::string id = call.Require().String("id", kNameBytesMax).value_or("");
    call.WordIndex("type", kFunctionOnly);
    chat::ToolCall out;
    if (auto function = call.Require().Nested("function"))
      out = ReadFunctionOf(*function, std::move(id));
    call.RefuseUnread(kIgnoredInCalls);
    return out;
  }

  chat::ToolCall ReadFunctionOf(json::Fields& function, std::string id) {
    chat::ToolCall out;
    out.id = std::move(id);
    out.name = function.Require().String("name", kNameBytesMax).value_or("");
    out.arguments = ReadCallArguments(function);
    function.RefuseUnread(kIgnoredInCalls);
    name_of_call_[out.id] = out.name;
    return out;
  }

  // Templates of some models, and other providers, want the name of what is answered.
  void ReadTool(json::Fields& fields, chat::Message& message) {
    message.tool_call_id = fields.Require().String("tool_call_id", kNameBytesMax).value_or("");
    const auto called = name_of_call_.find(message.tool_call_id);
    if (called == name_of_call_.end()) {
      return fields.Refuse("tool_call_id", "is that of no tool call of an earlier message");
    }
    if (message.name.empty()) message.name = called->second;
  }

  void ReadFunction(json::Fields& fields, chat::Message& message) {
    if (message.name.empty()) {
      return fields.Refuse("name", "is required", Code::kInvalidArgument,
                           "missing_required_parameter");
    }
    message.tool_call_id = last_function_id_;
  }

  static constexpr std::string_view kFunctionOnly[] = {"function"};
  std::map<std::string, std::string> name_of_call_;
  std::string last_function_id_;
  int function_calls_ = 0;
  int images_ = 0;
};

}  // namespace

// Text of a JSON object. Some clients send nothing for no arguments, or the object itself.
std::string ReadCallArguments(json::Fields& call) {
  const json::Value* arguments = call.Take("arguments");
  if (arguments == nullptr) return "{}";
  if (arguments->AsObject() != nullptr) return json::Print(*arguments);
  const std::string* text = arguments->AsString();
  if (text == nullptr) {
    call.Refuse("arguments", "must be a string that holds a JSON object", Code::kInvalidArgument,
                "invalid_type");
    return {};
  }
  if (text->empty()) return "{}";
  const auto parsed = json::Parse(*text);
  if (!parsed || parsed->AsObject() == nullptr) {
    call.Refuse("arguments", "must be a string that holds a JSON object");
  }
  return *text;
}

std::vector<chat::Message> ReadMessages(json::Fields& fields) {
  std::vector<chat::Message> out;
  const json::Array* messages = fields.Require().List("messages", kMessagesMax);
  if (messages == nullptr) return out;
  if (messages->empty()) fields.Refuse("messages", "is empty; at least one message is needed");
  Conversation conversation;
  out.reserve(messages->size());
  for (size_t i = 0; i < messages->size() && !fields.problem(); ++i) {
    json::Fields message(fields.problem(), (*messages)[i], fields.PathOf("messages", i));
    out.push_back(conversation.Read(message));
  }
  return out;
}

}  // namespace weir::openai

#include "dialects/responses/items.h"

#include <fmt/format.h>

#include <algorithm>

#include "dialects/openai/common_fields.h"
#include "dialects/openai/messages.h"
#include "dialects/openai/parts.h"
#include "json/writer.h"

namespace weir::responses {
namespace {

using chat::Role;
using openai::kNameBytesMax;
using openai::RefuseUnsupported;

constexpr size_t kTextBytesMax = size_t{32} << 20;

// What clients send back of an answer as they got it, and marks of OpenAI's caching.
constexpr std::string_view kIgnored[] = {"id", "status", "phase", "created_by"};
constexpr std::string_view kIgnoredInParts[] = {"annotations", "logprobs",
                                                "prompt_cache_breakpoint"};

enum class Kind : uint8_t { kMessage, kCall, kOutput, kReasoning, kReference, kFileSearch };

// Items of tools that run at OpenAI, and of features that nobody here has.
constexpr std::string_view kElsewhere[] = {"additional_tools",
                                           "apply_patch_call",
                                           "apply_patch_call_output",
                                           "code_interpreter_call",
                                           "compaction",
                                           "compaction_trigger",
                                           "computer_call",
                                           "computer_call_output",
                                           "custom_tool_call",
                                           "custom_tool_call_output",
                                           "image_generation_call",
                                           "local_shell_call",
                                           "local_shell_call_output",
                                           "mcp_approval_request",
                                           "mcp_approval_response",
                                           "mcp_call",
                                           "mcp_list_tools",
                                           "program",
                                           "program_output",
                                           "shell_call",
                                           "shell_call_output",
                                           "tool_search_call",
                                           "tool_search_output",
                                           "web_search_call"};

const std::string* TextOf(const json::Value& value, std::string_view key) {
  const json::Value* found = value.Find(key);
  return found == nullptr ? nullptr : found->AsString();
}

std::optional<Kind> KindOf(json::Fields& item) {
  const json::Value* type = item.Take("type");
  if (type == nullptr)
    return item.Take("role") != nullptr || item.Take("id") == nullptr ? Kind::kMessage
                                                                      : Kind::kReference;
  if (const std::string* word = type->AsString();
      word != nullptr && std::ranges::find(kElsewhere, *word) != std::end(kElsewhere)) {
    RefuseUnsupported(item, "type", "only messages, functions and reasoning are carried");
    return std::nullopt;
  }
  return item.Word<Kind>("type", {{"message", Kind::kMessage},
                                  {"function_call", Kind::kCall},
                                  {"function_call_output", Kind::kOutput},
                                  {"reasoning", Kind::kReasoning},
                                  {"file_search_call", Kind::kFileSearch},
                                  {"item_reference", Kind::kReference}});
}

enum class Form : uint8_t { kText, kImage, kFile, kRefusal };

std::optional<Form> ReadForm(json::Fields& part, Role role) {
  part.Require();
  switch (role) {
    case Role::kUser:
      return part.Word<Form>("type", {{"input_text", Form::kText},
                                      {"input_image", Form::kImage},
                                      {"input_file", Form::kFile}});
    case Role::kAssistant:
      return part.Word<Form>(
          "type",
          {{"output_text", Form::kText}, {"refusal", Form::kRefusal}, {"input_text", Form::kText}});
    default:
      return part.Word<Form>("type", {{"input_text", Form::kText}});
  }
}

void ReadImage(json::Fields& part, chat::Part& out, int& images) {
  out.kind = chat::Part::Kind::kImage;
  if (++images > openai::kImagesMax) {
    return part.Refuse(
        "image_url",
        fmt::format("is one image too many; the most in a conversation is {}", openai::kImagesMax));
  }
  if (part.Take("file_id") != nullptr)
    return RefuseUnsupported(part, "file_id", "send the image inline, as image_url");
  part.Require();
  openai::ReadImageUrl(part, "image_url", out);
  out.detail =
      part.Word<const char*>(
              "detail", {{"auto", "auto"}, {"low", "low"}, {"high", "high"}, {"original", "high"}})
          .value_or("");
}

void ReadFile(json::Fields& part, chat::Part& out) {
  out.kind = chat::Part::Kind::kFile;
  for (const char* key : {"file_id", "file_url"}) {
    if (part.Take(key) != nullptr)
      return RefuseUnsupported(part, key, "send the file inline, as file_data");
  }
  openai::ReadFileData(part, out);
}

chat::Part ReadPart(json::Fields& part, Role role, int& images) {
  chat::Part out;
  const std::optional<Form> form = ReadForm(part, role);
  if (!form) return out;
  switch (*form) {
    case Form::kText:
      out.text = part.Require().String("text", kTextBytesMax).value_or("");
      break;
    case Form::kRefusal:
      out.text = part.Require().String("refusal", kTextBytesMax).value_or("");
      break;
    case Form::kImage:
      ReadImage(part, out, images);
      break;
    case Form::kFile:
      ReadFile(part, out);
      break;
  }
  part.RefuseUnread(kIgnoredInParts);
  return out;
}

// A string, or parts; `key` is "content", or "output" of a function.
std::vector<chat::Part> ReadParts(json::Fields& item, std::string_view key, Role role,
                                  int& images) {
  std::vector<chat::Part> parts;
  const json::Value* content = item.Require().Take(key);
  if (content == nullptr) return parts;
  if (const std::string* text = content->AsString()) {
    parts.push_back({.text = *text});
    return parts;
  }
  const json::Array* list = content->AsArray();
  if (list == nullptr) {
    item.Refuse(key, "must be a string or an array of parts", Code::kInvalidArgument,
                "invalid_type");
    return parts;
  }
  // An answer that called functions and said nothing has no parts.
  const size_t least = role == Role::kAssistant ? 0 : 1;
  if (list->size() < least || list->size() > openai::kPartsMax) {
    item.Refuse(key, fmt::format("has {} parts; it must have from {} to {}", list->size(), least,
                                 openai::kPartsMax));
    return parts;
  }
  for (size_t i = 0; i < list->size() && !item.problem(); ++i) {
    json::Fields part(item.problem(), (*list)[i], item.PathOf(key, i));
    parts.push_back(ReadPart(part, role, images));
  }
  return parts;
}

// The texts of [{"type": ..., "text": ...}, ...].
std::string ReadTexts(json::Fields& item, std::string_view key, std::string_view type) {
  std::string all;
  const json::Array* list = item.List(key, openai::kPartsMax);
  for (size_t i = 0; list != nullptr && i < list->size() && !item.problem(); ++i) {
    json::Fields part(item.problem(), (*list)[i], item.PathOf(key, i));
    const std::string_view types[] = {type};
    part.Require().WordIndex("type", types);
    all += part.Require().String("text", kTextBytesMax).value_or("");
    part.RefuseUnread();
  }
  return all;
}

void Set(json::Object& object, std::string_view key, json::Value value) {
  const auto found = std::ranges::find(object, key, &json::Member::key);
  if (found == object.end()) {
    object.push_back({std::string(key), std::move(value)});
  } else {
    found->value = std::move(value);
  }
}

void SetDefault(json::Object& object, std::string_view key, json::Value value) {
  const auto found = std::ranges::find(object, key, &json::Member::key);
  if (found == object.end() || found->value.is_null()) Set(object, key, std::move(value));
}

json::Object TextPart(json::Value text, bool assistant) {
  json::Object part;
  part.reserve(4);
  part.push_back({"type", assistant ? "output_text" : "input_text"});
  part.push_back({"text", std::move(text)});
  if (assistant) {
    part.push_back({"annotations", json::Array()});
    part.push_back({"logprobs", json::Array()});
  }
  return part;
}

json::Value KeptPart(json::Value part, bool assistant) {
  const std::string type = *TextOf(part, "type");
  json::Object out = std::move(*part.AsObject());
  if (assistant && type != "refusal") {
    Set(out, "type", "output_text");
    SetDefault(out, "annotations", json::Array());
    SetDefault(out, "logprobs", json::Array());
  } else if (type == "input_image") {
    SetDefault(out, "detail", "auto");
  }
  return out;
}

json::Value KeptContent(json::Value content, bool assistant) {
  if (json::Array* parts = content.AsArray()) {
    for (json::Value& part : *parts) part = KeptPart(std::move(part), assistant);
    return content;
  }
  json::Array parts;
  parts.push_back(TextPart(std::move(content), assistant));
  return parts;
}

}  // namespace

void Conversation::Read(json::Fields& item) {
  const std::optional<Kind> kind = KindOf(item);
  if (!kind || item.problem()) return;
  switch (*kind) {
    case Kind::kMessage:
      ReadMessage(item);
      break;
    case Kind::kCall:
      ReadCall(item);
      break;
    case Kind::kOutput:
      ReadOutput(item);
      break;
    case Kind::kReasoning:
      ReadReasoning(item);
      break;
    case Kind::kFileSearch:
      // What it found was for the turn that searched; its answer is in the message behind it.
      for (const char* field : {"queries", "results"}) item.Take(field);
      break;
    case Kind::kReference:
      // What it names takes its place before this is called (Converse).
      item.Refuse("id", "names a reference, and not an item");
      break;
  }
  item.RefuseUnread(kIgnored);
}

chat::Message& Conversation::Assistant(bool after_text, bool after_calls) {
  const bool running = !messages_.empty() && messages_.back().role == Role::kAssistant;
  const bool full = running && ((after_text && !messages_.back().parts.empty()) ||
                                (after_calls && !messages_.back().tool_calls.empty()));
  if (!running || full) messages_.push_back({.role = Role::kAssistant});
  return messages_.back();
}

void Conversation::ReadMessage(json::Fields& item) {
  const auto role = item.Require().Word<Role>("role", {{"user", Role::kUser},
                                                       {"assistant", Role::kAssistant},
                                                       {"system", Role::kSystem},
                                                       {"developer", Role::kDeveloper}});
  if (!role) return;
  std::vector<chat::Part> parts = ReadParts(item, "content", *role, images_);
  if (*role != Role::kAssistant) {
    messages_.push_back({.role = *role, .parts = std::move(parts)});
  } else if (!parts.empty()) {
    Assistant(true, true).parts = std::move(parts);
  }
}

void Conversation::ReadCall(json::Fields& item) {
  for (const char* key : {"namespace", "caller"}) {
    if (item.Take(key) != nullptr)
      return RefuseUnsupported(item, key, "functions have no namespace and no caller here");
  }
  chat::ToolCall call;
  call.id = item.Require().String("call_id", kNameBytesMax).value_or("");
  call.name = item.Require().String("name", kNameBytesMax).value_or("");
  call.arguments = openai::ReadCallArguments(item);
  name_of_call_[call.id] = call.name;
  chat::Message& message = Assistant(false, false);
  if (message.tool_calls.size() >= 128)
    return item.Refuse("", "is one call too many; the most in a turn is 128");
  message.tool_calls.push_back(std::move(call));
}

void Conversation::ReadOutput(json::Fields& item) {
  chat::Message message{.role = Role::kTool};
  message.tool_call_id = item.Require().String("call_id", kNameBytesMax).value_or("");
  message.parts = ReadParts(item, "output", Role::kTool, images_);
  item.String("name", kNameBytesMax);
  const auto called = name_of_call_.find(message.tool_call_id);
  if (called == name_of_call_.end())
    return item.Refuse("call_id", "is that of no function_call before it");
  message.name = called->second;
  messages_.push_back(std::move(message));
}

void Conversation::ReadReasoning(json::Fields& item) {
  const std::string summary = ReadTexts(item, "summary", "summary_text");
  std::string text = ReadTexts(item, "content", "reasoning_text");
  const std::string sealed = item.String("encrypted_content", kTextBytesMax).value_or("");
  if (!sealed.empty() && text.empty())
    return RefuseUnsupported(item, "encrypted_content", "only its maker can read it");
  if (text.empty()) text = summary;
  if (!text.empty()) Assistant(true, true).reasoning += text;
}

std::string ReferenceOf(const json::Value& item) {
  const std::string* id = TextOf(item, "id");
  const json::Value* type = item.Find("type");
  const bool untyped = type == nullptr || type->is_null();
  const std::string* word = untyped ? nullptr : type->AsString();
  const bool named = word != nullptr && *word == "item_reference";
  const bool is_one = named || (untyped && item.Find("role") == nullptr);
  return id != nullptr && is_one ? *id : std::string();
}

json::Value KeptFormOf(json::Value item, std::string_view id) {
  json::Object& out = *item.AsObject();
  out.reserve(out.size() + 3);
  SetDefault(out, "id", std::string(id));
  SetDefault(out, "type", "message");
  const std::string type = *TextOf(item, "type");
  if (type == "message") {
    const bool assistant = *TextOf(item, "role") == "assistant";
    json::Value& content = std::ranges::find(out, "content", &json::Member::key)->value;
    content = KeptContent(std::move(content), assistant);
    SetDefault(out, "status", "completed");
  } else if (type == "reasoning") {
    SetDefault(out, "summary", json::Array());
  } else {
    SetDefault(out, "status", "completed");
  }
  if (type == "function_call") {
    const json::Value* arguments = item.Find("arguments");
    if (arguments == nullptr || arguments->AsString() == nullptr)
      Set(out, "arguments",
          arguments == nullptr || arguments->is_null() ? "{}" : json::Print(*arguments));
  }
  // Absent and null are the same to us, and lists of items know no null.
  std::erase_if(out, [](const json::Member& member) { return member.value.is_null(); });
  return item;
}

}  // namespace weir::responses

#include "dialects/anthropic/blocks.h"

#include <fmt/format.h>

#include <map>
#include <utility>

#include "base/base64.h"
#include "json/writer.h"

namespace weir::anthropic {
namespace {

using chat::Message;
using chat::Part;
using chat::Role;

constexpr size_t kMessagesMax = 4096;
constexpr size_t kBlocksMax = 1024;
constexpr size_t kCallsMax = 128;
constexpr int kImagesMax = 100;
constexpr size_t kTextBytesMax = size_t{32} << 20;
constexpr size_t kUrlBytesMax = 8192;

// Marks for Anthropic's own citing and running; they change no answer here.
constexpr std::string_view kIgnored[] = {"citations", "caller"};

void RefuseUnsupported(json::Fields& fields, std::string_view key, std::string_view why) {
  fields.Refuse(key, fmt::format("is not supported: {}", why), Code::kInvalidArgument,
                "unsupported_parameter");
}

class Conversation {
 public:
  explicit Conversation(std::vector<Message>* out) : out_(*out) {}

  void ReadSystem(json::Fields& fields) {
    const json::Value* system = fields.Take("system");
    if (system == nullptr) return;
    Message message = {.role = Role::kSystem};
    ReadTexts(fields, "system", *system, message);
    out_.push_back(std::move(message));
  }

  void ReadMessage(json::Fields& fields) {
    const auto role = fields.Require().Word<Role>(
        "role",
        {{"user", Role::kUser}, {"assistant", Role::kAssistant}, {"system", Role::kSystem}});
    const json::Value* content = fields.Require().Take("content");
    fields.RefuseUnread();
    if (!role || content == nullptr) return;
    Message message = {.role = *role};
    if (*role == Role::kSystem) {
      ReadTexts(fields, "content", *content, message);
    } else if (const std::string* text = content->AsString()) {
      message.parts.push_back({.text = *text});
    } else {
      ReadBlocks(fields, *content, message);
    }
    if (!IsEmpty(message) || !said_results_) out_.push_back(std::move(message));
    said_results_ = false;
  }

 private:
  static bool IsEmpty(const Message& message) {
    return message.parts.empty() && message.tool_calls.empty() && message.reasoning.empty();
  }

  // A string, or blocks of text alone.
  static void ReadTexts(json::Fields& fields, std::string_view key, const json::Value& value,
                        Message& message) {
    if (const std::string* text = value.AsString()) {
      message.parts.push_back({.text = *text});
      return;
    }
    const json::Array* blocks = fields.List(key, kBlocksMax);
    for (size_t i = 0; blocks != nullptr && i < blocks->size() && !fields.problem(); ++i) {
      json::Fields block(fields.problem(), (*blocks)[i], fields.PathOf(key, i));
      constexpr std::string_view kText[] = {"text"};
      block.Require().WordIndex("type", kText);
      message.parts.push_back(ReadText(block));
    }
  }

  static Part ReadText(json::Fields& block) {
    Part part = {.text = block.Require().String("text", kTextBytesMax).value_or(""),
                 .cache = ReadCacheMark(block)};
    block.RefuseUnread(kIgnored);
    return part;
  }

  void ReadBlocks(json::Fields& fields, const json::Value& content, Message& message) {
    if (content.AsArray() == nullptr) {
      return fields.Refuse("content", "must be a string or an array of blocks",
                           Code::kInvalidArgument, "invalid_type");
    }
    const json::Array* blocks = fields.List("content", kBlocksMax);
    if (blocks != nullptr && blocks->empty()) fields.Refuse("content", "is empty");
    for (size_t i = 0; blocks != nullptr && i < blocks->size() && !fields.problem(); ++i) {
      json::Fields block(fields.problem(), (*blocks)[i], fields.PathOf("content", i));
      if (message.role == Role::kUser) {
        ReadUserBlock(block, message);
      } else {
        ReadAssistantBlock(block, message);
      }
    }
  }

  enum class Kind : uint8_t { kText, kImage, kDocument, kToolResult, kToolUse, kThinking, kHidden };

  void ReadUserBlock(json::Fields& block, Message& message) {
    const auto kind = block.Require().Word<Kind>("type", {{"text", Kind::kText},
                                                          {"image", Kind::kImage},
                                                          {"document", Kind::kDocument},
                                                          {"tool_result", Kind::kToolResult}});
    if (!kind) return;
    switch (*kind) {
      case Kind::kText:
        message.parts.push_back(ReadText(block));
        break;
      case Kind::kImage:
        message.parts.push_back(ReadImage(block));
        break;
      case Kind::kDocument:
        message.parts.push_back(ReadDocument(block));
        break;
      default:
        // What was said before a result stays before it.
        if (!IsEmpty(message)) out_.push_back(std::exchange(message, {.role = Role::kUser}));
        ReadToolResult(block);
        said_results_ = true;
        break;
    }
  }

  Part ReadImage(json::Fields& block) {
    Part part = {.kind = Part::Kind::kImage};
    if (++images_ > kImagesMax) {
      block.Refuse("source",
                   fmt::format("is one image too many; the most in a request is {}", kImagesMax));
      return part;
    }
    auto source = block.Require().Nested("source");
    if (source) ReadSource(*source, part, false);
    if (source && part.url.empty() && !part.media_type.starts_with("image/"))
      source->Refuse("media_type", "must be image/...");
    part.cache = ReadCacheMark(block);
    block.RefuseUnread(kIgnored);
    return part;
  }

  static Part ReadDocument(json::Fields& block) {
    Part part = {.kind = Part::Kind::kFile};
    auto source = block.Require().Nested("source");
    if (source) ReadSource(*source, part, true);
    part.name = block.String("title", kNameBytesMax).value_or("");
    if (block.Take("context") != nullptr)
      RefuseUnsupported(block, "context", "put it into a text block");
    part.cache = ReadCacheMark(block);
    block.RefuseUnread(kIgnored);
    return part;
  }

  static void ReadSource(json::Fields& source, Part& part, bool document) {
    enum class Form : uint8_t { kBase64, kUrl, kText };
    source.Require();
    const auto form =
        document ? source.Word<Form>("type", {{"base64", Form::kBase64}, {"text", Form::kText}})
                 : source.Word<Form>("type", {{"base64", Form::kBase64}, {"url", Form::kUrl}});
    if (!form) return;
    if (*form == Form::kUrl) {
      part.url = source.Require().String("url", kUrlBytesMax).value_or("");
      if (!part.url.starts_with("https://") && !part.url.starts_with("http://"))
        source.Refuse("url", "must be an https URL");
      return source.RefuseUnread();
    }
    part.media_type = source.Require().String("media_type", kNameBytesMax).value_or("");
    std::string data = source.Require().String("data", kTextBytesMax * 2).value_or("");
    source.RefuseUnread();
    if (*form == Form::kText) {
      part.data = std::move(data);
      return;
    }
    auto bytes = DecodeBase64(data);
    if (!bytes || bytes->empty()) return source.Refuse("data", "must be base64");
    part.data = std::move(*bytes);
  }

  void ReadToolResult(json::Fields& block) {
    Message message = {.role = Role::kTool};
    message.tool_call_id = block.Require().String("tool_use_id", kNameBytesMax).value_or("");
    const auto called = name_of_call_.find(message.tool_call_id);
    if (called != name_of_call_.end()) message.name = called->second;
    message.failed = block.Bool("is_error").value_or(false);
    message.cache = ReadCacheMark(block);
    // No other dialect has the mark, and models read the words.
    if (message.failed) message.parts.push_back({.text = "Error: "});
    ReadResultContent(block, message);
    block.RefuseUnread(kIgnored);
    if (called == name_of_call_.end())
      block.Refuse("tool_use_id", "is the id of no tool_use block before it");
    out_.push_back(std::move(message));
  }

  void ReadResultContent(json::Fields& block, Message& message) {
    const json::Value* content = block.Take("content");
    if (content == nullptr) return;
    if (const std::string* text = content->AsString()) {
      message.parts.push_back({.text = *text});
      return;
    }
    const json::Array* blocks = block.List("content", kBlocksMax);
    for (size_t i = 0; blocks != nullptr && i < blocks->size() && !block.problem(); ++i) {
      json::Fields inner(block.problem(), (*blocks)[i], block.PathOf("content", i));
      const auto kind =
          inner.Require().Word<Kind>("type", {{"text", Kind::kText}, {"image", Kind::kImage}});
      if (kind) message.parts.push_back(*kind == Kind::kText ? ReadText(inner) : ReadImage(inner));
    }
  }

  void ReadAssistantBlock(json::Fields& block, Message& message) {
    const auto kind = block.Require().Word<Kind>("type", {{"text", Kind::kText},
                                                          {"tool_use", Kind::kToolUse},
                                                          {"thinking", Kind::kThinking},
                                                          {"redacted_thinking", Kind::kHidden}});
    if (!kind) return;
    switch (*kind) {
      case Kind::kText:
        message.parts.push_back(ReadText(block));
        break;
      case Kind::kToolUse:
        ReadToolUse(block, message);
        break;
      case Kind::kThinking:
      case Kind::kHidden:
        ReadThought(block, *kind == Kind::kHidden, message);
        break;
      default:
        break;
    }
  }

  static void ReadThought(json::Fields& block, bool hidden, Message& message) {
    chat::Thought thought = {.at = message.parts.size() + message.tool_calls.size()};
    if (hidden) {
      thought.hidden = block.Require().String("data", kTextBytesMax).value_or("");
    } else {
      const std::string text = block.Require().String("thinking", kTextBytesMax).value_or("");
      thought.text_bytes = text.size();
      thought.signature = block.String("signature", kTextBytesMax).value_or("");
      message.reasoning += text;
    }
    block.RefuseUnread();
    message.thoughts.push_back(std::move(thought));
  }

  void ReadToolUse(json::Fields& block, Message& message) {
    if (message.tool_calls.size() >= kCallsMax)
      return block.Refuse("", fmt::format("is one call too many; the most is {}", kCallsMax));
    chat::ToolCall call;
    call.id = block.Require().String("id", kNameBytesMax).value_or("");
    call.name = block.Require().String("name", kNameBytesMax).value_or("");
    const json::Object* input = block.Require().Map("input", json::Fields::kMembersMax);
    call.cache = ReadCacheMark(block);
    call.arguments = input == nullptr ? "{}" : json::Print(json::Value(*input));
    block.RefuseUnread(kIgnored);
    name_of_call_[call.id] = call.name;
    message.tool_calls.push_back(std::move(call));
  }

  std::vector<Message>& out_;
  std::map<std::string, std::string> name_of_call_;
  int images_ = 0;
  bool said_results_ = false;  // the message that is being read held tool results
};

}  // namespace

chat::CacheMark ReadCacheMark(json::Fields& fields) {
  using chat::CacheMark;
  auto control = fields.Nested("cache_control");
  if (!control) return CacheMark::kNone;
  constexpr std::string_view kTypes[] = {"ephemeral"};
  control->Require().WordIndex("type", kTypes);
  const auto mark =
      control->Word<CacheMark>("ttl", {{"5m", CacheMark::kFiveMinutes}, {"1h", CacheMark::kHour}});
  control->Take("scope");
  control->RefuseUnread();
  return mark.value_or(CacheMark::kFiveMinutes);
}

std::vector<Message> ReadConversation(json::Fields& fields, std::vector<Origin>* origins) {
  std::vector<Message> out;
  Conversation conversation(&out);
  conversation.ReadSystem(fields);
  if (origins != nullptr) origins->assign(out.size(), {});
  const json::Array* messages = fields.Require().List("messages", kMessagesMax);
  if (messages == nullptr) return out;
  if (messages->empty()) fields.Refuse("messages", "is empty; at least one message is needed");
  for (size_t i = 0; i < messages->size() && !fields.problem(); ++i) {
    json::Fields message(fields.problem(), (*messages)[i], fields.PathOf("messages", i));
    const size_t before = out.size();
    conversation.ReadMessage(message);
    const size_t made = out.size() - before;
    const bool same = made == 1 && out.back().role != chat::Role::kTool;
    if (origins != nullptr)
      origins->insert(origins->end(), made, {.message = static_cast<int>(i), .same_parts = same});
  }
  return out;
}

}  // namespace weir::anthropic

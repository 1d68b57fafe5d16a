#include "dialects/ollama/messages.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/base64.h"
#include "chat/image_type.h"
#include "json/writer.h"

namespace weir::ollama {
namespace {

using chat::Message;
using chat::Role;

constexpr size_t kMessagesMax = 4096;
constexpr size_t kCallsMax = 128;
constexpr int kImagesMax = 16;

// Reads messages in order and remembers the calls, because a result may name only the function, or
// nothing at all.
class Conversation {
 public:
  Message Read(json::Fields& fields) {
    Message message;
    const auto role = fields.Require().Word<Role>("role", {{"system", Role::kSystem},
                                                           {"user", Role::kUser},
                                                           {"assistant", Role::kAssistant},
                                                           {"tool", Role::kTool}});
    if (!role) return message;
    message.role = *role;
    if (auto text = fields.String("content", kTextBytesMax))
      message.parts.push_back({.text = std::move(*text)});
    ReadImages(fields, images_, message.parts);
    message.reasoning = fields.String("thinking", kTextBytesMax).value_or("");
    ReadCalls(fields, message);
    if (message.role == Role::kTool) ReadResult(fields, message);
    return message;
  }

 private:
  struct Open {
    std::string id;
    std::string name;
    bool made;  // the id is one of ours: the request has none
  };

  void ReadCalls(json::Fields& fields, Message& message) {
    const json::Array* calls = fields.List("tool_calls", kCallsMax);
    for (size_t i = 0; calls != nullptr && i < calls->size() && !fields.problem(); ++i) {
      json::Fields call(fields.problem(), (*calls)[i], fields.PathOf("tool_calls", i));
      chat::ToolCall out;
      out.id = call.String("id", kNameBytesMax).value_or("");
      const bool made = out.id.empty();
      if (made) out.id = fmt::format("call_{}", ++made_);
      auto function = call.Require().Nested("function");
      if (!function) return;
      out.name = function->Require().String("name", kNameBytesMax).value_or("");
      const json::Object* arguments = function->Map("arguments", json::Fields::kMembersMax);
      out.arguments = arguments == nullptr ? "{}" : json::Print(json::Value(*arguments));
      open_.push_back({out.id, out.name, made});
      message.tool_calls.push_back(std::move(out));
    }
  }

  // The call with that id, else the first open one of that name, else the first open one. An id
  // that no call has goes with a call without one: LiteLLM sends the ids of results alone.
  void ReadResult(json::Fields& fields, Message& message) {
    const std::string id = fields.String("tool_call_id", kNameBytesMax).value_or("");
    const std::string name = fields.String("tool_name", kNameBytesMax).value_or("");
    auto found = id.empty() ? open_.end() : std::ranges::find(open_, id, &Open::id);
    if (found == open_.end()) {
      found = std::ranges::find_if(open_, [&](const Open& call) {
        return (id.empty() || call.made) && (name.empty() || call.name == name);
      });
    }
    message.tool_call_id = found == open_.end() ? id : found->id;
    message.name = found == open_.end() ? name : found->name;
    if (found != open_.end()) open_.erase(found);
  }

  std::vector<Open> open_;  // calls without a result yet
  int made_ = 0;
  int images_ = 0;
};

}  // namespace

void ReadImages(json::Fields& fields, int& images, std::vector<chat::Part>& out) {
  const json::Array* list = fields.List("images", kImagesMax);
  for (size_t i = 0; list != nullptr && i < list->size(); ++i) {
    const std::string at = fmt::format("images[{}]", i);
    const std::string* text = (*list)[i].AsString();
    auto bytes = text == nullptr ? std::nullopt : DecodeBase64(*text);
    const std::string_view type = bytes ? chat::ImageTypeOf(*bytes) : std::string_view();
    if (type.empty())
      return fields.Refuse(at, "must be base64 of a PNG, JPEG, GIF, WebP or BMP image");
    if (++images > kImagesMax) {
      return fields.Refuse(
          at, fmt::format("is one image too many; the most in a request is {}", kImagesMax));
    }
    out.push_back({.kind = chat::Part::Kind::kImage,
                   .media_type = std::string(type),
                   .data = std::move(*bytes)});
  }
}

std::vector<Message> ReadMessages(json::Fields& fields) {
  std::vector<Message> out;
  const json::Array* messages = fields.List("messages", kMessagesMax);
  Conversation conversation;
  for (size_t i = 0; messages != nullptr && i < messages->size() && !fields.problem(); ++i) {
    json::Fields message(fields.problem(), (*messages)[i], fields.PathOf("messages", i));
    out.push_back(conversation.Read(message));
  }
  return out;
}

}  // namespace weir::ollama

#include "dialects/anthropic/provider_messages.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/base64.h"
#include "dialects/anthropic/thinking.h"
#include "dialects/provider/malformed.h"
#include "dialects/provider/request_pieces.h"

namespace weir::anthropic {
namespace {

using chat::Message;
using chat::Part;
using chat::Role;

bool IsSystem(const Message& message) {
  return message.role == Role::kSystem || message.role == Role::kDeveloper;
}

// Ids of other providers' calls may hold what Anthropic's may not.
std::string CallId(std::string id) {
  std::ranges::replace_if(
      id,
      [](char c) {
        return !((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                 c == '_' || c == '-');
      },
      '_');
  return id;
}

void WriteSource(json::Writer& writer, const Part& part) {
  writer.Key("source").BeginObject();
  if (!part.url.empty()) {
    writer.Field("type", "url").Field("url", part.url);
  } else if (part.media_type == "text/plain") {
    writer.Field("type", "text").Field("media_type", "text/plain").Field("data", part.data);
  } else {
    writer.Field("type", "base64").Field("media_type", part.media_type);
    writer.Field("data", EncodeBase64(part.data));
  }
  writer.EndObject();
}

Result<void> WritePart(json::Writer& writer, const Part& part, const std::string& at) {
  switch (part.kind) {
    case Part::Kind::kText:
      if (part.text.empty()) return {};  // refused there
      writer.BeginObject().Field("type", "text").Field("text", part.text);
      WriteCacheMark(writer, part.cache);
      writer.EndObject();
      return {};
    case Part::Kind::kImage:
      writer.BeginObject().Field("type", "image");
      break;
    case Part::Kind::kFile:
      if (part.media_type != "application/pdf" && part.media_type != "text/plain")
        return provider::NotSupported(at, "takes files of type application/pdf and text/plain");
      writer.BeginObject().Field("type", "document");
      if (!part.name.empty()) writer.Field("title", part.name);
      break;
    case Part::Kind::kAudio:
      return provider::NotSupported(at, "takes no audio");
  }
  WriteSource(writer, part);
  WriteCacheMark(writer, part.cache);
  writer.EndObject();
  return {};
}

Result<void> WriteParts(json::Writer& writer, const Message& message, size_t index) {
  // Anthropic has a mark for what the first part says in words.
  for (size_t k = message.failed ? 1 : 0; k < message.parts.size(); ++k) {
    const std::string at = fmt::format("messages[{}].content[{}]", index, k);
    if (auto written = WritePart(writer, message.parts[k], at); !written) return written;
  }
  return {};
}

Result<void> WriteAssistant(json::Writer& writer, const Message& message, size_t index) {
  ThinkingBlocks thinking(message.thoughts, message.reasoning, ThinkingBlocks::Unsigned::kLeftOut);
  for (size_t k = 0; k < message.parts.size(); ++k) {
    thinking.WriteBefore(writer, k);
    const std::string at = fmt::format("messages[{}].content[{}]", index, k);
    if (auto written = WritePart(writer, message.parts[k], at); !written) return written;
  }
  for (size_t k = 0; k < message.tool_calls.size(); ++k) {
    thinking.WriteBefore(writer, message.parts.size() + k);
    const chat::ToolCall& call = message.tool_calls[k];
    const auto arguments = provider::ArgumentsOf(call, index, k);
    if (!arguments) return Fail(arguments.error());
    writer.BeginObject().Field("type", "tool_use").Field("id", CallId(call.id));
    writer.Field("name", call.name).Key("input").Tree(*arguments);
    WriteCacheMark(writer, call.cache);
    writer.EndObject();
  }
  thinking.WriteBefore(writer, message.parts.size() + message.tool_calls.size());
  return {};
}

Result<void> WriteToolResult(json::Writer& writer, const Message& message, size_t index) {
  writer.BeginObject().Field("type", "tool_result");
  writer.Field("tool_use_id", CallId(message.tool_call_id)).Key("content").BeginArray();
  if (auto written = WriteParts(writer, message, index); !written) return written;
  writer.EndArray();
  if (message.failed) writer.Field("is_error", true);
  WriteCacheMark(writer, message.cache);
  writer.EndObject();
  return {};
}

void WriteLaterSystem(json::Writer& writer, const Message& message) {
  writer.BeginObject().Field("type", "text");
  writer.Field("text", "<system>" + chat::TextOf(message) + "</system>").EndObject();
}

Result<void> WriteBlocks(json::Writer& writer, const Message& message, size_t index) {
  switch (message.role) {
    case Role::kSystem:
    case Role::kDeveloper:
      WriteLaterSystem(writer, message);
      return {};
    case Role::kUser:
      return WriteParts(writer, message, index);
    case Role::kAssistant:
      return WriteAssistant(writer, message, index);
    case Role::kTool:
      return WriteToolResult(writer, message, index);
  }
  return {};
}

void WriteSystem(json::Writer& writer, std::span<const Message> leading) {
  if (leading.empty()) return;
  writer.Key("system").BeginArray();
  for (const Message& message : leading) {
    for (const Part& part : message.parts) {
      if (part.text.empty()) continue;
      writer.BeginObject().Field("type", "text").Field("text", part.text);
      WriteCacheMark(writer, part.cache);
      writer.EndObject();
    }
  }
  writer.EndArray();
}

// Anthropic refuses turns without content; leaving them out changes nothing that was said.
bool SaysNothing(const Message& message) {
  return message.role != Role::kTool && message.tool_calls.empty() &&
         std::ranges::all_of(message.parts, [](const Part& part) {
           return part.kind == Part::Kind::kText && part.text.empty();
         });
}

}  // namespace

void WriteCacheMark(json::Writer& writer, chat::CacheMark mark) {
  if (mark == chat::CacheMark::kNone) return;
  writer.Key("cache_control").BeginObject().Field("type", "ephemeral");
  if (mark == chat::CacheMark::kHour) writer.Field("ttl", "1h");
  writer.EndObject();
}

// Messages that belong to one turn there (a tool's results and the user's next words) become one.
Result<void> WriteProviderMessages(json::Writer& writer, const chat::GenerateRequest& request) {
  const std::vector<Message>& messages = request.messages;
  size_t i = 0;
  while (i < messages.size() && IsSystem(messages[i])) ++i;
  WriteSystem(writer, std::span(messages).first(i));
  writer.Key("messages").BeginArray();
  while (i < messages.size()) {
    if (SaysNothing(messages[i])) {
      ++i;
      continue;
    }
    const bool assistant = messages[i].role == Role::kAssistant;
    writer.BeginObject().Field("role", assistant ? "assistant" : "user");
    writer.Key("content").BeginArray();
    const auto continues = [&](const Message& message) {
      return SaysNothing(message) || (message.role == Role::kAssistant) == assistant;
    };
    for (; i < messages.size() && continues(messages[i]); ++i) {
      if (auto written = WriteBlocks(writer, messages[i], i); !written) return written;
    }
    writer.EndArray().EndObject();
  }
  writer.EndArray();
  return {};
}

}  // namespace weir::anthropic

#include "dialects/openai/provider_messages.h"

#include <fmt/format.h>

#include "base/base64.h"
#include "base/check.h"
#include "dialects/provider/malformed.h"
#include "dialects/provider/request_pieces.h"

namespace weir::openai {
namespace {

using chat::Message;
using chat::Part;
using chat::Role;

void WriteImage(json::Writer& writer, const Part& part) {
  writer.Field("type", "image_url").Key("image_url").BeginObject();
  writer.Field("url", part.url.empty() ? provider::DataUrl(part) : part.url);
  if (!part.detail.empty()) writer.Field("detail", part.detail);
  writer.EndObject();
}

Result<void> WriteAudio(json::Writer& writer, const Part& part, std::string_view at) {
  const bool wav = part.media_type == "audio/wav" || part.media_type == "audio/x-wav";
  const bool mp3 = part.media_type == "audio/mpeg" || part.media_type == "audio/mp3";
  if (!wav && !mp3) return provider::NotSupported(std::string(at), "takes audio as wav or mp3");
  writer.Field("type", "input_audio").Key("input_audio").BeginObject();
  writer.Field("data", EncodeBase64(part.data)).Field("format", wav ? "wav" : "mp3").EndObject();
  return {};
}

void WriteFile(json::Writer& writer, const Part& part) {
  writer.Field("type", "file").Key("file").BeginObject();
  if (!part.name.empty()) writer.Field("filename", part.name);
  writer.Field("file_data", provider::DataUrl(part)).EndObject();
}

Result<void> WritePart(json::Writer& writer, const Part& part, std::string_view at) {
  writer.BeginObject();
  Result<void> written;
  switch (part.kind) {
    case Part::Kind::kText:
      writer.Field("type", "text").Field("text", part.text);
      break;
    case Part::Kind::kImage:
      WriteImage(writer, part);
      break;
    case Part::Kind::kAudio:
      written = WriteAudio(writer, part, at);
      break;
    case Part::Kind::kFile:
      WriteFile(writer, part);
      break;
  }
  writer.EndObject();
  return written;
}

// A string where there is only one text, which every server understands.
Result<void> WriteContent(json::Writer& writer, const Message& message, size_t index) {
  writer.Key("content");
  const bool silent = message.parts.empty();
  if (silent && !message.tool_calls.empty()) {
    writer.Null();
    return {};
  }
  if (silent || (message.parts.size() == 1 && message.parts[0].kind == Part::Kind::kText)) {
    writer.String(silent ? std::string_view() : std::string_view(message.parts[0].text));
    return {};
  }
  writer.BeginArray();
  for (size_t k = 0; k < message.parts.size(); ++k) {
    const std::string at = fmt::format("messages[{}].content[{}]", index, k);
    if (auto written = WritePart(writer, message.parts[k], at); !written) return written;
  }
  writer.EndArray();
  return {};
}

void WriteCalls(json::Writer& writer, const Message& message, const chat::Quirks& quirks) {
  if (message.tool_calls.empty()) return;
  writer.Key("tool_calls").BeginArray();
  for (const chat::ToolCall& call : message.tool_calls) {
    writer.BeginObject().Field("id", ProviderCallId(call.id, quirks)).Field("type", "function");
    writer.Key("function").BeginObject().Field("name", call.name);
    writer.Field("arguments", call.arguments.empty() ? std::string_view("{}")
                                                     : std::string_view(call.arguments));
    writer.EndObject().EndObject();
  }
  writer.EndArray();
}

std::string_view RoleWord(Role role, const chat::Quirks& quirks) {
  if (role == Role::kDeveloper && !quirks.developer_role) return "system";
  return chat::RoleName(role);
}

Result<void> WriteMessage(json::Writer& writer, const Message& message, size_t index,
                          const chat::Quirks& quirks) {
  writer.BeginObject().Field("role", RoleWord(message.role, quirks));
  if (message.role == Role::kTool) {
    writer.Field("tool_call_id", ProviderCallId(message.tool_call_id, quirks));
  } else if (!message.name.empty()) {
    writer.Field("name", message.name);
  }
  if (!message.reasoning.empty() && !quirks.reasoning_history.empty())
    writer.Field(quirks.reasoning_history, message.reasoning);
  if (auto written = WriteContent(writer, message, index); !written) return written;
  WriteCalls(writer, message, quirks);
  writer.EndObject();
  return {};
}

}  // namespace

// FNV-1a in base 62: ids are compared by the provider, never undone.
std::string ProviderCallId(const std::string& id, const chat::Quirks& quirks) {
  if (!quirks.short_call_ids) return id;
  uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : id) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3u;
  constexpr std::string_view kDigits =
      "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  std::string out;
  for (int i = 0; i < 9; ++i, hash /= kDigits.size()) out += kDigits[hash % kDigits.size()];
  return out;
}

Result<void> WriteProviderMessages(json::Writer& writer, const chat::GenerateRequest& request,
                                   const chat::Quirks& quirks) {
  writer.BeginArray();
  for (size_t i = 0; i < request.messages.size(); ++i) {
    auto written = WriteMessage(writer, request.messages[i], i, quirks);
    if (!written) return written;
  }
  writer.EndArray();
  return {};
}

}  // namespace weir::openai

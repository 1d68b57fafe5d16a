#include "dialects/openai/parts.h"

#include <fmt/format.h>

#include "base/base64.h"
#include "dialects/openai/common_fields.h"

namespace weir::openai {
namespace {

using Kind = chat::Part::Kind;

constexpr size_t kUrlBytesMax = 8192;
constexpr size_t kInlineBytesMax = size_t{32} << 20;  // the body's own limit is lower in practice

// Marks of other gateways and of OpenAI's caching; they change no answer.
constexpr std::string_view kIgnored[] = {"cache_control", "prompt_cache_breakpoint", "annotations"};

// "data:image/png;base64,...": false when it is not of that form.
bool ReadDataUrl(std::string_view url, chat::Part& part) {
  constexpr std::string_view kScheme = "data:";
  constexpr std::string_view kMark = ";base64";
  if (!url.starts_with(kScheme)) return false;
  url.remove_prefix(kScheme.size());
  const size_t comma = url.find(',');
  if (comma > kNameBytesMax) return false;  // npos, too
  std::string_view type = url.substr(0, comma);
  if (!type.ends_with(kMark)) return false;
  type.remove_suffix(kMark.size());
  auto bytes = DecodeBase64(url.substr(comma + 1));
  if (!bytes || bytes->empty()) return false;
  part.media_type = type.substr(0, type.find(';'));
  part.data = std::move(*bytes);
  return true;
}

void ReadImage(json::Fields& part, chat::Part& out, int& images) {
  out.kind = Kind::kImage;
  if (++images > kImagesMax) {
    return part.Refuse(
        "image_url", fmt::format("is one image too many; the most in a request is {}", kImagesMax));
  }
  auto image = part.Require().Nested("image_url");
  if (!image) return;
  image->Require();
  ReadImageUrl(*image, "url", out);
  out.detail =
      image->Word<const char*>("detail", {{"auto", "auto"}, {"low", "low"}, {"high", "high"}})
          .value_or("");
  image->RefuseUnread(kIgnored);
}

void ReadAudio(json::Fields& part, chat::Part& out) {
  out.kind = Kind::kAudio;
  auto audio = part.Require().Nested("input_audio");
  if (!audio) return;
  const auto type =
      audio->Require().Word<const char*>("format", {{"wav", "audio/wav"}, {"mp3", "audio/mpeg"}});
  auto bytes = DecodeBase64(audio->Require().String("data", kInlineBytesMax * 2).value_or(""));
  audio->RefuseUnread(kIgnored);
  if (!bytes || bytes->empty()) return audio->Refuse("data", "must be base64");
  out.media_type = type.value_or("");
  out.data = std::move(*bytes);
}

void ReadFile(json::Fields& part, chat::Part& out) {
  out.kind = Kind::kFile;
  auto file = part.Require().Nested("file");
  if (!file) return;
  if (file->Take("file_id") != nullptr) {
    return RefuseUnsupported(*file, "file_id", "send the file inline, as file_data");
  }
  ReadFileData(*file, out);
  file->RefuseUnread(kIgnored);
}

enum class Form : uint8_t { kText, kImage, kAudio, kFile, kRefusal };

std::optional<Form> ReadForm(json::Fields& part, chat::Role role) {
  part.Require();
  switch (role) {
    case chat::Role::kUser:
      return part.Word<Form>("type", {{"text", Form::kText},
                                      {"image_url", Form::kImage},
                                      {"input_audio", Form::kAudio},
                                      {"file", Form::kFile}});
    case chat::Role::kAssistant:
      return part.Word<Form>("type", {{"text", Form::kText}, {"refusal", Form::kRefusal}});
    default:
      return part.Word<Form>("type", {{"text", Form::kText}});
  }
}

chat::Part ReadPart(json::Fields& part, chat::Role role, int& images) {
  chat::Part out;
  const std::optional<Form> form = ReadForm(part, role);
  if (!form) return out;
  switch (*form) {
    case Form::kText:
      out.text = part.Require().String("text", kInlineBytesMax).value_or("");
      break;
    case Form::kRefusal:
      out.text = part.Require().String("refusal", kInlineBytesMax).value_or("");
      break;
    case Form::kImage:
      ReadImage(part, out, images);
      break;
    case Form::kAudio:
      ReadAudio(part, out);
      break;
    case Form::kFile:
      ReadFile(part, out);
      break;
  }
  part.RefuseUnread(kIgnored);
  return out;
}

}  // namespace

void ReadImageUrl(json::Fields& fields, std::string_view key, chat::Part& out) {
  const std::string url = fields.String(key, kInlineBytesMax * 2).value_or("");
  if (fields.problem()) return;
  if (url.starts_with("https://") || url.starts_with("http://")) {
    if (url.size() > kUrlBytesMax) {
      return fields.Refuse(key,
                           fmt::format("has {} bytes; the most is {}", url.size(), kUrlBytesMax));
    }
    out.url = url;
  } else if (!ReadDataUrl(url, out) || !out.media_type.starts_with("image/")) {
    fields.Refuse(key, "must be an https URL, or data:image/...;base64, with valid base64");
  }
}

void ReadFileData(json::Fields& file, chat::Part& out) {
  out.name = file.String("filename", kNameBytesMax).value_or("");
  const std::string data = file.Require().String("file_data", kInlineBytesMax * 2).value_or("");
  if (file.problem() || ReadDataUrl(data, out)) return;
  auto bytes = DecodeBase64(data);
  if (!bytes || bytes->empty())
    return file.Refuse("file_data", "must be a data URL with base64, or base64");
  out.data = std::move(*bytes);
}

std::optional<std::vector<chat::Part>> ReadContent(json::Fields& fields, chat::Role role,
                                                   int& images) {
  const json::Value* content = fields.Take("content");
  if (content == nullptr) return std::nullopt;
  std::vector<chat::Part> parts;
  if (const std::string* text = content->AsString()) {
    parts.push_back({.text = *text});
    return parts;
  }
  const json::Array* items = content->AsArray();
  if (items == nullptr) {
    fields.Refuse("content", "must be a string or an array of parts", Code::kInvalidArgument,
                  "invalid_type");
    return std::nullopt;
  }
  // Beside tool calls some clients (instructor) write no text in this way, where OpenAI's has null.
  if (items->empty() && role == chat::Role::kAssistant) return std::nullopt;
  if (items->empty() || items->size() > kPartsMax) {
    fields.Refuse("content",
                  fmt::format("has {} parts; it must have from 1 to {}", items->size(), kPartsMax));
    return std::nullopt;
  }
  for (size_t i = 0; i < items->size() && !fields.problem(); ++i) {
    json::Fields part(fields.problem(), (*items)[i], fields.PathOf("content", i));
    parts.push_back(ReadPart(part, role, images));
  }
  return parts;
}

}  // namespace weir::openai

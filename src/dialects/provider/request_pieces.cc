#include "dialects/provider/request_pieces.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/base64.h"
#include "dialects/provider/malformed.h"
#include "json/parse.h"

namespace weir::provider {
namespace {

constexpr size_t kSegmentBytesMax = 256;
constexpr size_t kEmbeddingValuesMax = 4'000'000;
constexpr std::string_view kNoParameters = R"({"type":"object","properties":{}})";
constexpr int64_t kCountMax = int64_t{1} << 53;

bool IsPlain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

}  // namespace

bool IsAllowed(const chat::ToolChoice& choice, const std::string& name) {
  return choice.names.empty() || std::ranges::find(choice.names, name) != choice.names.end();
}

Result<json::Value> SchemaOf(const chat::Tool& tool, size_t index) {
  const std::string_view schema = tool.parameters;
  return ParseText(schema.empty() ? kNoParameters : schema,
                   fmt::format("tools[{}].function.parameters", index), true);
}

std::string DataUrl(const chat::Part& part) {
  const std::string_view type =
      part.media_type.empty() ? std::string_view("application/octet-stream") : part.media_type;
  return fmt::format("data:{};base64,{}", type, EncodeBase64(part.data));
}

Result<json::Value> ParseText(std::string_view text, std::string_view param, bool object) {
  auto parsed = json::Parse(text);
  if (parsed && (!object || parsed->AsObject() != nullptr)) return parsed;
  return Fail(Code::kInvalidArgument,
              object ? "must be the text of a JSON object" : "must be JSON text",
              std::string(param), "invalid_value");
}

Result<json::Value> ArgumentsOf(const chat::ToolCall& call, size_t message, size_t index) {
  if (call.arguments.empty()) return json::Value(json::Object{});
  return ParseText(call.arguments,
                   fmt::format("messages[{}].tool_calls[{}].function.arguments", message, index),
                   true);
}

Result<chat::ProviderCall> JsonCall(std::string path, std::string body, bool streams,
                                    std::string_view accept) {
  if (body.size() > chat::kProviderBodyBytesMax) {
    return Fail(Code::kTooLarge,
                fmt::format("the request has {} bytes in the provider's dialect; the most is {}",
                            body.size(), chat::kProviderBodyBytesMax),
                {}, "request_too_large");
  }
  chat::ProviderCall call;
  call.path = std::move(path);
  call.headers = {{"content-type", "application/json"}, {"accept", std::string(accept)}};
  call.body = std::move(body);
  call.streams = streams;
  return call;
}

Result<std::string> PathSegment(std::string_view name) {
  if (name.empty() || name == "." || name == ".." || name.size() > kSegmentBytesMax) {
    return Fail(Code::kUnprocessable, "the target's model name cannot be part of a path", "model",
                "not_supported_by_target");
  }
  std::string out;
  for (const char c : name) {
    if (IsPlain(c)) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<uint8_t>(c));
    }
  }
  return out;
}

std::string MadeCallId(const chat::GenerateRequest& request, int32_t choice, int32_t index) {
  return fmt::format("call_{}_{}_{}", request.messages.size(), choice, index);
}

Result<void> Normalise(std::vector<float>& vector) {
  double sum = 0;
  for (const float value : vector) sum += double{value} * value;
  if (!std::isfinite(sum)) return Malformed("has an embedding without a length");
  if (sum <= 0) return {};
  const double scale = 1 / std::sqrt(sum);
  for (float& value : vector) value = static_cast<float>(value * scale);
  return {};
}

Result<std::vector<float>> ReadVector(const json::Value& value) {
  const json::Array* items = value.AsArray();
  if (items == nullptr || items->empty()) return Malformed("has an embedding without numbers");
  std::vector<float> out;
  out.reserve(items->size());
  for (const json::Value& item : *items) {
    if (const double* number = item.AsDouble()) {
      if (std::abs(*number) > double{std::numeric_limits<float>::max()})
        return Malformed("has an embedding with a number beyond what a float holds");
      out.push_back(static_cast<float>(*number));
    } else if (const int64_t* whole = item.AsInt()) {
      out.push_back(static_cast<float>(*whole));
    } else {
      return Malformed("has an embedding that is not of numbers");
    }
  }
  return out;
}

Result<json::Value> ParseEmbeddings(std::string_view body) {
  auto parsed =
      json::Parse(body, {.bytes = chat::kProviderAnswerBytesMax, .values = kEmbeddingValuesMax});
  if (!parsed) return Malformed("is not valid JSON, or beyond its bounds");
  return parsed;
}

std::optional<int64_t> Count(const json::Value* object, std::string_view key) {
  const json::Value* value = object == nullptr ? nullptr : object->Find(key);
  const int64_t* count = value == nullptr ? nullptr : value->AsInt();
  if (count == nullptr || *count < 0 || *count > kCountMax) return std::nullopt;
  return *count;
}

void WriteFieldsOf(json::Writer& writer, std::string_view dialect,
                   const chat::GenerateRequest& request) {
  for (const auto& [name, text] : request.provider_fields) {
    if (name.starts_with(dialect)) writer.Key(name.substr(dialect.size())).Raw(text);
  }
}

}  // namespace weir::provider

#include "dialects/openai/pieces.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "base/utf8.h"

namespace weir::openai {
namespace {

// OpenAI writes this for tokens that cannot come; JSON has no infinity.
constexpr float kLeast = -9999.0f;

float Finite(float logprob) { return logprob > kLeast ? logprob : kLeast; }

void WriteLogprob(json::Writer& writer, std::optional<float> logprob) {
  if (logprob) {
    writer.Float(Finite(*logprob));
  } else {
    writer.Null();
  }
}

void WriteToken(json::Writer& writer, std::string_view bytes, std::optional<float> logprob) {
  writer.Field("token", bytes).Key("logprob");
  WriteLogprob(writer, logprob);
  writer.Key("bytes").BeginArray();
  for (const char byte : bytes) writer.Int(static_cast<uint8_t>(byte));
  writer.EndArray();
}

// Keys must differ and be text: a token that is part of a code point is written as its bytes, as
// OpenAI does.
std::string LegacyToken(std::string_view bytes) {
  if (IsValidUtf8(bytes)) return std::string(bytes);
  std::string out = "bytes:";
  for (const char byte : bytes) out += fmt::format("\\x{:02x}", static_cast<uint8_t>(byte));
  return out;
}

void WriteLegacyTop(json::Writer& writer, const chat::TokenLogprob& token) {
  if (!token.logprob) {
    writer.Null();  // the first token of an echoed prompt: nothing predicts it
    return;
  }
  std::set<std::string> seen;
  writer.BeginObject();
  for (const auto& other : token.top) {
    std::string text = LegacyToken(other.bytes);
    if (seen.insert(text).second) writer.Key(text).Float(Finite(other.logprob));
  }
  writer.EndObject();
}

int64_t CodePoints(std::string_view bytes) {
  return std::ranges::count_if(bytes,
                               [](char c) { return (static_cast<uint8_t>(c) & 0xC0) != 0x80; });
}

void WriteDetails(json::Writer& writer, const chat::Usage& usage) {
  const std::pair<std::string_view, std::optional<int64_t>> details[] = {
      {"reasoning_tokens", usage.reasoning_tokens},
      {"accepted_prediction_tokens", usage.accepted_prediction_tokens},
      {"rejected_prediction_tokens", usage.rejected_prediction_tokens}};
  bool open = false;
  for (const auto& [name, count] : details) {
    if (!count) continue;
    if (!std::exchange(open, true)) writer.Key("completion_tokens_details").BeginObject();
    writer.Field(name, *count);
  }
  if (open) writer.EndObject();
}

}  // namespace

void WriteHead(json::Writer& writer, const AnswerHead& head, std::string_view object) {
  writer.Field("id", head.id)
      .Field("object", object)
      .Field("created", head.created_s)
      .Field("model", head.model);
  if (!head.system_fingerprint.empty()) writer.Field("system_fingerprint", head.system_fingerprint);
}

std::string_view FinishWord(chat::FinishReason reason, const AnswerForm& form) {
  if (form.legacy_functions && reason == chat::FinishReason::kToolCalls) return "function_call";
  return chat::FinishReasonName(reason);
}

void WriteTokens(json::Writer& writer, std::span<const chat::TokenLogprob> tokens) {
  writer.BeginArray();
  for (const chat::TokenLogprob& token : tokens) {
    writer.BeginObject();
    WriteToken(writer, token.bytes, token.logprob);
    writer.Key("top_logprobs").BeginArray();
    for (const auto& other : token.top) {
      writer.BeginObject();
      WriteToken(writer, other.bytes, other.logprob);
      writer.EndObject();
    }
    writer.EndArray().EndObject();
  }
  writer.EndArray();
}

void WriteLogprobs(json::Writer& writer, std::span<const chat::TokenLogprob> tokens) {
  writer.BeginObject().Key("content");
  WriteTokens(writer, tokens);
  writer.Key("refusal").Null().EndObject();
}

int64_t WriteLegacyLogprobs(json::Writer& writer, std::span<const chat::TokenLogprob> tokens,
                            int64_t offset) {
  writer.BeginObject().Key("tokens").BeginArray();
  for (const auto& token : tokens) writer.String(LegacyToken(token.bytes));
  writer.EndArray().Key("token_logprobs").BeginArray();
  for (const auto& token : tokens) WriteLogprob(writer, token.logprob);
  writer.EndArray().Key("top_logprobs").BeginArray();
  for (const auto& token : tokens) WriteLegacyTop(writer, token);
  writer.EndArray().Key("text_offset").BeginArray();
  for (const auto& token : tokens) {
    writer.Int(offset);
    offset += CodePoints(token.bytes);
  }
  writer.EndArray().EndObject();
  return offset;
}

void WriteUsage(json::Writer& writer, const chat::Usage& usage) {
  if (!usage.prompt_tokens || !usage.completion_tokens) {
    writer.Null();
    return;
  }
  writer.BeginObject().Field("prompt_tokens", *usage.prompt_tokens);
  writer.Field("completion_tokens", *usage.completion_tokens);
  writer.Field("total_tokens", *usage.prompt_tokens + *usage.completion_tokens);
  if (usage.cached_tokens) {
    writer.Key("prompt_tokens_details")
        .BeginObject()
        .Field("cached_tokens", *usage.cached_tokens)
        .EndObject();
  }
  WriteDetails(writer, usage);
  writer.EndObject();
}

}  // namespace weir::openai

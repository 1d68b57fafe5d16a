#include "dialects/provider/logprobs.h"

#include <optional>
#include <string>
#include <utility>

#include "chat/provider.h"

namespace weir::provider {
namespace {

constexpr size_t kTextBytesMax = chat::kProviderAnswerBytesMax;
constexpr size_t kListMax = 100'000;

// The bytes of a token: as numbers where they are given, else its text.
std::string TokenBytes(json::Fields& token) {
  std::string text = token.String("token", kTextBytesMax).value_or("");
  const json::Array* bytes = token.List("bytes", 1024);
  if (bytes == nullptr) return text;
  std::string out;
  for (const json::Value& byte : *bytes) {
    const int64_t* number = byte.AsInt();
    if (number == nullptr || *number < 0 || *number > 255) return text;
    out += static_cast<char>(*number);
  }
  return out;
}

std::optional<float> Logprob(json::Fields& token) {
  const auto number = token.Number("logprob", -1e9, 1e-3);
  return number ? std::optional(static_cast<float>(*number)) : std::nullopt;
}

}  // namespace

void ReadLogprobs(json::Fields& from, std::string_view key, chat::Delta& delta) {
  const json::Array* tokens = from.List(key, kListMax);
  for (size_t i = 0; tokens != nullptr && i < tokens->size() && !from.problem(); ++i) {
    json::Fields token(from.problem(), (*tokens)[i], from.PathOf(key, i));
    chat::TokenLogprob out = {.bytes = TokenBytes(token), .logprob = Logprob(token)};
    const json::Array* top = token.List("top_logprobs", 1024);
    for (size_t k = 0; top != nullptr && k < top->size() && !from.problem(); ++k) {
      json::Fields other(from.problem(), (*top)[k], token.PathOf("top_logprobs", k));
      std::string bytes = TokenBytes(other);
      if (const auto logprob = Logprob(other)) out.top.push_back({std::move(bytes), *logprob});
    }
    delta.logprobs.push_back(std::move(out));
  }
}

}  // namespace weir::provider

#include "chat/provider.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>

#include "base/check.h"

namespace weir::chat {
namespace {

constexpr int kRetryAfterMaxS = 3600;

bool IsWord(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
  });
}

struct Meaning {
  Code code;
  std::string_view reason;
  std::string_view says;
};

// A dialect's word for a model's failing that its server tells as one of its own.
constexpr Meaning kUnreadable = {Code::kBackendFailed, "unreadable_output",
                                 "cannot read what its model wrote"};

Meaning MeaningOf(int status) {
  switch (status) {
    case 400:
    case 422:
      return {Code::kUnprocessable, "provider_rejected", "does not accept the request"};
    case 401:
    case 402:
    case 403:
      return {Code::kBackendFailed, "provider_refused_key", "refuses Weir's key or account"};
    case 404:
    case 410:
      return {Code::kBackendFailed, "model_retired", "has no such model (any more)"};
    case 408:
    case 504:
      return {Code::kBackendFailed, "provider_timeout", "ran into a time-out of its own"};
    case 413:
      return {Code::kTooLarge, "provider_rejected", "finds the request too large"};
    case 429:
      return {Code::kUnavailable, "provider_rate_limited", "limits the rate of requests"};
    case 503:
    case 529:
      return {Code::kUnavailable, "provider_overloaded", "is overloaded"};
    default:
      if (status >= 300 && status < 400) {
        return {Code::kBackendFailed, "provider_redirected",
                "redirects, and redirects are not followed"};
      }
      return {Code::kBackendFailed, "provider_failed", "failed"};
  }
}

}  // namespace

std::string_view CredentialHeader(CredentialStyle style) {
  switch (style) {
    case CredentialStyle::kBearer:
      return "authorization";
    case CredentialStyle::kXApiKey:
      return "x-api-key";
    case CredentialStyle::kXGoogApiKey:
      return "x-goog-api-key";
    case CredentialStyle::kApiKey:
      return "api-key";
  }
  CHECK(false, "credential style out of range");
}

Error ProviderStatusError(int status, int retry_after_s, std::string_view detail) {
  const Meaning meaning = detail == "unreadable_output" ? kUnreadable : MeaningOf(status);
  std::string message = fmt::format("the provider {} (HTTP {}{}{})", meaning.says, status,
                                    IsWord(detail) ? ", " : "", IsWord(detail) ? detail : "");
  return {meaning.code, std::move(message), "", std::string(meaning.reason), retry_after_s};
}

std::string_view FindHeader(const ProviderHeaders& headers, std::string_view name) {
  for (const auto& [key, value] : headers) {
    if (key == name) return value;
  }
  return {};
}

int RetryAfterSeconds(const ProviderHeaders& headers) {
  const std::string_view text = FindHeader(headers, "retry-after");
  int seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || seconds < 0) return 0;
  // "1.5" is not in the RFC, but it is sent: rounded up.
  const bool fraction = end != text.data() + text.size() && *end == '.';
  return std::min(seconds + (fraction ? 1 : 0), kRetryAfterMaxS);
}

}  // namespace weir::chat

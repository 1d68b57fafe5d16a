#include "chat/answer_times.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <string_view>

#include "base/http_date.h"

namespace weir::chat {
namespace {

constexpr int64_t kWaitMaxS = 86'400;                 // who reads it bounds it more
constexpr int64_t kUnixSecondsMax = 253'402'300'799;  // the last second of the year 9999

// "@1688169599", the date of RFC 9651.
std::optional<WallTime> UnixDate(std::string_view text) {
  if (!text.starts_with('@')) return std::nullopt;
  int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data() + 1, text.data() + text.size(), seconds);
  const bool whole = end == text.data() + text.size() || *end == ';';  // parameters may follow
  if (error != std::errc() || !whole || seconds < 0 || seconds > kUnixSecondsMax) {
    return std::nullopt;
  }
  return WallTime(std::chrono::seconds(seconds));
}

}  // namespace

void RetryAfterAsSeconds(ProviderHeaders& headers, WallTime now) {
  const auto found =
      std::ranges::find(headers, "retry-after", &std::pair<std::string, std::string>::first);
  if (found == headers.end()) return;
  const auto date = ParseHttpDate(found->second);
  if (!date) return;
  const WallTime from = ParseHttpDate(FindHeader(headers, "date")).value_or(now);
  const auto wait = std::chrono::ceil<std::chrono::seconds>(*date - from).count();
  found->second = fmt::format("{}", std::clamp<int64_t>(wait, 0, kWaitMaxS));
}

Deprecation DeprecationOf(const ProviderHeaders& headers) {
  Deprecation said;
  const std::string_view since = FindHeader(headers, "deprecation");
  const std::string_view sunset = FindHeader(headers, "sunset");
  if (since.empty() && sunset.empty()) return said;  // nearly every answer
  said.since = UnixDate(since);
  if (!said.since) said.since = ParseHttpDate(since);
  said.sunset = ParseHttpDate(sunset);
  said.announced = said.since || said.sunset || since == "true" || since == "?1";
  return said;
}

}  // namespace weir::chat

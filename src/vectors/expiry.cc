#include "vectors/expiry.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>

#include "vectors/filter_match.h"

namespace weir::vectors {
namespace {

// The end of the year 9999. What is beyond is most likely in milliseconds.
constexpr double kSecondsMax = 253'402'300'799;

// kNoExpiry is taken: what ended before 1970 ended then.
Expiry Ended(int64_t micros) { return std::max<Expiry>(micros, 1); }

std::optional<Expiry> FromSeconds(double seconds) {
  if (!(std::fabs(seconds) <= kSecondsMax)) return std::nullopt;
  return Ended(std::llround(seconds * 1e6));
}

std::optional<Expiry> FromValue(const json::Value& value) {
  if (const std::string* text = value.AsString()) {
    const auto time = ParseTime(*text);
    return time ? std::optional(Ended(AsExpiry(*time))) : std::nullopt;
  }
  if (const int64_t* seconds = value.AsInt()) return FromSeconds(static_cast<double>(*seconds));
  if (const double* seconds = value.AsDouble()) return FromSeconds(*seconds);
  return std::nullopt;
}

}  // namespace

Result<Expiry> ReadExpiry(const json::Value& payload, std::string_view path) {
  const json::Value* value = payload.Find(kExpiresKey);
  if (value == nullptr || value->is_null()) return kNoExpiry;
  if (const auto expiry = FromValue(*value)) return *expiry;
  return Fail(Code::kInvalidArgument,
              fmt::format("{}.{} takes an RFC 3339 time, or seconds since 1970 up to the year 9999",
                          path, kExpiresKey),
              fmt::format("{}.{}", path, kExpiresKey), "invalid_expiry");
}

Expiry ExpiryOf(const json::Value& payload) { return ReadExpiry(payload).value_or(kNoExpiry); }

void ExpireAt(json::Value& payload, WallTime time) {
  if (payload.AsObject() == nullptr) payload = json::Object();
  json::Object& members = *payload.AsObject();
  std::erase_if(members, [](const json::Member& member) { return member.key == kExpiresKey; });
  // A double tells microseconds apart for the next two centuries.
  members.push_back(
      {std::string(kExpiresKey), static_cast<double>(time.time_since_epoch().count()) / 1e6});
}

}  // namespace weir::vectors

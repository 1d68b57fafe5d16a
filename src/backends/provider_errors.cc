#include "backends/provider_errors.h"

#include <algorithm>
#include <iterator>
#include <string_view>

namespace weir::backends {

bool CannotHaveCost(const Error& error) {
  constexpr std::string_view kReasons[] = {"connect_failed", "connect_timeout",
                                           "provider_rate_limited", "provider_overloaded",
                                           "provider_failed"};
  return std::ranges::find(kReasons, error.reason) != std::end(kReasons);
}

bool IsBlameless(const Error& error) {
  return error.code == Code::kCancelled || error.code == Code::kUnprocessable ||
         error.code == Code::kTooLarge || error.code == Code::kForbidden ||
         error.code == Code::kInvalidArgument || error.reason == "door_closed" ||
         error.reason == "door_gone" || error.reason == "queue_full" ||
         error.reason == "provider_rate_limited";
}

bool MayHaveCost(const Error& error) {
  constexpr std::string_view kReasons[] = {
      "address_refused",     "provider_refused_key", "provider_rejected",
      "provider_redirected", "model_retired",        "not_supported_by_target",
      "queue_full",          "queue_too_long",       "queue_timeout",
      "target_gone",         "door_closed",          "door_policy"};
  return !CannotHaveCost(error) && std::ranges::find(kReasons, error.reason) == std::end(kReasons);
}

}  // namespace weir::backends

#include "backends/provider_errors.h"

#include <fmt/core.h>

#include <algorithm>
#include <iterator>
#include <string_view>

namespace weir::backends {

bool CannotHaveCost(const Error& error) {
  constexpr std::string_view kReasons[] = {"connect_failed",      "connect_timeout",
                                           "call_not_taken",      "provider_rate_limited",
                                           "provider_overloaded", "provider_failed"};
  return std::ranges::find(kReasons, error.reason) != std::end(kReasons);
}

bool MayAskAnother(const Error& error) {
  constexpr std::string_view kReasons[] = {"address_refused", "certificate_refused",
                                           "model_retired", "provider_redirected",
                                           "provider_refused_key"};
  return CannotHaveCost(error) || std::ranges::find(kReasons, error.reason) != std::end(kReasons);
}

bool IsBlameless(const Error& error) {
  return error.code == Code::kCancelled || error.code == Code::kUnprocessable ||
         error.code == Code::kTooLarge || error.code == Code::kForbidden ||
         error.code == Code::kInvalidArgument || error.reason == "door_closed" ||
         error.reason == "door_gone" || error.reason == "queue_full" ||
         error.reason == "workers_busy" || error.reason == "server_starting" ||
         error.reason == "server_failed" || error.reason == "provider_rate_limited" ||
         error.reason == "call_breaks_schema" || error.reason == "unreadable_output";
}

bool MayHaveCost(const Error& error) {
  constexpr std::string_view kReasons[] = {
      "address_refused",     "certificate_refused", "provider_refused_key",    "provider_rejected",
      "provider_redirected", "model_retired",       "not_supported_by_target", "workers_busy",
      "queue_full",          "queue_too_long",      "queue_timeout",           "target_gone",
      "door_closed",         "door_policy",         "server_starting",         "server_failed"};
  return !CannotHaveCost(error) && std::ranges::find(kReasons, error.reason) == std::end(kReasons);
}

Error AtTarget(Error error, std::string_view target) {
  error.message = fmt::format("target '{}': {}", target, error.message);
  return error;
}

Error AsBackendError(Error error, std::string_view target) {
  if (error.code == Code::kDeadlineExceeded) error.code = Code::kBackendFailed;
  if (error.reason == "connect_failed" || error.reason == "connect_timeout" ||
      error.reason == "address_refused") {
    error.code = Code::kUnavailable;
  }
  return AtTarget(std::move(error), target);
}

}  // namespace weir::backends

#include "wire/egress.h"

#include <algorithm>

namespace weir::wire {
namespace {

using Headers = std::vector<std::pair<std::string, std::string>>;

std::string_view BrokenHeaders(const Headers& headers) {
  if (headers.size() > kEgressHeadersMax) return "kEgressHeadersMax";
  size_t bytes = 0;
  for (const auto& [name, value] : headers) bytes += name.size() + value.size();
  return bytes > kEgressHeaderBytesMax ? "kEgressHeaderBytesMax" : "";
}

bool IsTooLong(const std::string& text) { return text.size() > kEgressTextBytesMax; }

bool IsTooLate(uint32_t timeout_ms) { return timeout_ms == 0 || timeout_ms > kEgressTimeoutMsMax; }

}  // namespace

std::string_view BrokenBound(const EgressHello& hello) {
  return hello.mac_key.size() == kMacKeyBytes ? "" : "kMacKeyBytes";
}

std::string_view BrokenBound(const EgressCall& call) {
  const PermitSlip& permit = call.permit;
  for (const std::string* text : {&permit.request_id, &permit.backend, &permit.target, &call.method,
                                  &call.path, &permit.policy_hash, &permit.digest, &permit.mac}) {
    if (IsTooLong(*text)) return "kEgressTextBytesMax";
  }
  const EgressTimeouts& timeouts = call.timeouts;
  for (const uint32_t ms :
       {timeouts.connect_ms, timeouts.first_byte_ms, timeouts.gap_ms, timeouts.total_ms}) {
    if (IsTooLate(ms)) return "kEgressTimeoutMsMax";
  }
  return BrokenHeaders(call.headers);
}

std::string_view BrokenBound(const EgressHead& head) {
  if (head.status < 100 || head.status > 999) return "status";
  return BrokenHeaders(head.headers);
}

}  // namespace weir::wire

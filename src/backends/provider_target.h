// A target beyond this machine, as the configuration has it. Plain; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "chat/provider.h"
#include "wire/egress.h"

namespace weir::backends {

// A [[target]] at a [[backend]] of another kind than engine.
struct ProviderTarget {
  std::string name = {};
  std::string backend = {};
  const chat::ProviderDialect* dialect = nullptr;
  chat::ProviderModel model = {};
  chat::Quirks quirks = {};
  // Of where it is and of what it is reached with: another one, and what is known of the place
  // holds no more. No secret.
  uint64_t reached_by = 0;
  uint32_t replicas = 1;
  int32_t concurrency = 64;  // for each replica
  int32_t queue = 256;
  int32_t retries = 1;
  wire::EgressTimeouts timeouts = {};
  // Until an answer begins that was asked for in one piece; nothing: none is.
  std::optional<uint32_t> whole_ms = {};

  bool operator==(const ProviderTarget&) const = default;
};

}  // namespace weir::backends

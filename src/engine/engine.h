// A weir-engine process from its inherited socket to its end: load what the gateway asks for, lock
// the process down, then serve until the gateway goes away. One model, one process; a model file
// that breaks it breaks nothing else.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace weir::engine {

struct EngineOptions {
  int socket = 3;  // inherited, a connected Unix stream to the gateway
  int files = 4;   // inherited: the model file and, without a gap, its adapters and its
                   // projector; read-only
};

// The process' exit code: 0 when the gateway closed in good order.
int RunEngine(const EngineOptions& options);

// The conversation alone, from Load to the end of the stream: what RunEngine does once the process
// is locked down. `sandbox` is what Ready says about that. Prefixes
// that leave the KV cache are kept in up to host_bytes_max of memory. Returns when the gateway has
// closed (then nothing, also when it did so while the model loaded), when either side broke the
// protocol, when the model did not load, or when its state was lost (then the Error). Blocks;
// starts two threads of its own and joins them. Shuts the socket down, and does not close it.
Result<void> ServeConnection(int socket, std::vector<std::string> sandbox, uint64_t host_bytes_max);

}  // namespace weir::engine

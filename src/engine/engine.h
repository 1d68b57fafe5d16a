// A weir-engine process from its inherited socket to its end: load what the gateway asks for, lock
// the process down, then serve until the gateway goes away. One model, one process; a model file
// that breaks it breaks nothing else.
#pragma once

namespace weir::engine {

struct EngineOptions {
  int socket = 3;  // inherited, a connected Unix stream to the gateway
  int model = 4;   // inherited, the model file, read-only
};

// The process' exit code: 0 when the gateway closed in good order.
int RunEngine(const EngineOptions& options);

}  // namespace weir::engine

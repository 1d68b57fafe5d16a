// A weir-engine process that makes one model file out of another instead of serving it: started by
// `weir quantize`, locked down like an engine, but for the one folder that it writes to.
#pragma once

#include <cstdint>
#include <string>

namespace weir::engine {

struct QuantizingOptions {
  int socket = 3;           // inherited, a connected Unix stream to whoever started it
  int model = 4;            // inherited, the model file, read-only
  std::string output = {};  // a path; written anew
  uint32_t type = 0;        // general.file_type (gguf/quantisation.h)
  int32_t threads = 0;      // 0: all cores
  bool again = false;       // also weights that are quantised already
};

// The process' exit code: 0 when the file is whole. Says how far it is in Loading frames, and what
// went wrong in a Failure (wire/engine.h).
int RunQuantizing(const QuantizingOptions& options);

}  // namespace weir::engine

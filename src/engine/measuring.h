// A weir-engine process that measures model files against a text instead of serving one: started by
// `weir bench --quality`, locked down like an engine. One or two model files in, numbers out
// (wire/quality.h is the conversation, quality.h the arithmetic); it writes nothing.
#pragma once

#include <vector>

namespace weir::engine {

struct MeasuringOptions {
  int socket = 3;                // inherited, a connected Unix stream to whoever started it
  std::vector<int> models = {};  // inherited, model files, read-only; the first is the base
};

// The process' exit code: 0 when the figures were sent, 1 when a Failure was.
int RunMeasuring(const MeasuringOptions& options);

}  // namespace weir::engine

// A model file with its weights in another type: libllama's own quantiser.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/result.h"

namespace weir::llama {

struct QuantizeSettings {
  uint32_t type = 0;    // general.file_type of what is to be (gguf/quantisation.h)
  int32_t threads = 0;  // 0: all cores
  bool again = false;   // also weights that are quantised already
};

// Reads `from`, writes `to` anew, and blocks for minutes with a large model. `on_progress` gets the
// share of the tensors that are done, on the calling thread. One call at a time in a process: what
// libllama says meanwhile is read for progress and for the reason of a failure.
// kUnprocessable, reason "quantize_failed".
Result<void> Quantize(const std::string& from, const std::string& to,
                      const QuantizeSettings& settings,
                      const std::function<void(float)>& on_progress);

}  // namespace weir::llama

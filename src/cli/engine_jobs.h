// Work on model files that weir-engine does for a command in a process of its own, locked down, so
// that a file that breaks libllama breaks nothing else. Each call starts one such process, blocks
// until it has ended, and takes it along when this program is killed.
//
// A failure that the process told is given as it told it; one that died is kInternal, reason
// "engine_crashed".
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "base/result.h"
#include "wire/quality.h"

namespace weir::cli {

// Told with the share that is done, 0 to 1, often.
using ShareTold = std::function<void(float)>;

struct QuantizeJob {
  int model = -1;           // a descriptor, which the caller keeps
  uint32_t type = 0;        // general.file_type (gguf/quantisation.h)
  int32_t threads = 0;      // 0: all cores
  bool again = false;       // also weights that are quantised already
  std::string output = {};  // a path; written anew
};
Result<void> QuantizeFile(const QuantizeJob& job, const ShareTold& on_share);

// One or two descriptors of model files, which the caller keeps; the first is the base.
Result<wire::Measured> MeasureFiles(std::span<const int> models, const wire::Measure& asked,
                                    const ShareTold& on_share);

}  // namespace weir::cli

// Whether the two models of a comparison fit into memory together, before minutes go by.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/options.h"
#include "gguf/info.h"

namespace weir::cli {

// What a measurement may take: of engine.memory what the running server's models leave; where
// nobody set it, what the machine has available now.
struct MeasuringRoom {
  uint64_t bytes = UINT64_MAX;
  std::string of = {};  // for messages: "engine.memory, of which loaded models hold 1.0 GiB"
};
MeasuringRoom RoomToMeasure(const Common& common, const std::vector<std::string>& words);

struct ModelToMeasure {
  std::string name = {};
  const gguf::Info* info = nullptr;
};
// kUnavailable with the figures when `models`, each with a window of `context_tokens`, need more.
Result<void> CheckMeasuringFits(const std::vector<ModelToMeasure>& models, int32_t context_tokens,
                                const MeasuringRoom& room);

}  // namespace weir::cli

#include "cli/quality_memory.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/document.h"
#include "cli/settings.h"
#include "cli/table.h"
#include "models/footprint.h"
#include "policy/engine_settings.h"
#include "process/probe.h"

namespace weir::cli {
namespace {

// As engine/quality.h computes.
constexpr int32_t kRows = 128;

// What the models of the running server hold; 0 without one.
uint64_t HeldByServer(const Common& common) {
  auto link = ServerLink::Find(common.folders);
  if (!link) return 0;
  const auto engines = link->Get("/weir/v1/models");
  const json::Value* memory = engines ? engines->Find("memory") : nullptr;
  return memory == nullptr ? 0 : static_cast<uint64_t>(NumberAt(*memory, "used"));
}

}  // namespace

MeasuringRoom RoomToMeasure(const Common& common, const std::vector<std::string>& words) {
  const Machine machine = ProbeMachine();
  const auto settings = LoadFor(words);
  const uint64_t set = settings ? static_cast<uint64_t>(*settings->engine.memory) : 0;
  if (set > 0) {
    const uint64_t held = std::min(HeldByServer(common), set);
    return {set - held, held == 0
                            ? std::string("engine.memory")
                            : fmt::format("engine.memory ({}), of which loaded models hold {}",
                                          Bytes(set), Bytes(held))};
  }
  return {std::min(machine.memory_available_bytes.value_or(UINT64_MAX),
                   machine.memory_limit_bytes.value_or(UINT64_MAX)),
          "the memory that is available now"};
}

Result<void> CheckMeasuringFits(const std::vector<ModelToMeasure>& models, int32_t context_tokens,
                                const MeasuringRoom& room) {
  const wire::EngineSettings settings{.context_tokens = context_tokens,
                                      .batch_tokens = std::min(kRows, context_tokens)};
  uint64_t needed = 0;
  std::string parts;
  for (const ModelToMeasure& model : models) {
    const uint64_t least = models::FootprintOf(*model.info, settings).least();
    needed += least;
    parts += fmt::format("{}{} {}", parts.empty() ? "" : " and ", model.name, Bytes(least));
  }
  if (needed <= room.bytes) return {};
  return Fail(Code::kUnavailable,
              fmt::format("measuring takes {} ({}), and there are {} of {}; stop models, give a "
                          "smaller --context, or compare smaller ones",
                          Bytes(needed), parts, Bytes(room.bytes), room.of),
              "model", "no_room_for_model");
}

}  // namespace weir::cli

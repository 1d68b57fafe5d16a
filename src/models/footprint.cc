#include "models/footprint.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>
#include <vector>

#include "base/size_text.h"
#include "wire/engine_defaults.h"

namespace weir::models {
namespace {

constexpr uint64_t kProgram = uint64_t{8} << 20;
constexpr uint64_t kMore = uint64_t{16} << 20;  // vocabulary, queues, threads
// Rows of floats as wide as an embedding that a step has at the same time.
constexpr uint64_t kRowsAtOnce = 16;
constexpr uint64_t kFloat = 4;
constexpr int32_t kContextMin = 1024;  // with less nobody wants a model that talks
constexpr int32_t kContextStep = 256;

struct CellType {
  std::string_view name;
  uint64_t bytes_of_32;
};
constexpr std::array kCellTypes = {
    CellType{"f32", 128}, CellType{"f16", 64},  CellType{"bf16", 64},
    CellType{"q8_0", 34}, CellType{"q5_1", 24}, CellType{"q5_0", 22},
    CellType{"q4_1", 20}, CellType{"q4_0", 18}, CellType{"iq4_nl", 18}};
constexpr uint64_t kF16BytesOf32 = 64;

// Bits of one weight, over a whole file.
struct Quantisation {
  std::string_view name;
  double bits;
};
constexpr std::array kQuantisations = {Quantisation{"Q8_0", 8.5},   Quantisation{"Q6_K", 6.6},
                                       Quantisation{"Q5_K_M", 5.7}, Quantisation{"Q4_K_M", 4.9},
                                       Quantisation{"Q3_K_M", 4.0}, Quantisation{"Q2_K", 3.2}};

uint64_t BytesOf32(std::string_view type) {
  const auto found = std::ranges::find(kCellTypes, type, &CellType::name);
  return found == kCellTypes.end() ? kF16BytesOf32 : found->bytes_of_32;
}

int32_t OrElse(int32_t value, int32_t fallback) { return value > 0 ? value : fallback; }

// One cell, over all layers.
uint64_t CellBytes(const gguf::Info& info, const wire::EngineSettings& settings) {
  const uint64_t key = info.key_length, value = info.value_length;
  if (key + value == 0) return info.kv_bytes_per_token;
  const uint64_t of_32 =
      (key * BytesOf32(settings.kv_type_k) + value * BytesOf32(settings.kv_type_v)) / (key + value);
  return info.kv_bytes_per_token * of_32 / kF16BytesOf32;
}

bool IsQuantised(const gguf::Info& info) {
  return info.quantisation.starts_with('Q') || info.quantisation.starts_with("IQ");
}

std::string ContextThatFits(const Footprint& now, uint64_t bytes) {
  const uint64_t rest = now.weights + now.compute;
  if (now.cache == 0 || rest >= bytes) return {};
  const auto tokens = static_cast<uint64_t>(now.context_tokens);
  auto fits = static_cast<int32_t>(std::min(tokens, (bytes - rest) * tokens / now.cache));
  fits -= fits % kContextStep;
  return fits < kContextMin ? std::string() : fmt::format("context = {}", fits);
}

std::string CacheThatFits(const gguf::Info& info, const wire::EngineSettings& settings,
                          uint64_t bytes) {
  for (const char* type : {"q8_0", "q4_0"}) {
    wire::EngineSettings smaller = settings;
    smaller.kv_type_k = smaller.kv_type_v = type;
    const Footprint then = FootprintOf(info, smaller);
    if (then.cache >= FootprintOf(info, settings).cache || then.least() > bytes) continue;
    return fmt::format("kv_type_k and kv_type_v = \"{}\"", type);
  }
  return {};
}

std::string QuantisationThatFits(const gguf::Info& info, const Footprint& now, uint64_t bytes) {
  if (info.parameters == 0) return {};
  const auto parameters = static_cast<double>(info.parameters);
  for (const Quantisation& type : kQuantisations) {
    const auto weights = static_cast<uint64_t>(parameters * type.bits / 8);
    if (weights < now.weights && weights + now.cache + now.compute <= bytes) {
      return fmt::format("the model as {}", type.name);
    }
  }
  return {};
}

}  // namespace

Footprint FootprintOf(const gguf::Info& info, const wire::EngineSettings& settings) {
  Footprint footprint;
  footprint.weights = info.tensor_bytes;
  footprint.more = kMore + (IsQuantised(info) ? info.tensor_bytes / 2 : 0);
  const auto trained =
      static_cast<int32_t>(std::clamp<uint32_t>(info.context_length, 1, INT32_MAX));
  const int32_t batch = OrElse(settings.batch_tokens, wire::kBatchTokensDefault);
  uint64_t rows =
      static_cast<uint64_t>(std::min(OrElse(settings.micro_batch_tokens, batch), batch));
  uint64_t outputs = std::min<uint64_t>(static_cast<uint64_t>(batch), wire::kOutputsMax);
  footprint.context_tokens =
      OrElse(settings.context_tokens, std::min(trained, wire::kContextTokensDefault));
  if (info.capabilities.embedding) {
    footprint.context_tokens =
        std::min({OrElse(settings.context_tokens, trained), trained, wire::kEmbedTokensMax});
    rows = static_cast<uint64_t>(footprint.context_tokens);
    outputs = 0;
  }
  const auto cells = static_cast<uint64_t>(footprint.context_tokens);
  footprint.cache = cells * CellBytes(info, settings);
  // Logits are there twice: as the step leaves them, and for whoever draws.
  const uint64_t logits = 2 * outputs * info.tokenizer.tokens * kFloat;
  const uint64_t mask = rows * cells * kFloat;
  const uint64_t scores = settings.flash_attention == wire::Switch::kOff ? mask * info.heads : 0;
  footprint.compute =
      kProgram + logits + mask + scores + rows * info.embedding_length * kFloat * kRowsAtOnce;
  return footprint;
}

std::string FootprintText(const Footprint& footprint) {
  std::string text = fmt::format("weights {}", SizeText(footprint.weights));
  if (footprint.cache > 0) {
    text += fmt::format(", KV cache {} for {} tokens", SizeText(footprint.cache),
                        footprint.context_tokens);
  }
  return text + fmt::format(", computing {}", SizeText(footprint.compute));
}

std::string WhatWouldFit(const gguf::Info& info, const wire::EngineSettings& settings,
                         uint64_t bytes) {
  const Footprint now = FootprintOf(info, settings);
  std::vector<std::string> remedies;
  for (std::string remedy : {ContextThatFits(now, bytes), CacheThatFits(info, settings, bytes),
                             QuantisationThatFits(info, now, bytes)}) {
    if (!remedy.empty()) remedies.push_back(std::move(remedy));
  }
  return fmt::format("{}", fmt::join(remedies, ", or "));
}

std::string TooLargeText(const gguf::Info& info, const wire::EngineSettings& settings,
                         uint64_t bytes) {
  const Footprint footprint = FootprintOf(info, settings);
  const std::string would = WhatWouldFit(info, settings, bytes);
  return fmt::format("it needs {} ({}); {}", SizeText(footprint.least()), FootprintText(footprint),
                     would.empty() ? "no setting makes it fit" : "what would fit: " + would);
}

uint64_t DefaultMemoryBudget(const Machine& machine) {
  const uint64_t whole = std::min(machine.memory_bytes.value_or(UINT64_MAX),
                                  machine.memory_limit_bytes.value_or(UINT64_MAX));
  return whole == UINT64_MAX ? whole : whole / 4 * 3;
}

}  // namespace weir::models

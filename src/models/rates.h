// How fast this machine runs its models, as `weir bench` measured it: `rates.json` in the data
// folder (docs/formats/rates.md). Routing predicts waiting times from it, engines start with the
// kernel that it names, `weir show` tells it.
//
// Measured by one process and read by others: the file is replaced whole, so a reader sees the old
// one or the new one. Blocking; any thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "json/writer.h"
#include "models/kernel_choice.h"

namespace weir::models {

inline constexpr size_t kRatesBytesMax = size_t{1} << 20;
inline constexpr size_t kRatesModelsMax = 1000;
inline constexpr size_t kRatesPointsMax = 32;  // of one model and kind

// `at`: tokens of the prompt, streams at the same time, or texts in one request.
struct RatePoint {
  int64_t at = 0;
  double tokens_per_s = 0;
  bool operator==(const RatePoint&) const = default;
};

struct ModelRates {
  std::string measured = {};  // "2026-11-21T20:15:00Z"
  std::string version = {};   // of Weir
  std::string sha256 = {};    // of the model's file; empty for one outside of the store
  int64_t threads = 0;        // of this machine
  std::vector<RatePoint> prefill = {};
  std::vector<RatePoint> decode = {};  // of all streams together
  std::vector<RatePoint> embed = {};
  std::optional<KernelChoice> kernel = {};  // `weir bench --tune` chose it
  bool operator==(const ModelRates&) const = default;
};

using Rates = std::map<std::string, ModelRates>;  // by the full name of the model

Result<Rates> ParseRates(std::string_view text);
std::string PrintRates(const Rates& rates);
void WriteRates(json::Writer& writer, const ModelRates& rates);  // one of them, as an object

// Empty when there is no file yet.
Result<Rates> ReadRates(const std::string& data_folder);
// The kernel that was chosen for this file of the model on this machine. Nothing when there is
// none, when the file is outside of the store (an empty sha256), or when rates.json cannot be read.
std::optional<KernelChoice> KernelOf(const std::string& data_folder, const std::string& model,
                                     const std::string& sha256);
// What is known of the other models stays. Durable when it returns.
Result<void> StoreRates(const std::string& data_folder, const std::string& model,
                        const ModelRates& rates);

}  // namespace weir::models

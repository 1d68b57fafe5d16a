#include "gguf/quantisation.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string>

#include "gguf/types.h"

namespace weir::gguf {
namespace {

constexpr std::array<std::string_view, 24> kNames = {
    "F32",    "F16",    "BF16",   "Q8_0",   "Q6_K",   "Q5_1", "Q5_K_M", "Q5_K_S",
    "Q5_0",   "Q4_1",   "Q4_K_M", "Q4_K_S", "IQ4_NL", "Q4_0", "MXFP4",  "IQ4_XS",
    "Q3_K_L", "Q3_K_M", "IQ3_M",  "IQ3_S",  "Q3_K_S", "Q2_K", "TQ2_0",  "TQ1_0"};
constexpr uint64_t kFileTypesMax = 64;

struct Alias {
  std::string_view name;
  std::string_view means;
};
constexpr Alias kAliases[] = {{"FP32", "F32"},    {"FP16", "F16"},    {"Q3_K", "Q3_K_M"},
                              {"Q4_K", "Q4_K_M"}, {"Q5_K", "Q5_K_M"}, {"MXFP4_MOE", "MXFP4"}};

}  // namespace

std::span<const std::string_view> Quantisations() { return kNames; }

std::optional<uint32_t> QuantisationNumber(std::string_view name) {
  std::string wanted(name);
  std::ranges::transform(wanted, wanted.begin(), [](unsigned char c) { return std::toupper(c); });
  for (const Alias& alias : kAliases) {
    if (wanted == alias.name) wanted = alias.means;
  }
  if (std::ranges::find(kNames, wanted) == kNames.end()) return std::nullopt;
  for (uint64_t number = 0; number < kFileTypesMax; ++number) {
    if (FileTypeName(number) == wanted) return static_cast<uint32_t>(number);
  }
  return std::nullopt;
}

bool IsQuantised(std::string_view name) { return name != "F32" && name != "F16" && name != "BF16"; }

}  // namespace weir::gguf

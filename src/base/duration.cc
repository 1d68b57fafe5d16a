#include "base/duration.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace weir {
namespace {

constexpr int64_t kMsMax = int64_t{100} * 366 * 24 * 3600 * 1000;

constexpr std::pair<std::string_view, int64_t> kUnits[] = {
    {"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}};

int64_t UnitMs(std::string_view unit) {
  for (const auto& [name, ms] : kUnits) {
    if (name == unit) return ms;
  }
  return 0;
}

// ".5" of a unit. Digits that are less than a millisecond fall away.
int64_t PartMs(std::string_view digits, int64_t unit) {
  int64_t ms = 0;
  int64_t scale = 1;
  for (const char digit : digits.substr(0, 9)) {
    scale *= 10;
    ms = ms * 10 + (digit - '0');
  }
  return ms * unit / scale;
}

}  // namespace

std::optional<int64_t> DurationMs(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  if (text.empty()) return std::nullopt;
  int64_t total = 0;
  const bool bare = std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
  while (!text.empty()) {
    int64_t count = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    if (error != std::errc() || count < 0) return std::nullopt;
    text.remove_prefix(static_cast<size_t>(end - text.data()));
    std::string_view part;
    if (text.starts_with('.')) {
      part = text.substr(1, text.find_first_not_of("0123456789", 1) - 1);
      if (part.empty()) return std::nullopt;
      text.remove_prefix(1 + part.size());
    }
    const size_t unit_size = std::min(text.find_first_of("0123456789"), text.size());
    const int64_t unit = bare ? 1000 : UnitMs(text.substr(0, unit_size));
    if (unit == 0 || count > (kMsMax - total) / unit) return std::nullopt;
    total += count * unit + PartMs(part, unit);
    text.remove_prefix(unit_size);
  }
  return negative ? -total : total;
}

}  // namespace weir

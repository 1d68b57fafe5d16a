#include "config/nearest.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/utf8.h"

namespace weir::config {
namespace {

constexpr size_t kWordMax = 64;
constexpr size_t kQuotedMax = 48;

using Row = std::array<size_t, kWordMax + 1>;

}  // namespace

size_t EditDistance(std::string_view a, std::string_view b) {
  a = a.substr(0, kWordMax);
  b = b.substr(0, kWordMax);
  Row before = {};
  Row previous = {};
  Row current = {};
  for (size_t j = 0; j <= b.size(); ++j) current[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    before = previous;
    previous = current;
    current[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      current[j] = std::min(
          {previous[j] + 1, current[j - 1] + 1, previous[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        current[j] = std::min(current[j], before[j - 2] + 1);
      }
    }
  }
  return current[b.size()];
}

std::optional<std::string_view> Nearest(std::string_view word,
                                        std::span<const std::string_view> known) {
  if (known.empty()) return std::nullopt;
  const auto nearest = std::ranges::min_element(
      known, {}, [word](std::string_view candidate) { return EditDistance(word, candidate); });
  if (EditDistance(word, *nearest) * 2 > std::max(nearest->size(), word.size()))
    return std::nullopt;
  return *nearest;
}

std::string Suggestion(std::string_view word, std::span<const std::string_view> known) {
  if (known.empty()) return {};
  if (const auto nearest = Nearest(word, known)) {
    return fmt::format("; did you mean '{}'?", *nearest);
  }
  return fmt::format("; known here: {}", fmt::join(known, ", "));
}

std::string Quoted(std::string_view text) {
  const bool cut = text.size() > kQuotedMax;
  if (cut) text = text.substr(0, CompleteUtf8Prefix(text.substr(0, kQuotedMax)));
  std::string quoted = "'";
  for (const char c : text) quoted += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  quoted += cut ? "...'" : "'";
  return quoted;
}

}  // namespace weir::config

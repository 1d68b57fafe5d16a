#include "ledger/money.h"

#include <fmt/format.h>

#include <algorithm>

namespace weir::ledger {
namespace {

Pico Held(__int128 amount) {
  constexpr __int128 kMin = INT64_MIN;
  constexpr __int128 kMax = INT64_MAX;
  return static_cast<Pico>(std::clamp(amount, kMin, kMax));
}

std::string TextOf(__int128 pico) {
  const bool negative = pico < 0;
  const unsigned __int128 size =
      negative ? -static_cast<unsigned __int128>(pico) : static_cast<unsigned __int128>(pico);
  std::string text =
      fmt::format("{}.{:012}", size / kPicoPerUnit, static_cast<uint64_t>(size % kPicoPerUnit));
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return negative ? "-" + text : text;
}

}  // namespace

Pico Add(Pico a, Pico b) { return Held(__int128{a} + b); }
Pico Times(Pico price, int64_t count) { return Held(__int128{price} * count); }
std::string MoneyText(Pico amount) { return TextOf(amount); }
std::string Total::Text() const { return TextOf(pico_); }

}  // namespace weir::ledger

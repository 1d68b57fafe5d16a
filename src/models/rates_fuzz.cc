// Whatever lies in rates.json is rates or an error, and what was read prints to what reads the
// same.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "models/rates.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace weir::models;
  const auto rates = ParseRates({reinterpret_cast<const char*>(data), size});
  if (!rates) return 0;
  const auto again = ParseRates(PrintRates(*rates));
  CHECK(again.has_value() && again->size() == rates->size(), "what is printed can be read");
  return 0;
}

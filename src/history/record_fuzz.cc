// Whatever a row of decisions.db holds is a record or an error, and what was read prints to what
// reads the same.
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "history/record.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace weir::history;
  const auto record = ParseRecord({reinterpret_cast<const char*>(data), size});
  if (!record) return 0;
  const std::string text = PrintRecord(*record);
  const auto again = ParseRecord(text);
  CHECK(again.has_value() && PrintRecord(*again) == text, "what is printed can be read");
  return 0;
}

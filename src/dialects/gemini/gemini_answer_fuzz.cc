// Any bytes as a provider's answer: read or refused, the same wherever they are cut.
#include <cstdint>
#include <string_view>

#include "dialects/gemini/provider.h"
#include "dialects/provider/cases_for_test.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  weir::provider::CheckAnyAnswer(weir::gemini::kProvider,
                                 {reinterpret_cast<const char*>(data), size});
  return 0;
}

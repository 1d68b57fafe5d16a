// Whatever was accepted prints and parses back to the same, and gives a name of the store.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "fetch/reference.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace weir;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::string quantisation = models::QuantisationIn(text);
  const auto name = models::ParseName(models::NameFor(text, quantisation).ToString());
  CHECK(name.has_value(), "a made name is a name");
  const auto reference = fetch::ParseReference(text);
  if (!reference) return 0;
  const auto again = fetch::ParseReference(fetch::ToText(*reference));
  CHECK(again.has_value() && *again == *reference, "a reference survives printing");
  return 0;
}

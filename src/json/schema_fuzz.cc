// A schema and a value, a zero byte between them: an answer in time, whatever they are, and the
// opposite one from the schema's negation, unless neither was found within the bounds.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "json/parse.h"
#include "json/schema.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using weir::json::Value;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const size_t end = text.find('\0');
  if (end == text.npos) return 0;
  const auto schema = weir::json::Parse(text.substr(0, end), {.values = 10'000});
  const auto value = weir::json::Parse(text.substr(end + 1), {.values = 10'000});
  if (!schema || !value) return 0;
  const bool held = !weir::json::UnheldIn(*schema);
  const bool fits = weir::json::Fits(*value, *schema);
  // References count from the root, which a negation moves.
  if (!held || text.find("$ref") != text.npos || text.find("\\u") != text.npos) return 0;
  const bool differs =
      weir::json::Fits(*value, weir::json::Object{weir::json::Member{"not", *schema}});
  CHECK(!(fits && differs), "fits a schema and its negation");
  return 0;
}

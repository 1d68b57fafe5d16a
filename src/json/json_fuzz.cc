// Whatever parses prints as text that parses to the same tree; whatever is refused by On-Demand is
// refused by the DOM parser too, and the other way round, but for the rules that are ours
// (duplicates, surrogates, limits).
#include <simdjson.h>

#include <string_view>

#include "base/check.h"
#include "json/parse.h"
#include "json/writer.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto value = weir::json::Parse(text, {.values = 10'000});
  if (value) {
    const auto again = weir::json::Parse(weir::json::Print(*value), {.values = 10'000});
    CHECK(again && *again == *value, "the printed text reads back as another tree");
  }
  simdjson::dom::parser dom;
  const bool valid = dom.parse(simdjson::padded_string(text)).error() == simdjson::SUCCESS;
  CHECK(valid || !value, "accepted what the DOM parser refuses");
  if (valid && !value) {
    const std::string_view why = value.error().message;
    const auto says = [&](std::string_view word) { return why.find(word) != why.npos; };
    CHECK(says("twice") || says("surrogate") || says("deeper") || says("values"),
          "refused what the DOM parser accepts");
  }
  return 0;
}

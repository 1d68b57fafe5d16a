// Any bytes as the body of a get: read or refused, and what is read can be asked of a point.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "dialects/chroma/answer.h"
#include "dialects/chroma/records.h"
#include "json/parse.h"
#include "vectors/filter_match.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto value = weir::json::Parse({reinterpret_cast<const char*>(data), size});
  if (!value) return 0;
  const auto ask = weir::chroma::ReadGet(*value);
  if (!ask) {
    CHECK(weir::json::Parse(weir::chroma::RenderError(ask.error())).has_value(),
          "an error that is not JSON");
    return 0;
  }
  const weir::json::Value payload = weir::json::Object{{"a", 1}};
  weir::vectors::Matches(ask->filter,
                         {"1", "text", &payload, [](std::string_view) { return true; }});
  return 0;
}

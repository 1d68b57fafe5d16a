// Any bytes as a filter: read or refused, and what is read is within the bounds of a filter's depth
// and can be asked of a point.
#include <algorithm>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "dialects/qdrant/filter.h"
#include "json/parse.h"
#include "vectors/filter_match.h"

namespace {

size_t DepthOf(const weir::vectors::Filter& filter) {
  size_t inner = 0;
  for (const auto* conditions : {&filter.must, &filter.should, &filter.must_not}) {
    for (const auto& condition : *conditions) {
      if (const auto* nested = std::get_if<weir::vectors::Nested>(&condition.what))
        inner = std::max(inner, DepthOf(nested->filter));
      if (const auto* group = std::get_if<weir::vectors::Filter>(&condition.what))
        inner = std::max(inner, DepthOf(*group));
    }
  }
  return inner + 1;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto value = weir::json::Parse({reinterpret_cast<const char*>(data), size});
  if (!value) return 0;
  weir::json::Problem problem;
  const auto filter = weir::qdrant::ReadFilter(problem, *value, "filter");
  if (problem) {
    CHECK(!problem.error().message.empty(), "an error without words");
    return 0;
  }
  // min_should and negated flags are a filter inside the one that was written.
  CHECK(DepthOf(filter) <= 2 * weir::vectors::Filter::kDepthMax, "a filter that is too deep");
  const weir::json::Value payload = weir::json::Object{{"a", *value}};
  weir::vectors::Matches(filter, {"1", "text", &payload, [](std::string_view) { return true; }});
  return 0;
}

// Any bytes as the body of what makes or changes a collection, a database or a tenant: read or
// refused, and what is read keeps its bounds and can be shown again.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "dialects/chroma/answer.h"
#include "dialects/chroma/collection.h"
#include "json/parse.h"

namespace {

using weir::vectors::CollectionSpec;

void CheckShown(const CollectionSpec& spec, std::string_view name) {
  const auto shown = weir::json::Parse(
      weir::chroma::RenderCollection(spec, name, "default_tenant", "default_database"));
  CHECK(shown.has_value(), "a collection that is not JSON");
  CHECK(weir::chroma::IdOf(weir::chroma::UuidOf(spec.id)) == spec.id,
        "an id that does not come back");
}

template <class T>
void CheckRefused(const weir::Result<T>& read) {
  if (!read)
    CHECK(weir::json::Parse(weir::chroma::RenderError(read.error())).has_value(),
          "an error that is not JSON");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  weir::chroma::IdOf(text);
  if (weir::chroma::CheckName(text, "database"))
    CHECK(text.find('/') == text.npos && text.size() <= 512, "a name that is not one");
  const auto value = weir::json::Parse(text);
  if (!value) return 0;
  const auto name = weir::chroma::ReadName(*value);
  CheckRefused(name);
  if (name) CHECK(name->size() <= 512, "a name that is too long");
  const auto create = weir::chroma::ReadCreate(*value);
  CheckRefused(create);
  CollectionSpec spec{.name = "c", .spaces = {}, .id = 7};
  if (create) {
    CHECK(weir::chroma::CheckName(create->name, "collection").has_value(),
          "a name that is not one");
    spec.about = weir::chroma::AboutOf(*create);
    CHECK(weir::chroma::MetricOf(spec) == create->metric, "a metric that is not remembered");
    CheckShown(spec, create->name);
  }
  const auto change = weir::chroma::ReadChange(*value);
  CheckRefused(change);
  if (change) {
    spec.about = weir::chroma::WithChange(spec.about, *change);
    CheckShown(spec, "c");
  }
  return 0;
}

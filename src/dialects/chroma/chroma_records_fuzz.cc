// Any bytes as the body of each route: read or refused with words that render as JSON.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "dialects/chroma/answer.h"
#include "dialects/chroma/collection.h"
#include "dialects/chroma/records.h"
#include "json/parse.h"

namespace {

template <class T>
void Check(const weir::Result<T>& read) {
  if (read) return;
  CHECK(!read.error().message.empty(), "an error without words");
  CHECK(weir::json::Parse(weir::chroma::RenderError(read.error())).has_value(),
        "an error that is not JSON");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace weir::chroma;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  Check(CheckName(bytes, "a name"));
  const auto body = weir::json::Parse(bytes);
  if (!body) return 0;
  for (const WriteKind kind : {WriteKind::kAdd, WriteKind::kUpdate, WriteKind::kUpsert})
    Check(ReadRecords(*body, kind));
  Check(ReadDelete(*body));
  Check(ReadQuery(*body));
  Check(ReadCreate(*body));
  Check(ReadChange(*body));
  return 0;
}

// Any bytes as the body of each route: read or refused with words that render as JSON.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "dialects/qdrant/answer.h"
#include "dialects/qdrant/collection.h"
#include "dialects/qdrant/ids.h"
#include "dialects/qdrant/points.h"
#include "dialects/qdrant/query.h"
#include "json/parse.h"

namespace {

template <class T>
bool Check(const weir::Result<T>& read) {
  if (read) return true;
  CHECK(!read.error().message.empty(), "an error without words");
  CHECK(weir::json::Parse(weir::qdrant::RenderError(read.error())).has_value(),
        "an error that is not JSON");
  return false;
}

// What becomes an id is one again when it comes back.
void CheckId(const weir::json::Value& value) {
  const auto id = weir::qdrant::NewId(value);
  if (!id) return;
  CHECK(weir::qdrant::KnownId(value) == id, "an id that is not known");
  std::string text;
  weir::json::Writer writer(&text);
  weir::qdrant::AppendId(writer, *id);
  const auto shown = weir::json::Parse(text, {.depth = 1, .values = 1});
  CHECK(shown && weir::qdrant::NewId(*shown) == id, "an id changes on its way");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace weir::qdrant;
  (void)IdInPath({reinterpret_cast<const char*>(data), size});
  const auto body = weir::json::Parse({reinterpret_cast<const char*>(data), size});
  if (!body) return 0;
  CheckId(*body);
  Check(ReadUpsert(*body));
  Check(ReadDelete(*body));
  Check(ReadSetPayload(*body, false));
  Check(ReadSetPayload(*body, true));
  Check(ReadDeletePayload(*body));
  Check(ReadClearPayload(*body));
  Check(ReadUpdateVectors(*body));
  Check(ReadDeleteVectors(*body));
  Check(ReadUpdates(*body));
  Check(ReadRetrieve(*body));
  Check(ReadScroll(*body));
  Check(ReadCount(*body));
  Check(ReadFacet(*body));
  Check(ReadQuery(*body));
  Check(ReadGroups(*body));
  Check(ReadQueries(*body));
  Check(ReadSearch(*body));
  Check(ReadSearches(*body));
  Check(ReadCreate(*body));
  Check(ReadChange(*body));
  Check(ReadFieldIndex(*body));
  Check(ReadAliasChanges(*body));
  return 0;
}

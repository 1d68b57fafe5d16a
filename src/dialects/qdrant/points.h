// Qdrant's writes and reads of points, as ours. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "json/fields.h"
#include "json/value.h"
#include "json/writer.h"
#include "vectors/store.h"
#include "vectors/types.h"

namespace weir::qdrant {

// Which points: by ids, or by a filter.
struct Where {
  std::vector<std::string> ids = {};
  std::optional<vectors::Filter> filter = {};  // instead of ids
};

struct Upsert {
  enum class Mode : uint8_t { kUpsert, kInsertOnly, kUpdateOnly };
  std::vector<vectors::Point> points = {};
  Mode mode = Mode::kUpsert;
};
struct Delete {
  Where where = {};
};
struct SetPayload {
  Where where = {};
  json::Object payload = {};
  std::vector<std::string> key = {};  // names on the way to the object that is changed
  bool overwrite = false;             // what was there goes
};
struct DeletePayload {
  Where where = {};
  std::vector<std::string> keys = {};
};
struct ClearPayload {
  Where where = {};
};
struct UpdateVectors {
  std::vector<vectors::Point> points = {};  // ids and vectors
};
struct DeleteVectors {
  Where where = {};
  std::vector<std::string> spaces = {};
};
using Update = std::variant<Upsert, Delete, SetPayload, DeletePayload, ClearPayload, UpdateVectors,
                            DeleteVectors>;

Result<Update> ReadUpsert(const json::Value& body);
Result<Update> ReadDelete(const json::Value& body);
Result<Update> ReadSetPayload(const json::Value& body, bool overwrite);
Result<Update> ReadDeletePayload(const json::Value& body);
Result<Update> ReadClearPayload(const json::Value& body);
Result<Update> ReadUpdateVectors(const json::Value& body);
Result<Update> ReadDeleteVectors(const json::Value& body);
inline constexpr size_t kOperationsMax = 1'000;
Result<std::vector<Update>> ReadUpdates(const json::Value& body);

// Does it. How many points were written or deleted.
Result<int64_t> Apply(vectors::Collection& collection, const Update& update);

// What of each point an answer shows.
struct Shown {
  bool payload = false;
  std::vector<std::string> include = {};  // paths; empty: all that is not excluded
  std::vector<std::string> exclude = {};
  bool vectors = false;
  std::vector<std::string> spaces = {};  // empty: all

  vectors::Parts parts() const { return {.payload = payload, .text = false, .vectors = vectors}; }
};
// with_payload and with_vector (or with_vectors, as older clients write).
Shown ReadShown(json::Fields& fields, bool payload_by_default);

// "id", and what is shown of payload and vectors, into an object that is open.
void AppendPoint(json::Writer& writer, const vectors::Point& point, const Shown& shown);

struct Retrieve {
  std::vector<std::string> ids = {};
  Shown shown = {};
};
Result<Retrieve> ReadRetrieve(const json::Value& body);

struct OrderBy {
  std::string field = {};
  bool descending = false;
  std::optional<double> from = {};
  std::optional<WallTime> from_time = {};
};
// Of a name, or an object.
OrderBy ReadOrderBy(json::Problem& problem, const json::Value& value, const std::string& path);

struct Scroll {
  vectors::ScrollQuery query = {};  // the limit as the client gave it
  std::optional<OrderBy> order = {};
  Shown shown = {};
};
Result<Scroll> ReadScroll(const json::Value& body);

Result<vectors::Filter> ReadCount(const json::Value& body);
Result<vectors::FacetQuery> ReadFacet(const json::Value& body);

}  // namespace weir::qdrant

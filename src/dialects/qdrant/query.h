// Qdrant's queries: the nearest to a vector or a point, recommendations, several lists fused,
// points in the order of a field or by chance; each over what prefetches found, where there are
// some. Reading is pure; Run asks a collection.
//
// Bounds: prefetches are nested at most kPrefetchDepth deep, and kPrefetches in all.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "dialects/qdrant/points.h"
#include "json/value.h"
#include "vectors/store.h"

namespace weir::qdrant {

inline constexpr size_t kPrefetchDepth = 4;
inline constexpr size_t kPrefetches = 64;
inline constexpr size_t kExamples = vectors::Limits::kExamples;  // of a recommendation
inline constexpr size_t kQueriesMax = 256;                       // of a batch

// A vector or several, or the id of a point that has it.
using Example =
    std::variant<std::vector<float>, vectors::SparseVector, vectors::MultiVector, std::string>;

struct Nearest {
  Example to;
};
struct Recommend {
  std::vector<Example> positive = {};
  std::vector<Example> negative = {};
  std::optional<vectors::Likeness::Kind> by = {};  // nothing: by the average
};
struct Fusion {
  bool by_distribution = false;  // dbsf; else reciprocal ranks
  float k = 2;
  std::vector<float> weights = {};  // of the prefetches; empty: all 1
};
struct Sample {};
struct Everything {};  // no query: points in the order of ids

struct QueryAsk {
  std::variant<Everything, Nearest, Recommend, Fusion, OrderBy, Sample> query = {};
  std::vector<QueryAsk> prefetch = {};
  std::string space = {};
  vectors::Filter filter = {};
  bool exact = false;
  size_t width = 0;
  std::optional<float> score_threshold = {};
  size_t limit = 10;
  size_t offset = 0;
  Shown shown = {};

  // points/query/groups
  std::string group_by = {};
  size_t group_size = 3;
};

Result<QueryAsk> ReadQuery(const json::Value& body);
Result<QueryAsk> ReadGroups(const json::Value& body);
// {"searches": [...]}
Result<std::vector<QueryAsk>> ReadQueries(const json::Value& body);
// The older form: {"vector": ..., "limit": ...}.
Result<QueryAsk> ReadSearch(const json::Value& body);
Result<std::vector<QueryAsk>> ReadSearches(const json::Value& body);

struct Scored {
  float score = 0;
  vectors::Point point = {};
  std::optional<json::Value> order_value = {};
};

// Which fields hold times, by what was said of them when they were indexed.
using IsTime = std::function<bool(const std::string& field)>;

Result<std::vector<Scored>> Run(const vectors::Collection& collection, const QueryAsk& ask,
                                const IsTime& is_time);
void AppendScored(json::Writer& writer, const std::vector<Scored>& scored, const Shown& shown);

struct Group {
  json::Value id = {};
  std::vector<Scored> hits = {};
};
Result<std::vector<Group>> RunGroups(const vectors::Collection& collection, const QueryAsk& ask,
                                     const IsTime& is_time);

// Points in the order of a field, as a query and a scroll give them.
Result<std::vector<Scored>> RunOrder(const vectors::Collection& collection, const OrderBy& order,
                                     const vectors::Filter& filter, size_t limit,
                                     vectors::Parts parts, const IsTime& is_time);

}  // namespace weir::qdrant

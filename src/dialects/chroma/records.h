// Chroma's records as our points: the document is the point's text, the metadata its payload, and
// a uri a field of the payload that metadata cannot have. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "json/value.h"
#include "json/writer.h"
#include "vectors/store.h"
#include "vectors/types.h"

namespace weir::chroma {

inline constexpr size_t kQueriesMax = 256;  // of one request
inline constexpr size_t kGetMax = 100'000;  // records of one answer

// One record as a client sends it; what is absent stays as it is in an update.
struct Record {
  std::string id = {};
  std::optional<std::vector<float>> embedding = {};
  json::Object metadata = {};  // null members take a field away
  std::optional<std::string> document = {};
  std::optional<std::string> uri = {};
};

enum class WriteKind : uint8_t { kAdd, kUpdate, kUpsert };
Result<std::vector<Record>> ReadRecords(const json::Value& body, WriteKind kind);
// The dimensions of the first embedding; nothing where there is none.
std::optional<uint32_t> DimensionsOf(const std::vector<Record>& records);
// Records that are there already are left as they are by an add; an update leaves out the others.
Result<int64_t> Write(vectors::Collection& collection, const std::vector<Record>& records,
                      WriteKind kind);

// What of each record an answer has.
struct Include {
  bool documents = false, metadatas = false, embeddings = false, uris = false, distances = false;

  vectors::Parts parts() const {
    return {.payload = metadatas || uris || documents, .text = documents, .vectors = embeddings};
  }
};

struct GetAsk {
  std::optional<std::vector<std::string>> ids = {};
  vectors::Filter filter = {};  // of metadata and documents, without the ids
  std::optional<size_t> limit = {};
  size_t offset = 0;
  Include include = {};
};
Result<GetAsk> ReadGet(const json::Value& body);
// The same without offset and include; an error where nothing says which.
Result<GetAsk> ReadDelete(const json::Value& body);

struct QueryAsk {
  std::vector<std::vector<float>> embeddings = {};
  size_t results = 10;
  vectors::Filter filter = {};  // with the ids
  Include include = {};
};
Result<QueryAsk> ReadQuery(const json::Value& body);

Result<std::vector<vectors::Point>> Get(const vectors::Collection& collection, const GetAsk& ask);
Result<int64_t> Delete(vectors::Collection& collection, const GetAsk& ask);
Result<std::vector<std::vector<vectors::Hit>>> Query(const vectors::Collection& collection,
                                                     const QueryAsk& ask);

std::string RenderGet(const std::vector<vectors::Point>& points, const Include& include);
// Distances as Chroma has them: squares of Euclid's, and one minus a cosine or a product.
std::string RenderQuery(const std::vector<std::vector<vectors::Hit>>& hits, vectors::Metric metric,
                        const Include& include);

}  // namespace weir::chroma

// Qdrant's descriptions of collections: what a client asks for when it makes or changes one, and
// how one is told about. Options that only tune Qdrant's own storage (hnsw_config, on_disk, ...)
// are read and change nothing; what would change answers and cannot be done (Manhattan
// distance, shards) is refused by name. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "json/value.h"
#include "vectors/types.h"

namespace weir::qdrant {

// Of a collection or an alias, as Qdrant has it: names become folders there.
Result<void> CheckName(std::string_view name);

struct CollectionAsk {
  std::vector<vectors::Space> spaces = {};
  json::Value metadata = {};  // an object, or null
};
Result<CollectionAsk> ReadCreate(const json::Value& body);
// PATCH: only metadata can change something.
Result<std::optional<json::Value>> ReadChange(const json::Value& body);

// A field that a client wants indexed. All fields are; it is remembered for what it says of types.
struct FieldIndex {
  std::string field = {};
  std::string type = {};    // "keyword", "integer", "float", ...
  json::Value params = {};  // as the client gave them, or null
};
Result<FieldIndex> ReadFieldIndex(const json::Value& body);

// What is remembered of a collection for this dialect, inside CollectionSpec::about.
struct About {
  json::Value metadata = {};
  std::vector<FieldIndex> indexes = {};
};
About AboutOf(const json::Value& about);
// `about` with this dialect's part made new.
json::Value WithAbout(const json::Value& about, const About& ours);

struct CollectionFacts {
  const vectors::CollectionSpec& spec;
  int64_t points = 0;
  std::map<std::string, int64_t> indexed = {};  // points by indexed field
};
std::string RenderCollection(const CollectionFacts& facts);

// Changes of aliases; nothing of a rename but its names is known here, so it is two changes whose
// collection the caller looks up.
struct AliasChange {
  enum class Kind : uint8_t { kCreate, kDelete, kRename };
  Kind kind = Kind::kCreate;
  std::string alias = {};
  std::string collection = {};  // of kCreate
  std::string new_alias = {};   // of kRename
};
Result<std::vector<AliasChange>> ReadAliasChanges(const json::Value& body);

}  // namespace weir::qdrant

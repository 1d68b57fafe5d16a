// Chroma's descriptions of collections. A collection's dimensions are known when its first record
// comes; until then it has no space, and what kind of distance it is to have is remembered in
// CollectionSpec::about. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "json/value.h"
#include "vectors/types.h"

namespace weir::chroma {

// What a client says when it makes one.
struct CollectionAsk {
  std::string name = {};
  vectors::Metric metric = vectors::Metric::kL2;
  json::Value metadata = {};       // an object, or null
  json::Value configuration = {};  // the same
  bool get_or_create = false;
};
Result<CollectionAsk> ReadCreate(const json::Value& body);

struct CollectionChange {
  std::optional<std::string> name = {};
  std::optional<json::Value> metadata = {};  // takes the place of what was there
  json::Value configuration = {};
};
Result<CollectionChange> ReadChange(const json::Value& body);

// {"name": ...}: what a new database or tenant is to be called. Not checked further.
Result<std::string> ReadName(const json::Value& body);

// A name that may be given to a collection or a database.
Result<void> CheckName(std::string_view name, std::string_view what);

json::Value AboutOf(const CollectionAsk& ask);
json::Value WithChange(const json::Value& about, const CollectionChange& change);

// The space that records are in, or are to be.
vectors::Metric MetricOf(const vectors::CollectionSpec& spec);

// Ids of collections are UUIDs there; they are made of ours.
std::string UuidOf(int64_t id);
std::optional<int64_t> IdOf(std::string_view uuid);
// For what has no number: always the same for the same text.
std::string UuidOfText(std::string_view text);

std::string RenderCollection(const vectors::CollectionSpec& spec, std::string_view name,
                             std::string_view tenant, std::string_view database);

}  // namespace weir::chroma

// One collection in a file of its own: what a snapshot is. The file is a database with the store's
// tables (docs/formats/vectors.md) and this one collection in them. Any thread.
#pragma once

#include <filesystem>
#include <functional>

#include "base/result.h"
#include "vectors/rows.h"
#include "vectors/types.h"

namespace weir::vectors {

// As of one moment, while others write. `file` must not exist; it appears whole, and synced, or not
// at all. It is written in the folder `aside`, on the same disk, with a short path: SQLite takes
// 512 bytes of one.
Result<void> WriteCollectionFile(RowReader& reader, const CollectionRow& collection,
                                 const std::filesystem::path& aside,
                                 const std::filesystem::path& file);

// A file that somebody brought. What is in it may be anything.
class CollectionFile {
 public:
  // Brings it to today's version: hand in a copy. kInvalidArgument, reason invalid_snapshot, for
  // what is damaged or something else.
  static Result<CollectionFile> Open(const std::filesystem::path& file);

  // Under a name of no meaning.
  const CollectionSpec& spec() const { return row_.spec; }
  // Points that are in order, the earliest first; the first that is not ends it with an error.
  Result<void> ForEach(const std::function<Result<void>(Point&&)>& use);

 private:
  CollectionFile(Rows rows, CollectionRow row) : rows_(std::move(rows)), row_(std::move(row)) {}

  Rows rows_;
  CollectionRow row_;
};

}  // namespace weir::vectors

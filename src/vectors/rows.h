// The tables behind the vector database, one method for each statement: what is in them is the
// truth, everything else in this folder can be made again from them. Two kinds of connection: the
// one Rows that writes, and RowReaders that look.
//
// Threads: one at a time for each object. docs/formats/vectors.md describes the tables.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sqlite/database.h"
#include "vectors/expiry.h"
#include "vectors/types.h"

namespace weir::vectors {

struct CollectionRow {
  int64_t id = 0;  // never used again
  CollectionSpec spec;
  // Under which number each space's vectors lie; empty: each under its own.
  std::vector<uint8_t> slots = {};
  // Numbers of spaces that are gone and whose vectors may still be there.
  std::vector<uint8_t> erasing = {};

  size_t SlotOf(size_t space) const { return slots.empty() ? space : slots[space]; }
  bool InOrder() const {
    for (size_t i = 0; i < slots.size(); ++i) {
      if (slots[i] != i) return false;
    }
    return erasing.empty();
  }
};

struct AliasRow {
  std::string name;
  int64_t collection = 0;
};

// Where a point's row is, and what is read of it at once.
struct PointRow {
  int64_t seq = 0;  // grows with every write and is never used again
  std::string_view id;
  std::string_view payload;  // JSON text, empty for null
  std::string_view text;
  Expiry expires = kNoExpiry;
};

// Where a point is, and until when.
struct PointPlace {
  int64_t seq = 0;
  Expiry expires = kNoExpiry;
};

// When the first point of a collection ends.
struct NextExpiry {
  int64_t collection = 0;
  Expiry expires = kNever;
};

// One connection that reads; sees what was committed when a call began.
class RowReader {
 public:
  static Result<RowReader> Open(const std::filesystem::path& database);

  Result<std::optional<PointPlace>> PlaceOf(int64_t collection, std::string_view id);
  // False where the point is gone.
  Result<bool> ReadPoint(int64_t seq, const std::function<void(const PointRow&)>& use);
  // False where there is none under this number (CollectionRow::SlotOf).
  using UseBytes = std::function<void(std::span<const std::byte>)>;
  Result<bool> ReadVector(int64_t seq, size_t slot, const UseBytes& use);
  // In the order of ids, beginning with `from` where that is there, until `use` says false.
  Result<void> WalkIds(int64_t collection, std::string_view from,
                       const std::function<bool(int64_t seq, std::string_view id)>& use);
  // All points of a collection with their vectors, by space, as of one moment.
  using Bytes = std::optional<std::vector<std::byte>>;
  using UsePoint = std::function<Result<void>(const PointRow&, std::span<const Bytes> vectors)>;
  Result<void> WalkPoints(const CollectionRow& collection, const UsePoint& use);
  // A copy of the whole database in a new file.
  Result<void> CopyTo(const std::filesystem::path& file);

 private:
  RowReader(sqlite::Database db, sqlite::Statement place, sqlite::Statement point,
            sqlite::Statement vector, sqlite::Statement walk);

  sqlite::Database db_;
  sqlite::Statement place_, point_, vector_, walk_;
};

// The connection that writes.
class Rows {
 public:
  static Result<Rows> Open(const std::filesystem::path& database, bool check);

  Result<std::vector<CollectionRow>> Collections();
  Result<int64_t> AddCollection(const CollectionSpec& spec);
  Result<void> RemoveCollection(int64_t id);
  // The collection `id` gets the name of `old`, and its aliases; `old` (0: none) goes with all that
  // is in it.
  Result<void> Replace(int64_t old, int64_t id, std::string_view name);
  Result<void> SetAbout(int64_t id, const json::Value& about);
  Result<void> SetSpec(const CollectionRow& row);  // its name and spaces
  // The vectors under a number, of so many points behind `after`. The last of those; nothing when
  // none was left.
  Result<std::optional<int64_t>> EraseSlot(int64_t collection, size_t slot, int64_t after,
                                           size_t points);

  // Removed with their collection.
  Result<std::vector<AliasRow>> Aliases();
  // Between Begin and Commit.
  Result<void> PutAlias(std::string_view name, int64_t collection);
  Result<void> RemoveAlias(std::string_view name);

  Result<std::vector<Note>> Notes();
  Result<void> PutNote(const Note& note);
  Result<void> RemoveNote(std::string_view key);

  // The following belong between Begin and Commit.
  Result<sqlite::Transaction> Begin();
  // What was removed; nothing where there was none.
  Result<std::optional<PointPlace>> RemovePoint(int64_t collection, std::string_view id);
  Result<void> RemoveBySeq(int64_t seq);
  Result<int64_t> AddPoint(int64_t collection, std::string_view id, std::string_view payload,
                           std::string_view text, Expiry expires);
  Result<void> AddVector(int64_t seq, size_t slot, std::span<const std::byte> vector);

  Result<std::optional<PointPlace>> PlaceOf(int64_t collection, std::string_view id);
  // Points of a collection that have ended by then, the earliest first.
  Result<std::vector<int64_t>> Expired(int64_t collection, Expiry now, size_t limit);
  // Of every collection that has points which end.
  Result<std::vector<NextExpiry>> NextExpiries();
  // Of a collection; kNever where no point ends.
  Result<Expiry> FirstExpiry(int64_t collection);
  // False where there is none.
  Result<bool> ReadPoint(int64_t seq, const std::function<void(const PointRow&)>& use);
  // All points of a collection in the order of seq.
  Result<void> ForEachPoint(int64_t collection,
                            const std::function<Result<void>(const PointRow&)>& use);
  using UseBytes = RowReader::UseBytes;
  Result<bool> ReadVector(int64_t seq, size_t slot, const UseBytes& use);
  // Gives pages that deletions have freed back to the file system; what it cannot, a later call
  // may.
  void GiveBackSpace() noexcept;
  // Brings everything into the one file; the log beside it is not needed then.
  Result<void> Flush();

 private:
  struct Statements;
  Rows(sqlite::Database db, std::vector<sqlite::Statement> statements);
  Result<void> RemoveAllOf(int64_t collection);

  sqlite::Database db_;
  std::vector<sqlite::Statement> statements_;
};

}  // namespace weir::vectors

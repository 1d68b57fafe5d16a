#include "vectors/collection_file.h"

#include <cerrno>
#include <cstdio>
#include <limits>
#include <system_error>
#include <utility>

#include "vectors/files.h"
#include "vectors/input_check.h"
#include "vectors/stored_payload.h"
#include "vectors/stored_vector.h"
#include "vectors/stranger.h"

namespace weir::vectors {
namespace {

constexpr size_t kPointsAtOnce = 4'096;
// Of the collection in its file; what it is called is for who opens it to say.
constexpr std::string_view kName = "collection";

Error Invalid() {
  return {Code::kInvalidArgument, "the file is not a sound snapshot of a collection", "snapshot",
          "invalid_snapshot"};
}

Result<void> WriteAll(RowReader& reader, const CollectionRow& collection,
                      const std::filesystem::path& file) {
  auto rows = Rows::Open(file, /*check=*/false);
  if (!rows) return Fail(std::move(rows.error()));
  CollectionSpec plain = collection.spec;
  plain.name = kName;
  const auto id = rows->AddCollection(plain);
  if (!id) return Fail(id.error());
  auto transaction = rows->Begin();
  if (!transaction) return Fail(std::move(transaction.error()));
  std::optional<sqlite::Transaction> open(std::move(*transaction));
  size_t count = 0;
  auto walked = reader.WalkPoints(
      collection,
      [&](const PointRow& point, std::span<const RowReader::Bytes> vectors) -> Result<void> {
        if (++count % kPointsAtOnce == 0) {
          if (auto committed = open->Commit(); !committed) return committed;
          open.reset();
          auto next = rows->Begin();
          if (!next) return Fail(std::move(next.error()));
          open.emplace(std::move(*next));
        }
        const auto seq = rows->AddPoint(*id, point.id, point.payload, point.text, point.expires);
        if (!seq) return Fail(seq.error());
        for (size_t space = 0; space < vectors.size(); ++space) {
          if (!vectors[space]) continue;
          if (auto added = rows->AddVector(*seq, space, *vectors[space]); !added) return added;
        }
        return {};
      });
  if (!walked) return walked;
  if (auto committed = open->Commit(); !committed) return committed;
  open.reset();
  return rows->Flush();
}

}  // namespace

Result<void> WriteCollectionFile(RowReader& reader, const CollectionRow& collection,
                                 const std::filesystem::path& folder,
                                 const std::filesystem::path& file) {
  const PassingDatabase aside(folder, "snapshot-");
  if (auto written = WriteAll(reader, collection, aside.path()); !written) return written;
  const char* const what = "the snapshot could not be brought to the disk";
  std::error_code failed;
  // Everything must have gone from the log into the file.
  if (std::filesystem::exists(aside.log(), failed) || failed) return Fail(SystemError(what, EIO));
  if (auto synced = SyncPath(aside.path(), what); !synced) return synced;
  if (rename(aside.path().c_str(), file.c_str()) != 0) {
    return Fail(SystemError("the snapshot could not be given its name", errno));
  }
  return SyncPath(ParentOf(file), what);
}

Result<CollectionFile> CollectionFile::Open(const std::filesystem::path& file) {
  if (auto checked = CheckStranger(file); !checked) return Fail(std::move(checked.error()));
  auto rows = Rows::Open(file, /*check=*/false);
  if (!rows) return Fail(StrangersFault(std::move(rows.error())));
  auto collections = rows->Collections();
  if (!collections || collections->size() != 1) return Fail(Invalid());
  CollectionRow row = std::move(collections->front());
  if (!row.InOrder()) return Fail(Invalid());
  row.spec.name = kName;
  if (auto ok = CheckSpec(row.spec); !ok) return Fail(Invalid());
  return CollectionFile(std::move(*rows), std::move(row));
}

Result<void> CollectionFile::ForEach(const std::function<Result<void>(Point&&)>& use) {
  const std::vector<Space>& spaces = row_.spec.spaces;
  // What a number has to be to be a point's; the keys of its vectors are made from it.
  constexpr int64_t kSeqMax = std::numeric_limits<int64_t>::max() / 32;
  Result<void> used;
  auto read_all = rows_.ForEachPoint(row_.id, [&](const PointRow& row) -> Result<void> {
    if (row.seq < 1 || row.seq > kSeqMax || row.payload.size() > Limits::kPayloadBytes)
      return Fail(Invalid());
    Point point{.id = std::string(row.id), .text = std::string(row.text)};
    auto payload = ParsePayload(row.payload);
    if (!payload) return Fail(Invalid());
    point.payload = std::move(*payload);
    auto read = ReadVectors(rows_, row.seq, row_, point);
    if (!read) return Fail(std::move(read.error()));
    if (auto ok = CheckPoints(spaces, {&point, 1}); !ok) return Fail(Invalid());
    return used = use(std::move(point));
  });
  if (!used) return used;
  if (!read_all) return Fail(StrangersFault(std::move(read_all.error())));
  return {};
}

}  // namespace weir::vectors

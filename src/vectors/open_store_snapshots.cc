// The part of OpenStore that writes collections into files and takes them back.
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>

#include "base/no_memory.h"
#include "base/random.h"
#include "process/fd.h"
#include "vectors/collection_file.h"
#include "vectors/input_check.h"
#include "vectors/open_store.h"
#include "vectors/snapshots.h"
#include "vectors/stored_payload.h"
#include "vectors/stored_vector.h"
#include "vectors/stranger.h"

namespace weir::vectors {
namespace {

// One transaction's; other writers wait for it.
constexpr size_t kPointsAtOnce = 1'024;
constexpr size_t kBytesAtOnce = size_t{16} << 20;

size_t BytesOf(const Point& point) {
  size_t bytes = point.text.size();
  for (const auto& [name, vector] : point.vectors) bytes += vector.size() * sizeof(float);
  for (const auto& [name, vector] : point.sparse) bytes += vector.values.size() * 8;
  for (const auto& [name, vectors] : point.multi)
    bytes += vectors.size() * vectors.front().size() * sizeof(float);
  return bytes;
}

}  // namespace

Result<SnapshotInfo> OpenStore::MakeSnapshot(std::string_view name) {
  const auto before = LookAtRow(name);
  if (!before) return Fail(before.error());
  const auto folder = SnapshotFolder(files_->folder(), before->spec.name);
  // One after the other, so that the bound holds.
  const MutexLock lock(snapshots_);
  if (ListSnapshots(folder).size() >= Limits::kSnapshots) {
    return Fail(
        Code::kUnprocessable,
        fmt::format("a collection has at most {} snapshots; delete one", Limits::kSnapshots),
        "collection", "too_many_snapshots");
  }
  if (auto made = MakeSnapshotFolder(files_->folder(), folder); !made)
    return Fail(std::move(made.error()));
  const std::string snapshot = NewSnapshotName(SystemClock().WallNow());
  auto reader = files_->Borrow();
  if (!reader) return Fail(std::move(reader.error()));
  auto written = WriteCollectionFile(*reader->operator->(), *before, files_->index_folder(),
                                     folder / snapshot);
  if (!written) return Fail(std::move(written.error()));
  // One that was dropped or replaced while it was read may have been read empty, and so may a
  // space.
  const auto still = LookAtRow(name);
  if (!still || still->id != before->id || still->slots != before->slots) {
    unlink((folder / snapshot).c_str());
    return Fail(still ? Error{Code::kConflict, "the collection was replaced meanwhile; try again",
                              "collection", "collection_replaced"}
                      : still.error());
  }
  return vectors::FindSnapshot(folder, snapshot);
}

Result<std::vector<SnapshotInfo>> OpenStore::Snapshots(std::string_view name) {
  const auto spec = Look(name);
  if (!spec) return Fail(spec.error());
  return ListSnapshots(SnapshotFolder(files_->folder(), spec->name));
}

// Also of a collection that is not there any more: by its own name then.
Result<std::filesystem::path> OpenStore::FindSnapshot(std::string_view name,
                                                      std::string_view snapshot) {
  const auto spec = Look(name);
  const auto folder = SnapshotFolder(files_->folder(), spec ? std::string_view(spec->name) : name);
  const auto found = vectors::FindSnapshot(folder, snapshot);
  if (!found) return Fail(found.error());
  return folder / found->name;
}

Result<void> OpenStore::RemoveSnapshot(std::string_view name, std::string_view snapshot) {
  const auto file = FindSnapshot(name, snapshot);
  if (!file) return Fail(file.error());
  const char* const what = "the snapshot could not be removed";
  if (unlink(file->c_str()) != 0 && errno != ENOENT) return Fail(SystemError(what, errno));
  return SyncPath(ParentOf(*file), what);
}

Result<void> OpenStore::Recover(std::string_view name, const std::filesystem::path& file) {
  const PassingDatabase brought(files_->index_folder(), "recovering-");
  std::error_code failed;
  std::filesystem::copy_file(file, brought.path(), failed);
  if (failed) return Fail(SystemError("the snapshot could not be read", failed.value()));
  return RecoverFrom(name, brought);
}

Result<void> OpenStore::RecoverBytes(std::string_view name, std::string_view bytes) {
  const PassingDatabase brought(files_->index_folder(), "recovering-");
  {
    std::ofstream out(brought.path(), std::ios::binary);
    out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    out.close();
    if (!out) return Fail(SystemError("the snapshot could not be kept", errno));
  }
  return RecoverFrom(name, brought);
}

// The points go into a collection that nobody sees, which takes the place of the old one in one
// step. Writers wait for no more than a batch, and for that step.
Result<void> OpenStore::RecoverFrom(std::string_view name, const PassingDatabase& brought) {
  if (auto ok = CheckCollectionName(name); !ok) return ok;
  auto file = CollectionFile::Open(brought.path());
  if (!file) return Fail(std::move(file.error()));
  CollectionSpec spec = file->spec();
  spec.name = std::string(kHidden) + NewId("");
  {
    const MutexLock lock(files_->writing);
    const auto id = files_->rows.AddCollection(spec);
    if (!id) return Fail(id.error());
    spec.id = *id;
  }
  const auto remove = [&] {
    const MutexLock lock(files_->writing);
    (void)files_->rows.RemoveCollection(spec.id);  // or when the store is opened the next time
    files_->rows.GiveBackSpace();
  };
  auto filled = OrNoMemory([&] {
    auto filled = Fill(spec, *file);
    return filled ? TakePlace(name, spec) : filled;
  });
  if (!filled) remove();
  return filled;
}

Result<void> OpenStore::Fill(const CollectionSpec& spec, CollectionFile& file) {
  const CollectionRow row{spec.id, spec};
  std::vector<Point> batch;
  size_t bytes = 0;
  size_t points = 0;
  const auto write = [&]() -> Result<void> {
    const MutexLock lock(files_->writing);
    auto transaction = files_->rows.Begin();
    if (!transaction) return Fail(std::move(transaction.error()));
    for (const Point& point : batch) {
      const auto seq = files_->rows.AddPoint(spec.id, point.id, PrintPayload(point.payload),
                                             point.text, ExpiryOf(point.payload));
      // Two points of one id: its index was no help.
      if (!seq && seq.error().reason == "storage_constraint")
        return Fail(StrangersFault(seq.error()));
      if (!seq) return Fail(seq.error());
      if (auto added = AddVectors(files_->rows, *seq, row, point); !added) return added;
    }
    batch.clear();
    bytes = 0;
    return transaction->Commit();
  };
  auto read = file.ForEach([&](Point&& point) -> Result<void> {
    if (++points > options_.collection_points_most) return Full(options_.collection_points_most);
    bytes += BytesOf(point);
    batch.push_back(std::move(point));
    return batch.size() < kPointsAtOnce && bytes < kBytesAtOnce ? Result<void>() : write();
  });
  return read ? write() : read;
}

Result<void> OpenStore::TakePlace(std::string_view name, const CollectionSpec& hidden) {
  const MutexLock naming(naming_);
  const auto found = Seek(name);
  CollectionSpec spec = hidden;
  spec.name = found ? (*found)->first : std::string(name);
  // All that needs memory comes first: what has happened on the disk is shown then without any.
  Entries entries;
  const auto next = Make({hidden.id, spec});
  entries[spec.name] = {next, spec.about};
  if (found) {
    if (auto given = (*found)->second.collection->GiveWayTo(hidden.id); !given) return given;
    collections_.erase(*found);
  } else {
    const MutexLock lock(files_->writing);
    if (auto named = files_->rows.Replace(0, hidden.id, spec.name); !named) return named;
  }
  collections_.merge(entries);
  next->EraseAt(kNoExpiry);
  return {};
}

}  // namespace weir::vectors

#include "vectors/open_store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/random.h"
#include "process/fd.h"
#include "vectors/input_check.h"

namespace weir::vectors {
namespace {

Result<void> SyncPath(const std::filesystem::path& path) {
  const Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid() || fsync(fd.get()) != 0) {
    return Fail(SystemError("the snapshot could not be brought to the disk", errno));
  }
  return {};
}

// What a crash left half-written, and indexes of collections that are gone. What cannot be removed
// only takes space.
void RemoveStrangers(const std::filesystem::path& folder, const std::vector<CollectionRow>& rows) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    const std::string name = entry.path().filename().native();
    const bool known = name.ends_with(".graph") && std::ranges::any_of(rows, [&](const auto& row) {
                         return name.starts_with(fmt::format("{}-", row.id));
                       });
    if (!known) std::filesystem::remove(entry.path(), ignored);
  }
}

}  // namespace

OpenStore::OpenStore(std::shared_ptr<Files> files, uint32_t graph_points_least)
    : files_(std::move(files)), graph_points_least_(graph_points_least) {}

std::shared_ptr<OpenCollection> OpenStore::Make(CollectionRow row) const {
  return std::make_shared<OpenCollection>(files_, keeper_, graph_points_least_, std::move(row));
}

Result<std::shared_ptr<OpenStore>> OpenStore::Open(const std::filesystem::path& folder, bool check,
                                                   uint32_t graph_points_least) {
  auto files = Files::Open(folder, check);
  if (!files) return Fail(std::move(files.error()));
  auto store = std::make_shared<OpenStore>(*files, graph_points_least);
  std::vector<CollectionRow> rows;
  {
    const MutexLock lock((*files)->writing);
    auto listed = (*files)->rows.Collections();
    if (!listed) return Fail(std::move(listed.error()));
    rows = std::move(*listed);
  }
  RemoveStrangers((*files)->index_folder(), rows);
  const MutexLock lock(store->naming_);
  for (CollectionRow& row : rows) {
    std::string name = row.spec.name;
    store->collections_[std::move(name)] = store->Make(std::move(row));
  }
  return store;
}

Result<std::shared_ptr<OpenCollection>> OpenStore::Create(const CollectionSpec& spec) {
  if (auto ok = CheckSpec(spec); !ok) return Fail(std::move(ok.error()));
  const MutexLock naming(naming_);
  if (collections_.contains(spec.name)) {
    return Fail(Code::kConflict, fmt::format("there is a collection '{}' already", spec.name),
                "name", "collection_exists");
  }
  const MutexLock lock(files_->writing);
  const auto id = files_->rows.AddCollection(spec);
  if (!id) return Fail(id.error());
  auto collection = Make({*id, spec});
  collections_[spec.name] = collection;
  return collection;
}

Result<std::shared_ptr<OpenCollection>> OpenStore::Find(std::string_view name) {
  const MutexLock naming(naming_);
  const auto found = collections_.find(name);
  if (found != collections_.end()) return found->second;
  return Fail(Code::kNotFound, fmt::format("there is no collection '{}'", name), "collection",
              "collection_not_found");
}

std::vector<CollectionSpec> OpenStore::List() {
  const MutexLock naming(naming_);
  std::vector<CollectionSpec> specs;
  for (const auto& [name, collection] : collections_) specs.push_back(collection->spec());
  return specs;
}

Result<void> OpenStore::Drop(std::string_view name) {
  auto collection = Find(name);
  if (!collection) return Fail(std::move(collection.error()));
  const MutexLock naming(naming_);
  if (auto dropped = (*collection)->Drop(); !dropped) return dropped;
  collections_.erase(collections_.find(name));
  return {};
}

// Written aside, synced, then given its name.
Result<void> OpenStore::Snapshot(const std::filesystem::path& folder) {
  struct stat there = {};
  if (lstat(folder.c_str(), &there) == 0) {
    return Fail(Code::kConflict, "the folder of the snapshot exists already", "folder",
                "snapshot_exists");
  }
  const std::filesystem::path aside = folder.native() + NewId(".writing-");
  if (mkdir(aside.c_str(), 0700) != 0) {
    return Fail(SystemError("the folder of the snapshot could not be made", errno));
  }
  const auto write = [&]() -> Result<void> {
    auto reader = files_->Borrow();
    if (!reader) return Fail(std::move(reader.error()));
    const auto file = DatabaseIn(aside);
    if (auto copied = (*reader)->CopyTo(file); !copied) return copied;
    if (auto synced = SyncPath(file); !synced) return synced;
    if (auto synced = SyncPath(aside); !synced) return synced;
    if (rename(aside.c_str(), folder.c_str()) != 0) {
      return Fail(SystemError("the snapshot could not be given its name", errno));
    }
    const auto parent = folder.parent_path();
    return SyncPath(parent.empty() ? "." : parent);
  };
  auto written = write();
  std::error_code ignored;
  if (!written) std::filesystem::remove_all(aside, ignored);
  return written;
}

}  // namespace weir::vectors

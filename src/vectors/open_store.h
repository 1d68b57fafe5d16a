// An open store: its files and which collections it has. Any thread.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "async/mutex.h"
#include "base/result.h"
#include "vectors/files.h"
#include "vectors/keeper.h"
#include "vectors/open_collection.h"

namespace weir::vectors {

class CollectionFile;

class OpenStore {
 public:
  static Result<std::shared_ptr<OpenStore>> Open(const std::filesystem::path& folder,
                                                 const StoreOptions& options);

  Result<std::shared_ptr<OpenCollection>> Create(const CollectionSpec& spec);
  Result<std::shared_ptr<OpenCollection>> Find(std::string_view name);
  std::vector<CollectionSpec> List();
  Result<CollectionSpec> Look(std::string_view name);
  Result<CollectionRow> LookAtRow(std::string_view name);
  Result<std::string> NameOf(int64_t id);
  Result<void> Rename(std::string_view name, std::string_view new_name);
  Result<void> Drop(std::string_view name);
  Result<void> ChangeAbout(std::string_view name,
                           const std::function<json::Value(const json::Value&)>& change);
  // open_store_spaces.cc
  Result<void> GiveSpaces(std::string_view name, std::span<const Space> spaces);
  Result<void> AddSpace(std::string_view name, const Space& space);
  Result<void> ReplaceSpace(std::string_view name, std::string_view space, std::string_view by);
  Result<void> RemoveSpace(std::string_view name, std::string_view space);
  Result<void> ChangeAliases(std::span<const Alias> changes);
  std::vector<Alias> Aliases();
  Result<void> PutNote(const Note& note);
  Result<void> RemoveNote(std::string_view key);
  std::vector<Note> Notes(std::string_view prefix);
  Result<int64_t> EraseExpired();
  // open_store_snapshots.cc
  Result<SnapshotInfo> MakeSnapshot(std::string_view name);
  Result<std::vector<SnapshotInfo>> Snapshots(std::string_view name);
  Result<std::filesystem::path> FindSnapshot(std::string_view name, std::string_view snapshot);
  Result<void> RemoveSnapshot(std::string_view name, std::string_view snapshot);
  Result<void> Recover(std::string_view name, const std::filesystem::path& file);
  Result<void> RecoverBytes(std::string_view name, std::string_view bytes);
  Result<void> Snapshot(const std::filesystem::path& folder);

  OpenStore(std::shared_ptr<Files> files, const StoreOptions& options);

 private:
  struct Entry {
    std::shared_ptr<OpenCollection> collection;
    json::Value about;
    // As in CollectionRow: what the collection itself knows of it may be old.
    std::vector<uint8_t> erasing = {};
  };
  using Entries = std::map<std::string, Entry, std::less<>>;

  // What the names of collections begin with that are being filled; no other name may.
  static constexpr std::string_view kHidden = "\x01recovering-";

  Result<void> RecoverFrom(std::string_view name, const PassingDatabase& brought);
  Result<void> Fill(const CollectionSpec& spec, CollectionFile& file);
  Result<void> TakePlace(std::string_view name, const CollectionSpec& hidden);

  std::shared_ptr<OpenCollection> Make(CollectionRow row) const;
  // The collection's row as it is now.
  static CollectionRow RowOf(const Entry& entry);
  // Gives the entry new spaces in the tables and in memory.
  Result<void> Rearrange(Entry& entry, CollectionRow row,
                         std::span<const std::optional<size_t>> from) HOLDS(naming_);
  Result<void> AddSpaces(Entry& entry, std::span<const Space> spaces) HOLDS(naming_);
  // The space goes from the row, and its vectors are marked as to be erased. Its number.
  static uint8_t TakeOut(CollectionRow& row, size_t space);
  // Erases vectors of a space that is gone.
  void Erase(int64_t collection, uint8_t slot);
  Result<void> Read();
  // By its name or an alias.
  Result<Entries::iterator> Seek(std::string_view name) HOLDS(naming_);

  const std::shared_ptr<Files> files_;
  const StoreOptions options_;
  Mutex snapshots_;  // one is made at a time; taken before all others
  Mutex naming_;     // taken before files_->writing
  Entries collections_ GUARDED_BY(naming_);
  std::map<std::string, std::string, std::less<>> aliases_ GUARDED_BY(naming_);  // to a collection
  std::map<std::string, std::string, std::less<>> notes_ GUARDED_BY(naming_);
  // Last, so that it ends first.
  const Keeper keeper_;
};

}  // namespace weir::vectors

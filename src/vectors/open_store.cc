#include "vectors/open_store.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "base/no_memory.h"
#include "base/random.h"
#include "vectors/input_check.h"

namespace weir::vectors {
namespace {

// What a crash left half-written, and indexes of collections that are gone. What cannot be removed
// only takes space.
void RemoveStrangers(const std::filesystem::path& folder, const std::vector<CollectionRow>& rows) {
  std::error_code ignored;
  for (const std::string& name : NamesIn(folder)) {
    const bool known = name.ends_with(".graph") && std::ranges::any_of(rows, [&](const auto& row) {
                         return name.starts_with(fmt::format("{}-", row.id));
                       });
    if (!known) std::filesystem::remove(folder / name, ignored);
  }
}

constexpr size_t kPointsAtOnce = 4'096;

void EraseLeftOver(Rows& rows, CollectionRow& row) {
  if (row.erasing.empty()) return;
  for (const uint8_t slot : row.erasing) {
    std::optional<int64_t> last = 0;
    while (last) {
      auto erased = rows.EraseSlot(row.id, slot, *last, kPointsAtOnce);
      if (!erased) return;
      last = *erased;
    }
  }
  CollectionRow erased = row;
  erased.erasing.clear();
  if (rows.SetSpec(erased)) row.erasing.clear();
}

// A folder of files that is removed at the end, unless it has got another name by then.
class AsideFolder {
 public:
  explicit AsideFolder(const std::filesystem::path& path) : path_(path) {}
  AsideFolder(const AsideFolder&) = delete;
  AsideFolder& operator=(const AsideFolder&) = delete;
  ~AsideFolder() {
    (void)OrNoMemory([&]() -> Result<void> {
      std::error_code ignored;
      for (const std::string& name : NamesIn(path_)) {
        std::filesystem::remove(path_ / name, ignored);
      }
      std::filesystem::remove(path_, ignored);
      return {};
    });
  }

 private:
  const std::filesystem::path& path_;
};

}  // namespace

OpenStore::OpenStore(std::shared_ptr<Files> files, const StoreOptions& options)
    : files_(std::move(files)), options_(options) {}

std::shared_ptr<OpenCollection> OpenStore::Make(CollectionRow row) const {
  return std::make_shared<OpenCollection>(files_, keeper_.queue(), options_, std::move(row));
}

Result<std::shared_ptr<OpenStore>> OpenStore::Open(const std::filesystem::path& folder,
                                                   const StoreOptions& options) {
  auto files = Files::Open(folder, options.check);
  if (!files) return Fail(std::move(files.error()));
  auto store = std::make_shared<OpenStore>(*files, options);
  if (auto read = store->Read(); !read) return Fail(std::move(read.error()));
  return store;
}

Result<void> OpenStore::Read() {
  const MutexLock naming(naming_);
  const MutexLock lock(files_->writing);
  auto rows = files_->rows.Collections();
  if (!rows) return Fail(std::move(rows.error()));
  auto aliases = files_->rows.Aliases();
  if (!aliases) return Fail(std::move(aliases.error()));
  auto notes = files_->rows.Notes();
  if (!notes) return Fail(std::move(notes.error()));
  RemoveStrangers(files_->index_folder(), *rows);
  for (CollectionRow& row : *rows) {
    const std::string name = row.spec.name;
    if (name.starts_with(kHidden)) {
      // Of a recovery that a crash has ended; if it cannot go now, it will the next time.
      (void)files_->rows.RemoveCollection(row.id);
      continue;
    }
    for (const AliasRow& alias : *aliases) {
      if (alias.collection == row.id) aliases_[alias.name] = name;
    }
    // A space was removed, and a crash or a full disk came before its vectors were erased. What is
    // still not possible now is tried when the store is opened the next time.
    EraseLeftOver(files_->rows, row);
    json::Value about = row.spec.about;
    std::vector<uint8_t> erasing = row.erasing;
    collections_[name] = {Make(std::move(row)), std::move(about), std::move(erasing)};
  }
  for (Note& note : *notes) notes_[std::move(note.key)] = std::move(note.text);
  const auto ends = files_->rows.NextExpiries();
  if (!ends) return Fail(ends.error());
  for (const auto& [name, entry] : collections_) {
    const auto next =
        std::ranges::find(*ends, entry.collection->spec().id, &NextExpiry::collection);
    if (next != ends->end()) entry.collection->EraseAt(next->expires);
  }
  return {};
}

Result<std::shared_ptr<OpenCollection>> OpenStore::Create(const CollectionSpec& spec) {
  if (auto ok = CheckSpec(spec); !ok) return Fail(std::move(ok.error()));
  const MutexLock naming(naming_);
  if (collections_.contains(spec.name) || aliases_.contains(spec.name)) {
    return Fail(Code::kConflict, fmt::format("there is a collection '{}' already", spec.name),
                "name", "collection_exists");
  }
  const MutexLock lock(files_->writing);
  auto transaction = files_->rows.Begin();
  if (!transaction) return Fail(std::move(transaction.error()));
  const auto id = files_->rows.AddCollection(spec);
  if (!id) return Fail(id.error());
  CollectionRow row{*id, spec};
  row.spec.id = *id;
  auto collection = Make(std::move(row));
  // All that needs memory comes first: what has happened on the disk is shown then without any.
  Entries created;
  created[spec.name] = {collection, spec.about};
  if (auto committed = transaction->Commit(); !committed) return Fail(committed.error());
  collections_.merge(created);
  return collection;
}

Result<std::shared_ptr<OpenCollection>> OpenStore::Find(std::string_view name) {
  const MutexLock naming(naming_);
  const auto found = Seek(name);
  if (!found) return Fail(found.error());
  return (*found)->second.collection;
}

Result<OpenStore::Entries::iterator> OpenStore::Seek(std::string_view name) {
  auto found = collections_.find(name);
  if (found == collections_.end()) {
    const auto alias = aliases_.find(name);
    if (alias != aliases_.end()) found = collections_.find(alias->second);
  }
  if (found != collections_.end()) return found;
  return Fail(Code::kNotFound, fmt::format("there is no collection '{}'", name), "collection",
              "collection_not_found");
}

Result<CollectionSpec> OpenStore::Look(std::string_view name) {
  const MutexLock naming(naming_);
  const auto found = Seek(name);
  if (!found) return Fail(found.error());
  CollectionSpec spec = (*found)->second.collection->spec();
  spec.about = (*found)->second.about;
  return spec;
}

Result<CollectionRow> OpenStore::LookAtRow(std::string_view name) {
  const MutexLock naming(naming_);
  const auto found = Seek(name);
  if (!found) return Fail(found.error());
  CollectionRow row = RowOf((*found)->second);
  row.spec.about = (*found)->second.about;
  return row;
}

std::vector<CollectionSpec> OpenStore::List() {
  const MutexLock naming(naming_);
  std::vector<CollectionSpec> specs;
  for (const auto& [name, entry] : collections_) {
    specs.push_back(entry.collection->spec());
    specs.back().about = entry.about;
  }
  return specs;
}

Result<void> OpenStore::Drop(std::string_view name) {
  const MutexLock naming(naming_);
  const auto found = collections_.find(name);
  if (found == collections_.end()) {
    return Fail(Code::kNotFound, fmt::format("there is no collection '{}'", name), "collection",
                "collection_not_found");
  }
  if (auto dropped = found->second.collection->Drop(); !dropped) return dropped;
  std::erase_if(aliases_, [&](const auto& alias) { return alias.second == found->first; });
  collections_.erase(found);
  return {};
}

Result<std::string> OpenStore::NameOf(int64_t id) {
  const MutexLock naming(naming_);
  for (const auto& [name, entry] : collections_) {
    if (entry.collection->spec().id == id) return name;
  }
  return Fail(Code::kNotFound, "there is no collection with this id", "collection",
              "collection_not_found");
}

Result<void> OpenStore::Rename(std::string_view name, std::string_view new_name) {
  if (auto ok = CheckCollectionName(new_name); !ok) return ok;
  const MutexLock naming(naming_);
  const auto found = collections_.find(name);
  if (found == collections_.end()) {
    return Fail(Code::kNotFound, fmt::format("there is no collection '{}'", name), "collection",
                "collection_not_found");
  }
  if (name == new_name) return {};
  if (collections_.contains(new_name) || aliases_.contains(new_name)) {
    return Fail(Code::kConflict, fmt::format("there is a collection '{}' already", new_name),
                "name", "collection_exists");
  }
  CollectionRow row = RowOf(found->second);
  row.spec.name = new_name;
  // All that needs memory comes first: what has happened on the disk is shown then without any.
  auto aliases = aliases_;
  for (auto& [alias, collection] : aliases) {
    if (collection == name) collection = row.spec.name;
  }
  Entries renamed;
  const auto next = Make(row);
  renamed[row.spec.name] = {next, found->second.about, found->second.erasing};
  if (auto given = found->second.collection->GiveWay(row); !given) return given;
  collections_.erase(found);
  collections_.merge(renamed);
  aliases_.swap(aliases);
  next->EraseAt(kNoExpiry);  // who was asked before is gone
  return {};
}

Result<void> OpenStore::ChangeAbout(std::string_view name,
                                    const std::function<json::Value(const json::Value&)>& change) {
  const MutexLock naming(naming_);
  const auto found = Seek(name);
  if (!found) return Fail(found.error());
  Entry& entry = (*found)->second;
  json::Value about = change(entry.about);
  if (auto ok = CheckAbout(about); !ok) return ok;
  const MutexLock lock(files_->writing);
  auto set = files_->rows.SetAbout(entry.collection->spec().id, about);
  if (set) entry.about = std::move(about);
  return set;
}

Result<void> OpenStore::ChangeAliases(std::span<const Alias> changes) {
  const MutexLock naming(naming_);
  auto aliases = aliases_;
  for (const Alias& change : changes) {
    if (change.collection.empty()) {
      if (aliases.erase(change.name) == 0) {
        return Fail(Code::kNotFound, fmt::format("there is no alias '{}'", change.name), "alias",
                    "alias_not_found");
      }
      continue;
    }
    if (auto ok = CheckCollectionName(change.name); !ok) return ok;
    // An alias of an earlier change counts already.
    const auto alias = aliases.find(change.collection);
    const auto target = Seek(alias == aliases.end() ? change.collection : alias->second);
    if (!target) return Fail(target.error());
    if (collections_.contains(change.name)) {
      return Fail(Code::kConflict, fmt::format("there is a collection '{}' already", change.name),
                  "alias", "collection_exists");
    }
    aliases[change.name] = (*target)->first;
  }
  if (aliases.size() > Limits::kAliases) {
    return Fail(Code::kUnprocessable,
                fmt::format("a store has at most {} aliases", Limits::kAliases), "alias",
                "too_many_aliases");
  }
  const MutexLock lock(files_->writing);
  auto transaction = files_->rows.Begin();
  if (!transaction) return Fail(std::move(transaction.error()));
  for (const Alias& change : changes) {
    const auto now = aliases.find(change.name);
    auto done =
        now == aliases.end()
            ? files_->rows.RemoveAlias(change.name)
            : files_->rows.PutAlias(change.name,
                                    collections_.find(now->second)->second.collection->spec().id);
    if (!done) return done;
  }
  auto committed = transaction->Commit();
  if (committed) aliases_ = std::move(aliases);
  return committed;
}

std::vector<Alias> OpenStore::Aliases() {
  const MutexLock naming(naming_);
  std::vector<Alias> aliases;
  for (const auto& [name, collection] : aliases_) aliases.push_back({name, collection});
  return aliases;
}

Result<void> OpenStore::PutNote(const Note& note) {
  if (auto ok = CheckNote(note); !ok) return ok;
  const MutexLock naming(naming_);
  if (notes_.size() >= Limits::kNotes && !notes_.contains(note.key)) {
    return Fail(Code::kUnprocessable, fmt::format("a store has at most {} notes", Limits::kNotes),
                "key", "too_many_notes");
  }
  decltype(notes_) added{{note.key, note.text}};
  const MutexLock lock(files_->writing);
  auto put = files_->rows.PutNote(note);
  if (!put) return put;
  notes_.erase(note.key);
  notes_.merge(added);
  return {};
}

Result<void> OpenStore::RemoveNote(std::string_view key) {
  const MutexLock naming(naming_);
  const auto found = notes_.find(key);
  if (found == notes_.end()) return Fail(Code::kNotFound, "there is no such note", "key");
  const MutexLock lock(files_->writing);
  auto removed = files_->rows.RemoveNote(key);
  if (removed) notes_.erase(found);
  return removed;
}

std::vector<Note> OpenStore::Notes(std::string_view prefix) {
  const MutexLock naming(naming_);
  std::vector<Note> notes;
  for (auto at = notes_.lower_bound(prefix);
       at != notes_.end() && std::string_view(at->first).starts_with(prefix); ++at) {
    notes.push_back({at->first, at->second});
  }
  return notes;
}

Result<int64_t> OpenStore::EraseExpired() {
  std::vector<std::shared_ptr<OpenCollection>> all;
  {
    const MutexLock naming(naming_);
    for (const auto& [name, entry] : collections_) all.push_back(entry.collection);
  }
  const std::atomic<bool> stop = false;
  int64_t erased = 0;
  for (const auto& collection : all) {
    const auto some = collection->EraseExpired(stop);
    if (!some) return some;
    erased += *some;
  }
  return erased;
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
  const AsideFolder removed(aside);
  auto reader = files_->Borrow();
  if (!reader) return Fail(std::move(reader.error()));
  const auto file = DatabaseIn(aside);
  if (auto copied = (*reader)->CopyTo(file); !copied) return copied;
  const char* const what = "the snapshot could not be brought to the disk";
  if (auto synced = SyncPath(file, what); !synced) return synced;
  if (auto synced = SyncPath(aside, what); !synced) return synced;
  if (rename(aside.c_str(), folder.c_str()) != 0) {
    return Fail(SystemError("the snapshot could not be given its name", errno));
  }
  return SyncPath(ParentOf(folder), what);
}

}  // namespace weir::vectors

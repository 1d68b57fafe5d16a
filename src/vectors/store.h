// The vector database as a library: a Store is a folder, a Collection is what points are put into
// and found in. No server, no thread of the caller's is needed.
//
//   auto store = vectors::Store::Open("notes");
//   auto notes = (*store)->Create({.name = "notes", .spaces = {{.name = "", .dimensions = 384}}});
//   (*notes)->Upsert({{{.id = "a", .vectors = {{"", embedding}}, .text = "..."}}});
//   auto hits = (*notes)->Query({.vector = question, .k = 5});
//
// What it promises:
//   - A write that returned without an error is on the disk: it survives kill -9 and the loss of
//     power. One that failed has left nothing (an error with the reason "storage_io" alone may turn
//     out to have happened after a restart).
//   - An upsert of many points happens as a whole or not at all.
//   - A search sees every write that returned before it began, and never waits for a writer.
//   - A search returns min(k, matching points) hits.
//   - Memory that is refused is an error (kUnavailable, reason "no_memory") of the call that needed
//     it; what was acknowledged stays, and the store goes on. Aliases and Notes alone throw.
//
// Threads: any, at the same time. One process at a time has a folder open (a lock file; the second
// gets kConflict). Collections keep their store open. docs/vectors.md is the guide,
// docs/internals/vectors.md says how it works.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "vectors/expiry.h"
#include "vectors/types.h"

namespace weir::vectors {

class OpenStore;
class OpenCollection;

class Collection {
 public:
  explicit Collection(std::shared_ptr<OpenCollection> open);
  Collection(const Collection&) = delete;
  Collection& operator=(const Collection&) = delete;
  ~Collection();

  // As it was found; Store::Look has `about` and the spaces as they are now, which all other calls
  // go by. After Drop those give kNotFound.
  const CollectionSpec& spec() const;

  // Puts points in; one whose id is there is replaced as a whole. Of two with the same id in one
  // call the later counts.
  Result<void> Upsert(std::span<const Point> points);
  // Their contents are overwritten on the disk. How many were there.
  Result<int64_t> Delete(std::span<const std::string> ids);
  Result<int64_t> Delete(const Filter& filter);

  // Reads, changes and writes points as one step that no other writer comes between. `edit` is
  // called for each id with the point as it is, or with an empty one of that id where there is none
  // (`there` is false then), and says whether to write it; an error of it undoes everything. It
  // runs under the store's lock: it must be quick and must not call the store. How many were
  // written.
  using EditPoint = std::function<Result<bool>(size_t index, bool there, Point& point)>;
  Result<int64_t> Edit(std::span<const std::string> ids, const EditPoint& edit);
  // The same for all points that match. Over kEditPoints of them are written in several steps, each
  // as a whole; every point is looked at once.
  static constexpr size_t kEditPoints = 4'096;
  Result<int64_t> Edit(const Filter& filter, const EditPoint& edit);

  // In the order of `ids`; those that are not there are left out.
  Result<std::vector<Point>> Get(std::span<const std::string> ids, Parts parts = kAllParts) const;
  Result<std::vector<Hit>> Query(const vectors::Query& query) const;
  Result<Page> Scroll(const ScrollQuery& query) const;
  Result<int64_t> Count(const Filter& filter = {}) const;
  Result<std::vector<OrderedPoint>> Order(const OrderQuery& query) const;
  // The most frequent first, equal ones in their own order.
  Result<std::vector<FacetHit>> Facet(const FacetQuery& query) const;
  // So many points of those that match, by chance and in no order; all of them where there are
  // fewer.
  Result<std::vector<std::string>> Sample(const Filter& filter, size_t count) const;

  // Indexes are built by themselves, in the background (StoreOptions). This builds now what is
  // missing, with so many threads, and returns when searches use it.
  Result<void> BuildIndexes(size_t threads = 1);

 private:
  std::shared_ptr<OpenCollection> open_;
};

struct StoreOptions {
  // Reads the whole database once before it is used (1 s for each GB) and refuses a damaged one.
  bool check = false;
  // A space gets a graph when it has so many points; below, a scan is quick enough.
  uint32_t graph_points_least = 16'384;
  // Whether a thread of the store's own builds graphs as they are due and erases points that have
  // ended; without it BuildIndexes and EraseExpired alone do.
  bool build_in_background = true;
  // That a collection may have; fewer than the limit, if that is wanted.
  size_t collection_points_most = Limits::kCollectionPoints;
  // By which points end; null: the machine's. Must outlive the store.
  const Clock* clock = nullptr;
};

class Store {
 public:
  // Makes the folder (for its owner only) where there is none; its parent must exist.
  static Result<std::shared_ptr<Store>> Open(const std::filesystem::path& folder,
                                             const StoreOptions& options = {});
  explicit Store(std::shared_ptr<OpenStore> open);
  ~Store();

  // kConflict when the name is taken.
  Result<std::shared_ptr<Collection>> Create(const CollectionSpec& spec);
  // By its name or an alias; kNotFound when there is none.
  Result<std::shared_ptr<Collection>> Find(std::string_view name) const;
  Result<CollectionSpec> Look(std::string_view name) const;
  // In the order of names.
  Result<std::vector<CollectionSpec>> List() const;
  // The name of the collection with this id; kNotFound when there is none.
  Result<std::string> NameOf(int64_t id) const;
  // kConflict when the new name is taken. Aliases stay its own; handles of it from before give
  // kNotFound.
  Result<void> Rename(std::string_view name, std::string_view new_name);
  // By its name alone. Its aliases go with it.
  Result<void> Drop(std::string_view name);

  // What is remembered of a collection (CollectionSpec::about), changed in one step: `change` gets
  // it as it is and says what it shall be. It must be quick and must not call the store.
  using ChangeValue = std::function<json::Value(const json::Value& now)>;
  Result<void> ChangeAbout(std::string_view name, const ChangeValue& change);
  // Gives a collection that was made without spaces its spaces; kConflict when it has some.
  Result<void> GiveSpaces(std::string_view name, std::span<const Space> spaces);
  // Another space, in which no point has a vector yet; kConflict, reason space_exists. To change
  // the model that embeds, for one: fill the new space while searches go on in the old one, then
  // replace that.
  Result<void> AddSpace(std::string_view name, const Space& space);
  // The space `by` takes the place and the name of `space`, in one step; the vectors that were
  // there are erased when this returns, or, where the disk does not let it, when the store is
  // opened next. What searches in `space` finds the old vectors or the new ones, never some of
  // both.
  Result<void> ReplaceSpace(std::string_view name, std::string_view space, std::string_view by);
  // With all vectors in it, which are erased as by ReplaceSpace.
  Result<void> RemoveSpace(std::string_view name, std::string_view space);

  // Aliases are changed together or not at all; an empty `collection` removes one. kNotFound for a
  // collection that is not there, kConflict for a name that a collection has.
  Result<void> ChangeAliases(std::span<const Alias> changes);
  std::vector<Alias> Aliases() const;  // in the order of names

  Result<void> PutNote(const Note& note);
  Result<void> RemoveNote(std::string_view key);
  std::vector<Note> Notes(std::string_view prefix) const;  // in the order of keys

  // Points that have ended (expiry.h) are not there for any call. Their contents are erased by
  // themselves, in the background (StoreOptions); this erases them now. How many.
  Result<int64_t> EraseExpired();

  // Snapshots of one collection, each a file in the store's folder with everything in it as of one
  // moment, made while work goes on. They stay when the collection is dropped, under its name.
  // `name` may be an alias; kNotFound when there is no such collection or snapshot.
  Result<SnapshotInfo> MakeSnapshot(std::string_view name);
  Result<std::vector<SnapshotInfo>> Snapshots(std::string_view name) const;  // the oldest first
  Result<std::filesystem::path> FindSnapshot(std::string_view name,
                                             std::string_view snapshot) const;
  Result<void> RemoveSnapshot(std::string_view name, std::string_view snapshot);
  // The collection becomes what a snapshot's file says; it is made where it is not there, and keeps
  // its aliases where it is. It happens in one step or not at all; handles of it from before give
  // kNotFound. kInvalidArgument, reason invalid_snapshot, for a file that is not one, whatever it
  // is: it need not be trusted.
  Result<void> Recover(std::string_view name, const std::filesystem::path& file);
  Result<void> RecoverBytes(std::string_view name, std::string_view bytes);

  // A copy of everything as of one moment, while work goes on: a folder that Open takes. `folder`
  // must not exist; it appears whole or not at all.
  Result<void> Snapshot(const std::filesystem::path& folder) const;

 private:
  std::shared_ptr<OpenStore> open_;
};

}  // namespace weir::vectors

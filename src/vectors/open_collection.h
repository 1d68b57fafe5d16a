// One collection while its store is open: the tables' rows on one side, their picture in memory (a
// RowBuilder, the current View) on the other, and every operation on them. The picture is made when
// the collection is first used. Any thread.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "async/mutex.h"
#include "base/result.h"
#include "vectors/best.h"
#include "vectors/bitmap.h"
#include "vectors/expiry.h"
#include "vectors/files.h"
#include "vectors/graph_file.h"
#include "vectors/input_check.h"
#include "vectors/keeper.h"
#include "vectors/row_builder.h"
#include "vectors/rows.h"
#include "vectors/search_cost.h"
#include "vectors/store.h"
#include "vectors/types.h"
#include "vectors/view.h"

namespace weir::vectors {

class OpenCollection : public std::enable_shared_from_this<OpenCollection> {
  struct InMemory;

 public:
  OpenCollection(std::shared_ptr<Files> files, std::shared_ptr<KeeperQueue> keeper,
                 const StoreOptions& options, CollectionRow row);
  OpenCollection(std::shared_ptr<Files> files, std::shared_ptr<KeeperQueue> keeper,
                 const StoreOptions& options, CollectionRow row, InMemory has);

  const CollectionSpec& spec() const { return row_.spec; }
  const CollectionRow& row() const { return row_; }

  Result<void> Upsert(std::span<const Point> points);
  Result<int64_t> Delete(std::span<const std::string> ids);
  Result<int64_t> Delete(const Filter& filter);
  Result<int64_t> Edit(std::span<const std::string> ids, const Collection::EditPoint& edit);
  Result<int64_t> Edit(const Filter& filter, const Collection::EditPoint& edit);
  Result<std::vector<Point>> Get(std::span<const std::string> ids, Parts parts);
  Result<std::vector<Hit>> Query(const vectors::Query& query);
  Result<Page> Scroll(const ScrollQuery& query);
  Result<int64_t> Count(const Filter& filter);
  Result<std::vector<OrderedPoint>> Order(const OrderQuery& query);
  Result<std::vector<FacetHit>> Facet(const FacetQuery& query);
  Result<std::vector<std::string>> Sample(const Filter& filter, size_t count);
  Result<void> BuildIndexes(size_t threads);
  // Removes what has ended by now from the tables; how many points. A collection that is not in
  // use is not loaded for it.
  Result<int64_t> EraseExpired(const std::atomic<bool>& stop);
  // Has the keeper erase what has ended then, and what ends later when it does. Where there is no
  // memory for that, it is asked when the collection is opened, or for its next point that ends.
  void EraseAt(Expiry time) noexcept;
  // Removes it from the tables and answers kNotFound from then on.
  Result<void> Drop();
  // Writes down its new name; another object must take its place, and it answers kNotFound from
  // then on.
  Result<void> GiveWay(const CollectionRow& row);
  // The same with new spaces; what takes its place, which has what is in memory. `from` says which
  // space here each of the new ones was, if any.
  Result<std::shared_ptr<OpenCollection>> HandOver(const CollectionRow& row,
                                                   std::span<const std::optional<size_t>> from);
  // What it was handed over to; null where it was not.
  std::shared_ptr<OpenCollection> successor();
  // The collection `id` gets its name and its aliases; all that is in it goes.
  Result<void> GiveWayTo(int64_t id);

 private:
  void Retire() HOLDS(files_->writing);
  std::shared_ptr<OpenCollection> Heir(const CollectionRow& row,
                                       std::span<const std::optional<size_t>> from)
      HOLDS(files_->writing);
  // After the rows are gone.
  void Clear() noexcept HOLDS(files_->writing);
  std::unexpected<Error> Gone() const;
  // A graph of one space and how far it is from what it should be.
  struct SpaceGraph {
    std::shared_ptr<const Graph> graph;  // null where there is none yet
    bool mend = false;                   // rows were taken out: some may have lost their last link
    size_t usual_width = 0;              // of a search's beam; 0: not measured yet
    uint32_t measured_rows = 0;          // that the graph had then
  };
  struct Picture {
    std::shared_ptr<const View> view;
    std::shared_ptr<const std::vector<SpaceGraph>> graphs;  // of the view's first rows
    uint64_t numbering = 0;  // grows when rows get new numbers; graphs are of one numbering
  };

  struct InMemory {
    RowBuilder builder;
    Picture picture;
    std::vector<uint32_t> kept_rows;
  };

  // What one write did to the tables.
  struct Change {
    struct Added {
      int64_t seq;
      const Point* point;
      Expiry expires;
    };
    std::vector<int64_t> removed = {};
    std::vector<Added> added = {};
  };

  // The current picture, made now where there is none yet.
  Result<Picture> LookAtAll();
  Result<std::shared_ptr<const View>> Look();
  Result<void> Load() HOLDS(files_->writing);
  void Publish() HOLDS(files_->writing);
  // Of points that were checked.
  Result<void> UpsertLocked(std::span<const Point> points) HOLDS(files_->writing);
  Result<int64_t> EditLocked(std::span<const std::string> ids, size_t first, Expiry now,
                             const Collection::EditPoint& edit) HOLDS(files_->writing);
  Result<std::optional<Point>> ReadLocked(const std::string& id, Expiry now) HOLDS(files_->writing);
  Result<int64_t> DeleteLocked(std::span<const std::string> ids) HOLDS(files_->writing);
  // Of what is in the tables; memory that is refused costs the picture, which is made again.
  void Show(const Change& change) noexcept HOLDS(files_->writing);
  void Apply(const Change& change) HOLDS(files_->writing);
  void Forget() noexcept HOLDS(files_->writing);
  void PackIfWorthwhile() HOLDS(files_->writing);

  // What has ended by `now` is hidden (open_collection_expiry.cc).
  Expiry Now() const;
  Result<int64_t> EraseSome() HOLDS(files_->writing);
  void EraseInBackground(const std::atomic<bool>& stop);

  // Indexes (open_collection_index.cc).
  std::vector<SpaceGraph> GraphsFor(const View& view, const Picture& before) const;
  GraphPlace PlaceOf(size_t space) const;
  bool IsDue(const View& view, size_t space, const SpaceGraph& graph) const;
  void AskIfDue();
  void BuildAll(size_t threads, const std::atomic<bool>& stop, bool keep);
  bool BuildOne(size_t space, size_t threads, const std::atomic<bool>& stop);
  void Keep(size_t space);

  // Which rows a search may find: live and matching. Nothing means all.
  Result<std::optional<Bitmap>> Eligible(const View& view, const Filter& filter);
  Result<Bitmap> Filtered(const View& view, const Filter& filter, Expiry now);
  Result<bool> LookAt(RowReader& reader, const View& view, uint32_t row, const Filter& filter);
  // False where the point is gone by now.
  Result<bool> Fill(RowReader& reader, int64_t seq, Parts parts, Point& point);
  std::vector<Candidate> FindByVector(const Picture& picture, const vectors::Query& query,
                                      const std::optional<Bitmap>& eligible, size_t count);
  std::optional<Bitmap> GoneFrom(const View& view) const;
  static Bitmap RowsThere(const View& view, size_t space, const std::optional<Bitmap>& eligible);
  std::vector<Candidate> FindSparse(const View& view, const vectors::Query& query,
                                    const std::optional<Bitmap>& eligible, size_t count);
  // Of a query that was checked.
  bool IsSparse(const vectors::Query& query) const {
    if (query.HasDense() || !query.text.empty()) return false;
    return row_.spec.spaces[*FindSpace(row_.spec.spaces, query.space)].sparse;
  }
  Result<std::vector<Candidate>> Find(const Picture& picture, const vectors::Query& query,
                                      size_t count);
  // Order and Facet: the payloads of rows that the index knows too little of.
  Result<void> LookAtUnsure(const View& view, const Bitmap& rows, std::string_view path,
                            const std::function<void(uint32_t, const json::Value&)>& visit);
  // Nothing where a hit was replaced meanwhile, unless it is to `settle` for the new one.
  Result<std::optional<std::vector<Hit>>> QueryOnce(const vectors::Query& query, bool settle);
  Result<Page> ScrollIn(const View& view, const ScrollQuery& query);

  const std::shared_ptr<Files> files_;
  const std::shared_ptr<KeeperQueue> keeper_;
  const StoreOptions options_;
  const CollectionRow row_;
  std::deque<SearchCost> costs_;  // by space
  std::atomic<bool> dropped_ = false;

  std::optional<RowBuilder> builder_ GUARDED_BY(files_->writing);

  Mutex showing_;  // held only to copy the pointer
  Picture shown_ GUARDED_BY(showing_);
  std::shared_ptr<OpenCollection> successor_ GUARDED_BY(showing_);

  std::atomic<bool> asked_ = false;  // the keeper has this collection on its list
  Mutex building_;                   // one builder at a time; taken before all others
  std::vector<uint32_t> kept_rows_ GUARDED_BY(showing_);  // of the files, by space
};

}  // namespace weir::vectors

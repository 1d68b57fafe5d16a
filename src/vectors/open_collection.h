// One collection while its store is open: the tables' rows on one side, their picture in memory (a
// RowBuilder, the current View) on the other, and every operation on them. The picture is made when
// the collection is first used. Any thread.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "async/mutex.h"
#include "base/result.h"
#include "vectors/files.h"
#include "vectors/row_builder.h"
#include "vectors/rows.h"
#include "vectors/scan_search.h"
#include "vectors/types.h"
#include "vectors/view.h"

namespace weir::vectors {

class OpenCollection {
 public:
  OpenCollection(std::shared_ptr<Files> files, CollectionRow row);

  const CollectionSpec& spec() const { return row_.spec; }

  Result<void> Upsert(std::span<const Point> points);
  Result<int64_t> Delete(std::span<const std::string> ids);
  Result<int64_t> Delete(const Filter& filter);
  Result<std::vector<Point>> Get(std::span<const std::string> ids, Parts parts);
  Result<std::vector<Hit>> Query(const vectors::Query& query);
  Result<Page> Scroll(const ScrollQuery& query);
  Result<int64_t> Count(const Filter& filter);
  // Removes it from the tables and answers kNotFound from then on.
  Result<void> Drop();

 private:
  std::unexpected<Error> Gone() const;
  struct Change;  // what one write did to the tables

  // The current view, made now where there is none yet.
  Result<std::shared_ptr<const View>> Look();
  Result<void> Load() HOLDS(files_->writing);
  void Publish() HOLDS(files_->writing);
  Result<int64_t> DeleteLocked(std::span<const std::string> ids) HOLDS(files_->writing);
  void Apply(const Change& change) HOLDS(files_->writing);
  Result<void> PackIfWorthwhile() HOLDS(files_->writing);

  // Which rows a search may find: live, with a vector in `space` where one is given, and matching.
  // Nothing means all.
  Result<std::optional<Bitmap>> Eligible(const View& view, const Filter& filter,
                                         std::optional<size_t> space);
  Result<Bitmap> Filtered(const View& view, const Filter& filter);
  Result<bool> LookAt(RowReader& reader, const View& view, uint32_t row, const Filter& filter);
  // The best `count` first; min(count, eligible) of them.
  std::vector<Candidate> FindNearest(const View& view, size_t space, const Target& target,
                                     const Bitmap* eligible, size_t count, Search search) const;
  // False where the point is gone by now.
  Result<bool> Fill(RowReader& reader, int64_t seq, Parts parts, Point& point);
  // Nothing where a hit was replaced meanwhile, unless it is to `settle` for the new one.
  Result<std::optional<std::vector<Hit>>> QueryOnce(const vectors::Query& query, size_t space,
                                                    bool settle);
  Result<Page> ScrollIn(const View& view, const ScrollQuery& query);

  const std::shared_ptr<Files> files_;
  const CollectionRow row_;
  std::atomic<bool> dropped_ = false;

  std::optional<RowBuilder> builder_ GUARDED_BY(files_->writing);

  Mutex showing_;  // held only to copy the pointer
  std::shared_ptr<const View> view_ GUARDED_BY(showing_);
};

}  // namespace weir::vectors

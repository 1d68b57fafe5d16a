#include "vectors/open_collection.h"

#include <fmt/format.h>

#include <algorithm>
#include <new>
#include <unordered_map>

#include "base/check.h"
#include "base/no_memory.h"
#include "json/writer.h"
#include "vectors/input_check.h"
#include "vectors/stored_payload.h"
#include "vectors/stored_vector.h"

namespace weir::vectors {
namespace {

// Below so many dead rows packing is not worth a thought.
constexpr uint32_t kDeadRowsLeast = 4'096;

Result<std::string> PrintChecked(const json::Value& payload, size_t index) {
  std::string text = PrintPayload(payload);
  if (text.size() <= Limits::kPayloadBytes) return text;
  return Fail(Code::kTooLarge,
              fmt::format("a payload is {} bytes long; the limit is {}", text.size(),
                          Limits::kPayloadBytes),
              fmt::format("points[{}].payload", index), "payload_too_large");
}

// As rows in memory take them.
void VectorsOf(std::span<const Space> spaces, const Point& point,
               std::vector<RowBuilder::Vector>& vectors) {
  vectors.assign(spaces.size(), {});
  for (size_t i = 0; i < spaces.size(); ++i) {
    if (const auto dense = point.vectors.find(spaces[i].name); dense != point.vectors.end())
      vectors[i].dense = dense->second;
    if (const auto sparse = point.sparse.find(spaces[i].name); sparse != point.sparse.end())
      vectors[i].sparse = &sparse->second;
    if (const auto multi = point.multi.find(spaces[i].name); multi != point.multi.end())
      vectors[i].multi = &multi->second;
  }
}

}  // namespace

OpenCollection::OpenCollection(std::shared_ptr<Files> files, std::shared_ptr<KeeperQueue> keeper,
                               const StoreOptions& options, CollectionRow row)
    : files_(std::move(files)),
      keeper_(std::move(keeper)),
      options_(options),
      row_(std::move(row)),
      kept_rows_(row_.spec.spaces.size()) {
  for (const Space& space : row_.spec.spaces) costs_.emplace_back(space.dimensions);
}

OpenCollection::OpenCollection(std::shared_ptr<Files> files, std::shared_ptr<KeeperQueue> keeper,
                               const StoreOptions& options, CollectionRow row, InMemory has)
    : OpenCollection(std::move(files), std::move(keeper), options, std::move(row)) {
  builder_.emplace(std::move(has.builder));
  shown_ = std::move(has.picture);
  kept_rows_ = std::move(has.kept_rows);
}

std::unexpected<Error> OpenCollection::Gone() const {
  return Fail(Code::kNotFound, fmt::format("there is no collection '{}'", row_.spec.name),
              "collection", "collection_not_found");
}

// ---- writing

Result<void> OpenCollection::Upsert(std::span<const Point> points) {
  if (auto ok = CheckPoints(row_.spec.spaces, points); !ok) return ok;
  const MutexLock lock(files_->writing);
  return UpsertLocked(points);
}

Result<void> OpenCollection::UpsertLocked(std::span<const Point> points) {
  std::vector<std::string> payloads;
  payloads.reserve(points.size());
  for (size_t i = 0; i < points.size(); ++i) {
    auto text = PrintChecked(points[i].payload, i);
    if (!text) return Fail(std::move(text.error()));
    payloads.push_back(std::move(*text));
  }
  std::unordered_map<std::string_view, size_t> last;
  for (size_t i = 0; i < points.size(); ++i) last[points[i].id] = i;

  if (auto loaded = Load(); !loaded) return loaded;
  auto transaction = files_->rows.Begin();
  if (!transaction) return Fail(std::move(transaction.error()));
  Change change;
  const size_t live_before = builder_->rows() - builder_->dead();
  size_t live = live_before;
  for (size_t i = 0; i < points.size(); ++i) {
    const Point& point = points[i];
    if (last[point.id] != i) continue;
    const auto removed = files_->rows.RemovePoint(row_.id, point.id);
    if (!removed) return Fail(removed.error());
    if (*removed) change.removed.push_back((*removed)->seq);
    const Expiry expires = ExpiryOf(point.payload);
    const auto seq = files_->rows.AddPoint(row_.id, point.id, payloads[i], point.text, expires);
    if (!seq) return Fail(seq.error());
    if (auto added = AddVectors(files_->rows, *seq, row_, point); !added) return added;
    change.added.push_back({*seq, &point, expires});
    live += *removed ? 0 : 1;
  }
  if (live > live_before && live > options_.collection_points_most)
    return Full(options_.collection_points_most);
  if (auto committed = transaction->Commit(); !committed) return committed;
  Show(change);
  return {};
}

Result<int64_t> OpenCollection::Delete(std::span<const std::string> ids) {
  if (auto ok = CheckIds(ids); !ok) return Fail(std::move(ok.error()));
  const MutexLock lock(files_->writing);
  return DeleteLocked(ids);
}

Result<int64_t> OpenCollection::Delete(const Filter& filter) {
  if (auto ok = CheckFilter(row_.spec.spaces, filter); !ok) return Fail(std::move(ok.error()));
  // The lock is held from looking to deleting, so that nothing comes between.
  const MutexLock lock(files_->writing);
  if (auto loaded = Load(); !loaded) return Fail(std::move(loaded.error()));
  const auto view = builder_->Look();
  auto rows = Filtered(*view, filter, Now());
  if (!rows) return Fail(std::move(rows.error()));
  std::vector<std::string> ids;
  rows->ForEach([&](size_t row) { ids.emplace_back(view->IdOf(static_cast<uint32_t>(row))); });
  return DeleteLocked(ids);
}

Result<int64_t> OpenCollection::DeleteLocked(std::span<const std::string> ids) {
  if (auto loaded = Load(); !loaded) return Fail(std::move(loaded.error()));
  auto transaction = files_->rows.Begin();
  if (!transaction) return Fail(std::move(transaction.error()));
  Change change;
  const Expiry now = Now();
  int64_t there = 0;
  for (const std::string& id : ids) {
    const auto removed = files_->rows.RemovePoint(row_.id, id);
    if (!removed) return Fail(removed.error());
    if (!*removed) continue;
    change.removed.push_back((*removed)->seq);
    there += HasExpired((*removed)->expires, now) ? 0 : 1;
  }
  if (auto committed = transaction->Commit(); !committed) return Fail(committed.error());
  Show(change);
  // The points are gone; that their space could not be given back is no failure of the deletion.
  files_->rows.GiveBackSpace();
  return there;
}

// The write has happened and is acknowledged, whatever becomes of the memory that shows it.
void OpenCollection::Show(const Change& change) noexcept {
  try {
    Apply(change);
    PackIfWorthwhile();
  } catch (const std::bad_alloc&) {
    Forget();
  }
}

// The next who looks makes it from the tables. The numbering goes on: a graph that is being built
// is of rows that are no more.
void OpenCollection::Forget() noexcept {
  builder_.reset();
  const MutexLock showing(showing_);
  shown_.view.reset();
  shown_.graphs.reset();
}

void OpenCollection::Apply(const Change& change) {
  if (change.removed.empty() && change.added.empty()) return;
  for (const int64_t seq : change.removed) builder_->Kill(seq);
  std::vector<RowBuilder::Vector> vectors;
  Expiry first_end = kNever;
  for (const auto& [seq, point, expires] : change.added) {
    VectorsOf(row_.spec.spaces, *point, vectors);
    builder_->AddRow(seq, point->id, point->payload, point->text, vectors, expires);
    if (expires != kNoExpiry) first_end = std::min(first_end, expires);
  }
  Publish();
  if (first_end != kNever) EraseAt(first_end);
}

// Dead rows cost memory and time in every scan. A third of them is let be, so that packing costs
// each write a bounded share. The write before it has happened; where packing fails searches go on
// with what is shown, and the next write reads the rows again.
void OpenCollection::PackIfWorthwhile() {
  if (builder_->dead() < kDeadRowsLeast || builder_->dead() < builder_->rows() / 3) return;
  builder_.reset();
  (void)Load();
}

Result<void> OpenCollection::Drop() {
  const MutexLock lock(files_->writing);
  if (dropped_) return Gone();
  if (auto removed = files_->rows.RemoveCollection(row_.id); !removed) return removed;
  Clear();
  return {};
}

Result<void> OpenCollection::GiveWayTo(int64_t id) {
  const MutexLock lock(files_->writing);
  if (dropped_) return Gone();
  if (auto replaced = files_->rows.Replace(row_.id, id, row_.spec.name); !replaced) return replaced;
  Clear();
  return {};
}

void OpenCollection::Clear() noexcept {
  Retire();
  files_->rows.GiveBackSpace();
  // A file that stays is removed when the store is opened the next time.
  (void)OrNoMemory([&]() -> Result<void> {
    std::error_code ignored;
    for (size_t space = 0; space < row_.spec.spaces.size(); ++space) {
      std::filesystem::remove(PlaceOf(space).File(), ignored);
    }
    return {};
  });
}

Result<void> OpenCollection::GiveWay(const CollectionRow& row) {
  const MutexLock lock(files_->writing);
  if (dropped_) return Gone();
  if (auto set = files_->rows.SetSpec(row); !set) return set;
  Retire();
  return {};
}

Result<std::shared_ptr<OpenCollection>> OpenCollection::HandOver(
    const CollectionRow& row, std::span<const std::optional<size_t>> from) {
  const MutexLock lock(files_->writing);
  if (dropped_) return Gone();
  auto next = std::make_shared<OpenCollection>(files_, keeper_, options_, row);
  if (auto set = files_->rows.SetSpec(row); !set) return Fail(std::move(set.error()));
  try {
    if (builder_) next = Heir(row, from);
  } catch (const std::bad_alloc&) {
    // It has happened; who looks next reads the tables.
  }
  {
    const MutexLock showing(showing_);
    successor_ = next;
  }
  Retire();
  return next;
}

std::shared_ptr<OpenCollection> OpenCollection::Heir(const CollectionRow& row,
                                                     std::span<const std::optional<size_t>> from) {
  Picture picture;
  std::vector<uint32_t> kept(from.size());
  {
    const MutexLock showing(showing_);
    picture = shown_;
    for (size_t i = 0; i < from.size(); ++i) kept[i] = from[i] ? kept_rows_[*from[i]] : 0;
  }
  std::vector<SpaceGraph> graphs(from.size());
  for (size_t i = 0; i < from.size(); ++i) {
    if (from[i]) graphs[i] = (*picture.graphs)[*from[i]];
  }
  builder_->Arrange(row.spec.spaces, from, files_->index_folder());
  picture.view = builder_->Look();
  picture.graphs = std::make_shared<const std::vector<SpaceGraph>>(std::move(graphs));
  auto heir = std::make_shared<OpenCollection>(
      files_, keeper_, options_, row,
      InMemory{std::move(*builder_), std::move(picture), std::move(kept)});
  heir->AskIfDue();
  return heir;
}

std::shared_ptr<OpenCollection> OpenCollection::successor() {
  const MutexLock showing(showing_);
  return successor_;
}

void OpenCollection::Retire() {
  dropped_ = true;
  builder_.reset();
  const MutexLock showing(showing_);
  shown_ = {};
}

// ---- the picture in memory

Result<void> OpenCollection::Load() {
  if (dropped_) return Gone();
  if (builder_) return {};
  RowBuilder builder(row_.spec.spaces, files_->index_folder());
  Rows* const rows = &files_->rows;
  Point read_vectors;
  std::vector<RowBuilder::Vector> vectors;
  auto read = rows->ForEachPoint(row_.id, [&](const PointRow& point) -> Result<void> {
    read_vectors.vectors.clear();
    read_vectors.sparse.clear();
    read_vectors.multi.clear();
    auto found = ReadVectors(*rows, point.seq, row_, read_vectors);
    if (!found) return Fail(std::move(found.error()));
    VectorsOf(row_.spec.spaces, read_vectors, vectors);
    const auto payload = ParsePayload(point.payload);
    if (!payload) return Fail(payload.error());
    builder.AddRow(point.seq, point.id, *payload, point.text, vectors, point.expires);
    return {};
  });
  if (!read) return read;
  Picture before;
  {
    const MutexLock lock(showing_);
    before = shown_;
  }
  auto view = builder.Look();
  const Expiry next_expiry = view->next_expiry;
  auto graphs = std::make_shared<const std::vector<SpaceGraph>>(GraphsFor(*view, before));
  {
    const MutexLock lock(showing_);
    for (size_t space = 0; space < graphs->size() && before.view == nullptr; ++space) {
      const auto& graph = (*graphs)[space].graph;
      kept_rows_[space] = graph ? graph->rows() : 0;
    }
    shown_ = {std::move(view), std::move(graphs), before.numbering + 1};
    builder_.emplace(std::move(builder));
  }
  if (next_expiry != kNever) EraseAt(next_expiry);
  AskIfDue();
  return {};
}

void OpenCollection::Publish() {
  auto view = builder_->Look();
  {
    const MutexLock lock(showing_);
    shown_.view = std::move(view);
  }
  AskIfDue();
}

}  // namespace weir::vectors

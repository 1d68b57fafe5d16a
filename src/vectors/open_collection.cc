#include "vectors/open_collection.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <unordered_map>

#include "base/check.h"
#include "json/parse.h"
#include "json/writer.h"
#include "vectors/distance.h"
#include "vectors/exact_search.h"
#include "vectors/filter_match.h"
#include "vectors/input_check.h"

namespace weir::vectors {
namespace {

// Below so many dead rows packing is not worth a thought.
constexpr uint32_t kDeadRowsLeast = 4'096;

std::unexpected<Error> Gone(std::string_view name) {
  return Fail(Code::kNotFound, fmt::format("there is no collection '{}'", name), "collection",
              "collection_not_found");
}

Result<std::string> PrintPayload(const json::Value& payload, size_t index) {
  std::string text = payload.is_null() ? std::string() : json::Print(payload);
  if (text.size() <= Limits::kPayloadBytes) return text;
  return Fail(Code::kTooLarge,
              fmt::format("a payload is {} bytes long; the limit is {}", text.size(),
                          Limits::kPayloadBytes),
              fmt::format("points[{}].payload", index), "payload_too_large");
}

Result<json::Value> ParsePayload(std::string_view text) {
  if (text.empty()) return json::Value();
  return json::Parse(text);
}

}  // namespace

struct OpenCollection::Change {
  struct Added {
    int64_t seq;
    const Point* point;
  };
  std::vector<int64_t> removed;
  std::vector<Added> added;
};

OpenCollection::OpenCollection(std::shared_ptr<Files> files, CollectionRow row)
    : files_(std::move(files)), row_(std::move(row)) {}

// ---- writing

Result<void> OpenCollection::Upsert(std::span<const Point> points) {
  if (auto ok = CheckPoints(row_.spec.spaces, points); !ok) return ok;
  std::vector<std::string> payloads;
  payloads.reserve(points.size());
  for (size_t i = 0; i < points.size(); ++i) {
    auto text = PrintPayload(points[i].payload, i);
    if (!text) return Fail(std::move(text.error()));
    payloads.push_back(std::move(*text));
  }
  std::unordered_map<std::string_view, size_t> last;
  for (size_t i = 0; i < points.size(); ++i) last[points[i].id] = i;

  const MutexLock lock(files_->writing);
  if (auto loaded = Load(); !loaded) return loaded;
  auto transaction = files_->rows.Begin();
  if (!transaction) return Fail(std::move(transaction.error()));
  Change change;
  for (size_t i = 0; i < points.size(); ++i) {
    const Point& point = points[i];
    if (last[point.id] != i) continue;
    const auto removed = files_->rows.RemovePoint(row_.id, point.id);
    if (!removed) return Fail(removed.error());
    if (*removed) change.removed.push_back(**removed);
    const auto seq = files_->rows.AddPoint(row_.id, point.id, payloads[i], point.text);
    if (!seq) return Fail(seq.error());
    for (const auto& [name, vector] : point.vectors) {
      const auto space = FindSpace(row_.spec.spaces, name);
      CHECK(space, "the point was checked");
      auto added = files_->rows.AddVector(*seq, *space, vector);
      if (!added) return added;
    }
    change.added.push_back({*seq, &point});
  }
  if (auto committed = transaction->Commit(); !committed) return committed;
  Apply(change);
  return PackIfWorthwhile();
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
  auto rows = Filtered(*view, filter);
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
  for (const std::string& id : ids) {
    const auto removed = files_->rows.RemovePoint(row_.id, id);
    if (!removed) return Fail(removed.error());
    if (*removed) change.removed.push_back(**removed);
  }
  if (auto committed = transaction->Commit(); !committed) return Fail(committed.error());
  Apply(change);
  // The points are gone; that their space could not be given back is no failure of the deletion.
  (void)files_->rows.GiveBackSpace();
  if (auto packed = PackIfWorthwhile(); !packed) return Fail(std::move(packed.error()));
  return static_cast<int64_t>(change.removed.size());
}

void OpenCollection::Apply(const Change& change) {
  if (change.removed.empty() && change.added.empty()) return;
  for (const int64_t seq : change.removed) builder_->Kill(seq);
  std::vector<std::span<const float>> vectors(row_.spec.spaces.size());
  for (const auto& [seq, point] : change.added) {
    std::ranges::fill(vectors, std::span<const float>());
    for (const auto& [name, vector] : point->vectors) {
      vectors[*FindSpace(row_.spec.spaces, name)] = vector;
    }
    builder_->AddRow(seq, point->id, vectors);
  }
  Publish();
}

// Dead rows cost memory and time in every scan. A third of them is let be, so that packing costs
// each write a bounded share.
Result<void> OpenCollection::PackIfWorthwhile() {
  if (builder_->dead() < kDeadRowsLeast || builder_->dead() < builder_->rows() / 3) return {};
  builder_.reset();
  return Load();
}

Result<void> OpenCollection::Drop() {
  const MutexLock lock(files_->writing);
  if (dropped_) return Gone(row_.spec.name);
  if (auto removed = files_->rows.RemoveCollection(row_.id); !removed) return removed;
  dropped_ = true;
  (void)files_->rows.GiveBackSpace();
  builder_.reset();
  const MutexLock showing(showing_);
  view_ = nullptr;
  return {};
}

// ---- the picture in memory

Result<void> OpenCollection::Load() {
  if (dropped_) return Gone(row_.spec.name);
  if (builder_) return {};
  RowBuilder builder(row_.spec.spaces);
  Rows* const rows = &files_->rows;
  std::vector<std::vector<float>> vectors(row_.spec.spaces.size());
  std::vector<std::span<const float>> spans(vectors.size());
  auto read = rows->ForEachPoint(row_.id, [&](const PointRow& point) -> Result<void> {
    for (size_t space = 0; space < vectors.size(); ++space) {
      vectors[space].clear();
      auto found = rows->ReadVector(point.seq, space, [&](std::span<const float> vector) {
        vectors[space].assign(vector.begin(), vector.end());
      });
      if (!found) return Fail(std::move(found.error()));
      if (*found && vectors[space].size() != row_.spec.spaces[space].dimensions) {
        return Fail(Code::kInternal, "a stored vector has the wrong length; restore a backup", {},
                    "storage_corrupt");
      }
      spans[space] = vectors[space];
    }
    builder.AddRow(point.seq, point.id, spans);
    return {};
  });
  if (!read) return read;
  builder_.emplace(std::move(builder));
  Publish();
  return {};
}

void OpenCollection::Publish() {
  auto view = builder_->Look();
  const MutexLock lock(showing_);
  view_ = std::move(view);
}

Result<std::shared_ptr<const View>> OpenCollection::Look() {
  {
    const MutexLock lock(showing_);
    if (view_) return view_;
  }
  // The first use; the only time that a search waits for a writer.
  const MutexLock lock(files_->writing);
  if (auto loaded = Load(); !loaded) return Fail(std::move(loaded.error()));
  const MutexLock showing(showing_);
  return view_;
}

// ---- reading

Result<std::vector<Point>> OpenCollection::Get(std::span<const std::string> ids, Parts parts) {
  if (auto ok = CheckIds(ids); !ok) return Fail(std::move(ok.error()));
  if (dropped_) return Gone(row_.spec.name);
  auto reader = files_->Borrow();
  if (!reader) return Fail(std::move(reader.error()));
  std::vector<Point> points;
  for (const std::string& id : ids) {
    // An upsert between the two reads gives the point a new seq: look again.
    for (bool again = true; again;) {
      const auto seq = (*reader)->SeqOf(row_.id, id);
      if (!seq) return Fail(seq.error());
      if (!*seq) break;
      Point point;
      const auto filled = Fill(*reader->operator->(), **seq, parts, point);
      if (!filled) return Fail(filled.error());
      again = !*filled;
      if (*filled) points.push_back(std::move(point));
    }
  }
  return points;
}

Result<bool> OpenCollection::Fill(RowReader& reader, int64_t seq, Parts parts, Point& point) {
  Result<json::Value> payload;
  const auto found = reader.ReadPoint(seq, [&](const PointRow& row) {
    point.id = row.id;
    if (parts.text) point.text = row.text;
    if (parts.payload) payload = ParsePayload(row.payload);
  });
  if (!found || !*found) return found;
  if (!payload) return Fail(std::move(payload.error()));
  point.payload = std::move(*payload);
  if (!parts.vectors) return true;
  size_t vectors = 0;
  for (size_t space = 0; space < row_.spec.spaces.size(); ++space) {
    auto read = reader.ReadVector(seq, space, [&](std::span<const float> vector) {
      point.vectors[row_.spec.spaces[space].name].assign(vector.begin(), vector.end());
      ++vectors;
    });
    if (!read) return Fail(std::move(read.error()));
  }
  // A point that was replaced meanwhile has lost its vectors; one that never had any has not.
  if (vectors > 0) return true;
  return reader.ReadPoint(seq, [](const PointRow&) {});
}

Result<Bitmap> OpenCollection::Filtered(const View& view, const Filter& filter) {
  Bitmap rows(view.rows, true);
  if (view.dead) rows.AndNot(*view.dead);
  if (filter.empty()) return rows;
  auto reader = files_->Borrow();
  if (!reader) return Fail(std::move(reader.error()));
  Bitmap matching(view.rows);
  Result<void> failed;
  rows.ForEach([&](size_t bit) {
    const auto row = static_cast<uint32_t>(bit);
    if (!failed) return;
    const auto found = (*reader)->ReadPoint(view.SeqOf(row), [&](const PointRow& point) {
      const auto payload = ParsePayload(point.payload);
      if (!payload) {
        failed = Fail(payload.error());
        return;
      }
      const auto has_vector = [&](std::string_view name) {
        const auto space = FindSpace(row_.spec.spaces, name);
        return space && view.HasVector(row, *space);
      };
      if (Matches(filter, {point.id, point.text, &*payload, has_vector})) matching.Set(row);
    });
    if (!found) failed = Fail(found.error());
  });
  if (!failed) return Fail(std::move(failed.error()));
  return matching;
}

Result<std::optional<Bitmap>> OpenCollection::Eligible(const View& view, const Filter& filter,
                                                       std::optional<size_t> space) {
  const Bitmap* absent = space ? view.spaces[*space].absent.get() : nullptr;
  if (filter.empty() && view.dead == nullptr && absent == nullptr) return std::nullopt;
  auto rows = Filtered(view, filter);
  if (!rows) return Fail(std::move(rows.error()));
  if (absent) rows->AndNot(*absent);
  return std::move(*rows);
}

Result<std::vector<Hit>> OpenCollection::Query(const vectors::Query& query) {
  if (auto ok = CheckQuery(row_.spec.spaces, query); !ok) return Fail(std::move(ok.error()));
  const auto space = FindSpace(row_.spec.spaces, query.space);
  if (!space) return Fail(space.error());
  // A writer may replace a hit between finding and reading it. Then the search runs again on what
  // is there now; under so many writes that this keeps happening the point is read as it is now.
  constexpr int kTries = 4;
  for (int i = 1;; ++i) {
    auto hits = QueryOnce(query, *space, /*settle=*/i == kTries);
    if (!hits) return Fail(std::move(hits.error()));
    if (*hits) return std::move(**hits);
  }
}

Result<std::optional<std::vector<Hit>>> OpenCollection::QueryOnce(const vectors::Query& query,
                                                                  size_t space, bool settle) {
  const auto view = Look();
  if (!view) return Fail(view.error());
  const Metric metric = row_.spec.spaces[space].metric;
  auto eligible = Eligible(**view, query.filter, space);
  if (!eligible) return Fail(std::move(eligible.error()));
  std::vector<float> prepared(Padded(query.vector.size()));
  Prepare(metric, query.vector, prepared.data());
  const auto nearest = SearchExactly(**view, space, metric, prepared.data(), prepared.size(),
                                     *eligible, query.offset + query.k);
  auto reader = files_->Borrow();
  if (!reader) return Fail(std::move(reader.error()));
  std::vector<Hit> hits;
  for (size_t i = query.offset; i < nearest.size(); ++i) {
    Hit hit;
    hit.score = ScoreOf(metric, nearest[i].distance);
    if (query.score_limit && !IsWithin(metric, hit.score, *query.score_limit)) break;
    const uint32_t row = nearest[i].row;
    hit.point.id = (*view)->IdOf(row);
    if (query.parts.any()) {
      const auto filled = Fill(*reader->operator->(), (*view)->SeqOf(row), query.parts, hit.point);
      if (!filled) return Fail(filled.error());
      if (!*filled && !settle) return std::nullopt;
      if (!*filled) {
        auto now = Get(std::array{hit.point.id}, query.parts);
        if (!now) return Fail(std::move(now.error()));
        if (now->empty()) continue;  // deleted, not replaced
        hit.point = std::move(now->front());
      }
    }
    hits.push_back(std::move(hit));
  }
  return hits;
}

Result<Page> OpenCollection::Scroll(const ScrollQuery& query) {
  if (auto ok = CheckScroll(row_.spec.spaces, query); !ok) return Fail(std::move(ok.error()));
  const auto view = Look();
  if (!view) return Fail(view.error());
  return ScrollIn(**view, query);
}

Result<Page> OpenCollection::ScrollIn(const View& view, const ScrollQuery& query) {
  auto eligible = Eligible(view, query.filter, std::nullopt);
  if (!eligible) return Fail(std::move(eligible.error()));
  auto reader = files_->Borrow();
  if (!reader) return Fail(std::move(reader.error()));
  // One more than asked for says whether there is a next page.
  std::vector<int64_t> seqs;
  std::string last;
  bool more = false;
  auto walked = (*reader)->WalkIds(row_.id, query.after, [&](int64_t seq, std::string_view id) {
    const uint32_t row = view.FindSeq(seq);
    if (row == view.rows || (*eligible && !(*eligible)->Test(row))) return true;
    if (seqs.size() == query.limit) {
      more = true;
      return false;
    }
    seqs.push_back(seq);
    last = id;
    return true;
  });
  if (!walked) return Fail(std::move(walked.error()));
  Page page;
  for (const int64_t seq : seqs) {
    Point point;
    const auto filled = Fill(*reader->operator->(), seq, query.parts, point);
    if (!filled) return Fail(filled.error());
    if (*filled) page.points.push_back(std::move(point));
  }
  if (more) page.next = last;
  return page;
}

Result<int64_t> OpenCollection::Count(const Filter& filter) {
  if (auto ok = CheckFilter(row_.spec.spaces, filter); !ok) return Fail(std::move(ok.error()));
  const auto view = Look();
  if (!view) return Fail(view.error());
  if (filter.empty()) return (*view)->live;
  auto rows = Filtered(**view, filter);
  if (!rows) return Fail(std::move(rows.error()));
  return static_cast<int64_t>(rows->Count());
}

}  // namespace weir::vectors

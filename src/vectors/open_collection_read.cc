// The half of OpenCollection that reads.
#include <algorithm>
#include <array>

#include "base/check.h"
#include "vectors/distance.h"
#include "vectors/filter_bits.h"
#include "vectors/filter_match.h"
#include "vectors/fusion.h"
#include "vectors/input_check.h"
#include "vectors/like_search.h"
#include "vectors/multi_search.h"
#include "vectors/open_collection.h"
#include "vectors/space_search.h"
#include "vectors/stored_payload.h"
#include "vectors/stored_vector.h"

namespace weir::vectors {

Result<OpenCollection::Picture> OpenCollection::LookAtAll() {
  {
    const MutexLock lock(showing_);
    if (shown_.view) return shown_;
  }
  // The first use; the only time that a search waits for a writer.
  const MutexLock lock(files_->writing);
  if (auto loaded = Load(); !loaded) return Fail(std::move(loaded.error()));
  const MutexLock showing(showing_);
  return shown_;
}

Result<std::shared_ptr<const View>> OpenCollection::Look() {
  auto picture = LookAtAll();
  if (!picture) return Fail(std::move(picture.error()));
  return std::move(picture->view);
}

Result<std::vector<Point>> OpenCollection::Get(std::span<const std::string> ids, Parts parts) {
  if (auto ok = CheckIds(ids); !ok) return Fail(std::move(ok.error()));
  if (dropped_) return Gone();
  auto reader = files_->Borrow();
  if (!reader) return Fail(std::move(reader.error()));
  std::vector<Point> points;
  for (const std::string& id : ids) {
    // An upsert between the two reads gives the point a new seq: look again.
    for (bool again = true; again;) {
      const auto place = (*reader)->PlaceOf(row_.id, id);
      if (!place) return Fail(place.error());
      if (!*place || HasExpired((*place)->expires, Now())) break;
      Point point;
      const auto filled = Fill(*reader->operator->(), (*place)->seq, parts, point);
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
  const auto vectors = ReadVectors(reader, seq, row_, point);
  if (!vectors) return Fail(vectors.error());
  // A point that was replaced meanwhile has lost its vectors; one that never had any has not.
  if (*vectors > 0) return true;
  return reader.ReadPoint(seq, [](const PointRow&) {});
}

Result<Bitmap> OpenCollection::Filtered(const View& view, const Filter& filter, Expiry now) {
  Bitmap rows(view.rows, true);
  if (view.dead) rows.AndNot(*view.dead);
  if (const auto expired = view.Expired(now)) rows.AndNot(*expired);
  if (filter.empty()) return rows;
  auto reader = files_->Borrow();
  if (!reader) return Fail(std::move(reader.error()));
  Result<void> failed;
  FilterBits bits = Evaluate(view, row_.spec.spaces, filter, [&](std::string_view id) -> uint32_t {
    const auto place = (*reader)->PlaceOf(row_.id, id);
    if (!place) failed = Fail(place.error());
    return place && *place ? view.FindSeq((*place)->seq) : view.rows;
  });
  bits.yes.And(rows);
  bits.maybe.And(rows);
  bits.maybe.ForEach([&](size_t row) {
    if (!failed) return;
    const auto matches = LookAt(*reader->operator->(), view, static_cast<uint32_t>(row), filter);
    if (!matches) {
      failed = Fail(matches.error());
    } else if (*matches) {
      bits.yes.Set(row);
    }
  });
  if (!failed) return Fail(std::move(failed.error()));
  return std::move(bits.yes);
}

// A point that is gone by now matches nothing.
Result<bool> OpenCollection::LookAt(RowReader& reader, const View& view, uint32_t row,
                                    const Filter& filter) {
  Result<bool> matches = false;
  const auto found = reader.ReadPoint(view.SeqOf(row), [&](const PointRow& point) {
    const auto payload = ParsePayload(point.payload);
    if (!payload) {
      matches = Fail(payload.error());
      return;
    }
    const auto has_vector = [&](std::string_view name) {
      const auto space = FindSpace(row_.spec.spaces, name);
      return space && view.HasVector(row, *space);
    };
    std::optional<Error> failed;
    matches = Matches(filter, {point.id, point.text, &*payload, has_vector, &failed});
    if (failed) matches = Fail(std::move(*failed));
  });
  return found ? matches : found;
}

Result<std::optional<Bitmap>> OpenCollection::Eligible(const View& view, const Filter& filter) {
  const Expiry now = Now();
  if (filter.empty() && view.dead == nullptr && now < view.next_expiry) return std::nullopt;
  auto rows = Filtered(view, filter, now);
  if (!rows) return Fail(std::move(rows.error()));
  return std::move(*rows);
}

Result<std::vector<Hit>> OpenCollection::Query(const vectors::Query& query) {
  if (auto ok = CheckQuery(row_.spec.spaces, query); !ok) return Fail(std::move(ok.error()));
  // A writer may replace a hit between finding and reading it. Then the search runs again on what
  // is there now; under so many writes that this keeps happening the point is read as it is now.
  constexpr int kTries = 4;
  for (int i = 1;; ++i) {
    auto hits = QueryOnce(query, /*settle=*/i == kTries);
    if (!hits) return Fail(std::move(hits.error()));
    if (*hits) return std::move(**hits);
  }
}

std::vector<Candidate> OpenCollection::FindByVector(const Picture& picture,
                                                    const vectors::Query& query,
                                                    const std::optional<Bitmap>& eligible,
                                                    size_t count) {
  const View& view = *picture.view;
  const auto space = FindSpace(row_.spec.spaces, query.space);
  CHECK(space, "the query was checked");
  const Bitmap* rows = eligible ? &*eligible : nullptr;
  std::optional<Bitmap> there;
  if (view.spaces[*space].absent != nullptr || query.likeness) {
    there = RowsThere(view, *space, eligible);
    rows = &*there;
  }
  const Space& of = row_.spec.spaces[*space];
  if (query.likeness) return SearchLike(view.spaces[*space], of, *query.likeness, *rows, count);
  if (of.multi) {
    const std::span one(&query.vector, 1);
    return SearchMulti(view.spaces[*space],
                       MultiTarget(of, query.multi.empty() ? one : query.multi), rows, view.rows,
                       count);
  }
  const SpaceSearch search{.space = view.spaces[*space],
                           .rows = view.rows,
                           .graph = (*picture.graphs)[*space].graph.get(),
                           .eligible = rows,
                           .count = count,
                           .width = query.width,
                           .usual_width = (*picture.graphs)[*space].usual_width,
                           .search = query.search};
  return FindNearest(search, Target(of, query.vector), costs_[*space]);
}

// Rows that are dead and rows whose points have ended, so that neither counts in how rare a word
// is. Nothing where no point has ended: the dead ones alone are meant then.
std::optional<Bitmap> OpenCollection::GoneFrom(const View& view) const {
  auto gone = view.Expired(Now());
  if (gone && view.dead) gone->Or(*view.dead);
  return gone;
}

std::vector<Candidate> OpenCollection::FindSparse(const View& view, const vectors::Query& query,
                                                  const std::optional<Bitmap>& eligible,
                                                  size_t count) {
  const size_t space = *FindSpace(row_.spec.spaces, query.space);
  const SpaceView& rows = view.spaces[space];
  const auto gone = GoneFrom(view);
  SparseAmong among{.dead = gone ? &*gone : view.dead.get(),
                    .eligible = eligible ? &*eligible : nullptr};
  among.idf = row_.spec.spaces[space].idf;
  if (among.idf) {
    Bitmap live(view.rows, true);
    if (among.dead != nullptr) live.AndNot(*among.dead);
    if (rows.absent) live.AndNot(*rows.absent);
    among.live = static_cast<uint32_t>(live.Count());
  }
  if (query.likeness) {
    const Bitmap there = RowsThere(view, space, eligible);
    return SearchLikeSparse(rows.sparse, *query.likeness, among, there, count);
  }
  return SearchSparse(rows.sparse, query.sparse, among, count);
}

// The eligible rows that have a vector in the space.
Bitmap OpenCollection::RowsThere(const View& view, size_t space,
                                 const std::optional<Bitmap>& eligible) {
  Bitmap there = eligible ? *eligible : Bitmap(view.rows, true);
  if (const auto& absent = view.spaces[space].absent) there.AndNot(*absent);
  return there;
}

// The best `count`, as distances of `metric`.
Result<std::vector<Candidate>> OpenCollection::Find(const Picture& picture,
                                                    const vectors::Query& query, size_t count) {
  const auto eligible = Eligible(*picture.view, query.filter);
  if (!eligible) return Fail(eligible.error());
  const View& view = *picture.view;
  if (IsSparse(query)) return FindSparse(view, query, *eligible, count);
  if (query.text.empty()) return FindByVector(picture, query, *eligible, count);
  const auto by_words = [&](size_t wanted) {
    const Bitmap* const among = *eligible ? &**eligible : nullptr;
    auto gone = GoneFrom(view);
    if (!gone) return SearchWords(view.words, query.text, view.dead.get(), among, wanted);
    WordView words = view.words;
    auto ended = *gone;
    if (view.dead) ended.AndNot(*view.dead);
    words.LeaveOut(ended);
    return SearchWords(words, query.text, &*gone, among, wanted);
  };
  if (!query.HasDense()) return by_words(count);
  // Deep enough that what is good in both lists is in both.
  constexpr size_t kDepthLeast = 60;
  const size_t depth = std::max(kDepthLeast, 2 * count);
  return Fuse(query.blend, FindByVector(picture, query, *eligible, depth), by_words(depth), count);
}

Result<std::optional<std::vector<Hit>>> OpenCollection::QueryOnce(const vectors::Query& query,
                                                                  bool settle) {
  const auto picture = LookAtAll();
  if (!picture) return Fail(picture.error());
  const View& view = *picture->view;
  // Scores of words, of blends and by examples are the larger the better, like inner products.
  Metric metric = Metric::kDot;
  if (query.text.empty() && !query.likeness) {
    metric = row_.spec.spaces[*FindSpace(row_.spec.spaces, query.space)].metric;
  }
  const auto found = Find(*picture, query, query.offset + query.k);
  if (!found) return Fail(found.error());
  const auto& nearest = *found;
  auto reader = files_->Borrow();
  if (!reader) return Fail(std::move(reader.error()));
  std::vector<Hit> hits;
  for (size_t i = query.offset; i < nearest.size(); ++i) {
    Hit hit;
    hit.score = ScoreOf(metric, nearest[i].distance);
    if (query.score_limit && !IsWithin(metric, hit.score, *query.score_limit)) break;
    const uint32_t row = nearest[i].row;
    hit.point.id = view.IdOf(row);
    if (query.parts.any()) {
      const auto filled = Fill(*reader->operator->(), view.SeqOf(row), query.parts, hit.point);
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
  auto eligible = Eligible(view, query.filter);
  if (!eligible) return Fail(std::move(eligible.error()));
  auto reader = files_->Borrow();
  if (!reader) return Fail(std::move(reader.error()));
  // One more than asked for says whether there is a next page.
  std::vector<int64_t> seqs;
  std::string last;
  bool more = false;
  const std::string& from = std::max(query.after, query.from);
  auto walked = (*reader)->WalkIds(row_.id, from, [&](int64_t seq, std::string_view id) {
    if (!query.after.empty() && id == query.after) return true;
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
  const Expiry now = Now();
  if (filter.empty() && now < (*view)->next_expiry) return (*view)->live;
  auto rows = Filtered(**view, filter, now);
  if (!rows) return Fail(std::move(rows.error()));
  return static_cast<int64_t>(rows->Count());
}

}  // namespace weir::vectors

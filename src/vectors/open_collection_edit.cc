// The part of OpenCollection that reads, changes and writes in one step.
#include <unordered_map>

#include "vectors/input_check.h"
#include "vectors/open_collection.h"
#include "vectors/stored_payload.h"
#include "vectors/stored_vector.h"

namespace weir::vectors {

Result<int64_t> OpenCollection::Edit(std::span<const std::string> ids,
                                     const Collection::EditPoint& edit) {
  if (auto ok = CheckIds(ids); !ok) return Fail(std::move(ok.error()));
  const MutexLock lock(files_->writing);
  return EditLocked(ids, 0, Now(), edit);
}

Result<int64_t> OpenCollection::Edit(const Filter& filter, const Collection::EditPoint& edit) {
  if (auto ok = CheckFilter(row_.spec.spaces, filter); !ok) return Fail(std::move(ok.error()));
  const MutexLock lock(files_->writing);
  if (auto loaded = Load(); !loaded) return Fail(std::move(loaded.error()));
  // One moment for finding and reading: what was found is there when it is read.
  const Expiry now = Now();
  std::vector<std::string> ids;
  {
    const auto view = builder_->Look();
    auto rows = Filtered(*view, filter, now);
    if (!rows) return Fail(std::move(rows.error()));
    rows->ForEach([&](size_t row) { ids.emplace_back(view->IdOf(static_cast<uint32_t>(row))); });
  }
  int64_t written = 0;
  for (size_t first = 0; first < ids.size(); first += Collection::kEditPoints) {
    const size_t count = std::min(Collection::kEditPoints, ids.size() - first);
    auto edited = EditLocked(std::span(ids).subspan(first, count), first, now, edit);
    if (!edited) return edited;
    written += *edited;
  }
  return written;
}

Result<int64_t> OpenCollection::EditLocked(std::span<const std::string> ids, size_t first,
                                           Expiry now, const Collection::EditPoint& edit) {
  if (auto loaded = Load(); !loaded) return Fail(std::move(loaded.error()));
  std::vector<Point> points;
  std::unordered_map<std::string_view, size_t> edited;  // an id may come twice
  for (size_t i = 0; i < ids.size(); ++i) {
    const auto before = edited.find(ids[i]);
    Point point{.id = ids[i]};
    bool there = true;
    if (before != edited.end()) {
      point = points[before->second];
    } else {
      auto read = ReadLocked(ids[i], now);
      if (!read) return Fail(std::move(read.error()));
      there = read->has_value();
      if (there) point = std::move(**read);
    }
    const auto write = edit(first + i, there, point);
    if (!write) return Fail(write.error());
    if (!*write) continue;
    point.id = ids[i];
    if (before != edited.end()) {
      points[before->second] = std::move(point);
    } else {
      edited[ids[i]] = points.size();
      points.push_back(std::move(point));
    }
  }
  if (points.empty()) return 0;
  if (auto ok = CheckPoints(row_.spec.spaces, points); !ok) return Fail(std::move(ok.error()));
  if (auto written = UpsertLocked(points); !written) return Fail(std::move(written.error()));
  return static_cast<int64_t>(points.size());
}

Result<std::optional<Point>> OpenCollection::ReadLocked(const std::string& id, Expiry now) {
  const auto place = files_->rows.PlaceOf(row_.id, id);
  if (!place) return Fail(place.error());
  if (!*place || HasExpired((*place)->expires, now)) return std::nullopt;
  const int64_t seq = (*place)->seq;
  Point point{.id = id};
  Result<json::Value> payload;
  auto found = files_->rows.ReadPoint(seq, [&](const PointRow& row) {
    point.text = row.text;
    payload = ParsePayload(row.payload);
  });
  if (!found) return Fail(std::move(found.error()));
  if (!payload) return Fail(std::move(payload.error()));
  point.payload = std::move(*payload);
  auto read = ReadVectors(files_->rows, seq, row_, point);
  if (!read) return Fail(std::move(read.error()));
  return point;
}

}  // namespace weir::vectors

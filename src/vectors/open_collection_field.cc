// The part of OpenCollection that answers from the values of one field.
#include <algorithm>
#include <map>
#include <random>

#include "base/random.h"
#include "vectors/filter_match.h"
#include "vectors/input_check.h"
#include "vectors/open_collection.h"
#include "vectors/stored_payload.h"

namespace weir::vectors {
namespace {

// A row and the value that gives it its place.
struct Placed {
  double key;
  int64_t exact;  // of whole numbers and times, where a double cannot tell neighbours apart
  uint32_t row;
  bool whole;
};

// Where a value stands, if it is one to order by.
std::optional<Placed> PlaceOfValue(const json::Value& value, bool times, uint32_t row) {
  if (times) {
    const auto time = value.AsString() != nullptr ? ParseTime(*value.AsString()) : std::nullopt;
    if (!time) return std::nullopt;
    const int64_t micros = time->time_since_epoch().count();
    return Placed{static_cast<double>(micros), micros, row, true};
  }
  if (const int64_t* i = value.AsInt()) return Placed{static_cast<double>(*i), *i, row, true};
  if (const uint64_t* u = value.AsUint()) return Placed{static_cast<double>(*u), 0, row, false};
  if (const double* d = value.AsDouble()) return Placed{*d, 0, row, false};
  return std::nullopt;
}

// Whether the value lies on the far side of where the order is to begin.
bool IsBefore(const Placed& placed, const OrderQuery& query) {
  std::optional<double> from = query.from;
  if (query.times && query.from_time) {
    from = static_cast<double>(query.from_time->time_since_epoch().count());
  }
  return from && (query.descending ? placed.key > *from : placed.key < *from);
}

}  // namespace

Result<void> OpenCollection::LookAtUnsure(
    const View& view, const Bitmap& rows, std::string_view path,
    const std::function<void(uint32_t, const json::Value&)>& visit) {
  auto reader = files_->Borrow();
  if (!reader) return Fail(std::move(reader.error()));
  const std::string plain = PlainPath(path);
  uint32_t first = 0;
  for (const auto& block : view.payloads) {
    std::vector<uint16_t> unsure = block->unsure();
    if (const auto* field = block->Find(plain); field != nullptr) {
      unsure.insert(unsure.end(), field->unsure.begin(), field->unsure.end());
    }
    std::ranges::sort(unsure);
    unsure.erase(std::unique(unsure.begin(), unsure.end()), unsure.end());
    for (const uint16_t row : unsure) {
      if (!rows.Test(first + row)) continue;
      Result<json::Value> payload;
      const auto found = (*reader)->ReadPoint(view.SeqOf(first + row), [&](const PointRow& point) {
        payload = ParsePayload(point.payload);
      });
      if (!found) return Fail(found.error());
      if (!payload) return Fail(std::move(payload.error()));
      ForEachAt(*payload, path, [&](const json::Value& value) { visit(first + row, value); });
    }
    first += static_cast<uint32_t>(block->rows());
  }
  return {};
}

Result<std::vector<OrderedPoint>> OpenCollection::Order(const OrderQuery& query) {
  if (auto ok = CheckOrder(row_.spec.spaces, query); !ok) return Fail(std::move(ok.error()));
  const auto view = Look();
  if (!view) return Fail(view.error());
  const auto rows = Filtered(**view, query.filter, Now());
  if (!rows) return Fail(rows.error());
  std::vector<Placed> placed;
  const auto add = [&](const Placed& one) {
    if (rows->Test(one.row) && !IsBefore(one, query)) placed.push_back(one);
  };
  uint32_t first = 0;
  for (const auto& block : (*view)->payloads) {
    if (const auto* field = block->Find(PlainPath(query.path)); field != nullptr && query.times) {
      field->times.ForEach([&](int64_t micros, uint16_t row) {
        add({static_cast<double>(micros), micros, first + row, true});
      });
    } else if (field != nullptr) {
      field->numbers.ForEach([&](const Number& number, uint16_t row) {
        add({number.value, number.exact, first + row, number.is_int});
      });
    }
    first += static_cast<uint32_t>(block->rows());
  }
  // What is too long to be indexed is no number and no time; whole payloads may be unsure.
  auto looked =
      LookAtUnsure(**view, *rows, query.path, [&](uint32_t row, const json::Value& value) {
        if (const auto one = PlaceOfValue(value, query.times, row)) add(*one);
      });
  if (!looked) return Fail(std::move(looked.error()));
  std::ranges::sort(placed, [&](const Placed& a, const Placed& b) {
    if (a.key != b.key) return query.descending ? a.key > b.key : a.key < b.key;
    if (a.exact != b.exact) return query.descending ? a.exact > b.exact : a.exact < b.exact;
    return a.row < b.row;
  });
  auto reader = files_->Borrow();
  if (!reader) return Fail(std::move(reader.error()));
  std::vector<OrderedPoint> points;
  Bitmap taken((*view)->rows);
  for (const Placed& one : placed) {
    if (points.size() == query.limit) break;
    if (taken.Test(one.row)) continue;
    taken.Set(one.row);
    OrderedPoint ordered;
    const auto filled =
        Fill(*reader->operator->(), (*view)->SeqOf(one.row), query.parts, ordered.point);
    if (!filled) return Fail(filled.error());
    if (!*filled) continue;
    if (query.times) {
      ordered.value = WallTime(std::chrono::microseconds(one.exact));
    } else if (one.whole) {
      ordered.value = one.exact;
    } else {
      ordered.value = one.key;
    }
    points.push_back(std::move(ordered));
  }
  return points;
}

Result<std::vector<FacetHit>> OpenCollection::Facet(const FacetQuery& query) {
  if (auto ok = CheckFacet(row_.spec.spaces, query); !ok) return Fail(std::move(ok.error()));
  const auto view = Look();
  if (!view) return Fail(view.error());
  const auto rows = Filtered(**view, query.filter, Now());
  if (!rows) return Fail(rows.error());
  std::map<Scalar, int64_t> counts;
  uint32_t first = 0;
  for (const auto& block : (*view)->payloads) {
    const auto* field = block->Find(PlainPath(query.path));
    const auto add = [&](const auto& postings, auto scalar) {
      for (size_t i = 0; i < postings.values().size(); ++i) {
        int64_t count = 0;
        postings.ForEachRow(i, i + 1, [&](uint16_t row) { count += rows->Test(first + row); });
        if (count > 0) scalar(postings.values()[i], count);
      }
    };
    if (field != nullptr) {
      add(field->strings, [&](const std::string& value, int64_t count) { counts[value] += count; });
      add(field->bools, [&](bool value, int64_t count) { counts[value] += count; });
      add(field->numbers, [&](const Number& value, int64_t count) {
        if (value.is_int) counts[value.exact] += count;
      });
    }
    first += static_cast<uint32_t>(block->rows());
  }
  // A row that is unsure for one long string was counted for its short ones.
  uint32_t last_row = (*view)->rows;
  std::map<Scalar, bool> seen;
  const auto block_unsure = [&](uint32_t row) {
    uint32_t begin = 0;
    for (const auto& block : (*view)->payloads) {
      if (row < begin + block->rows()) {
        return std::ranges::binary_search(block->unsure(), static_cast<uint16_t>(row - begin));
      }
      begin += static_cast<uint32_t>(block->rows());
    }
    return false;
  };
  auto looked =
      LookAtUnsure(**view, *rows, query.path, [&](uint32_t row, const json::Value& value) {
        if (row != last_row) seen.clear();
        last_row = row;
        std::optional<Scalar> scalar;
        if (const std::string* s = value.AsString()) scalar = *s;
        if (const int64_t* i = value.AsInt()) scalar = *i;
        if (const bool* b = value.AsBool()) scalar = *b;
        if (!scalar || seen[*scalar]) return;
        seen[*scalar] = true;
        const std::string* s = std::get_if<std::string>(&*scalar);
        const bool indexed = s == nullptr || s->size() <= kIndexedBytes;
        if (!indexed || block_unsure(row)) ++counts[*scalar];
      });
  if (!looked) return Fail(std::move(looked.error()));
  std::vector<FacetHit> hits;
  for (auto& [value, count] : counts) hits.push_back({value, count});
  std::sort(hits.begin(), hits.end(), [](const FacetHit& a, const FacetHit& b) {
    return a.count != b.count ? a.count > b.count : a.value < b.value;
  });
  if (hits.size() > query.limit) hits.resize(query.limit);
  return hits;
}

Result<std::vector<std::string>> OpenCollection::Sample(const Filter& filter, size_t count) {
  if (auto ok = CheckFilter(row_.spec.spaces, filter); !ok) return Fail(std::move(ok.error()));
  const auto view = Look();
  if (!view) return Fail(view.error());
  const auto rows = Filtered(**view, filter, Now());
  if (!rows) return Fail(rows.error());
  std::vector<uint32_t> all;
  rows->ForEach([&](size_t row) { all.push_back(static_cast<uint32_t>(row)); });
  uint64_t seed = 0;
  FillRandom(std::as_writable_bytes(std::span(&seed, 1)));
  std::mt19937_64 random(seed);
  std::vector<std::string> ids;
  for (size_t i = 0; i < std::min(count, all.size()); ++i) {
    std::swap(all[i], all[std::uniform_int_distribution<size_t>(i, all.size() - 1)(random)]);
    ids.emplace_back((*view)->IdOf(all[i]));
  }
  return ids;
}

}  // namespace weir::vectors

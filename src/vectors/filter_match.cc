#include "vectors/filter_match.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/overloaded.h"
#include "vectors/words.h"

namespace weir::vectors {
namespace {

using json::Value;

// Calls use(value) for each value that `path` reaches from `value`, elements of arrays one by one.
// True as soon as one use is.
template <class Use>
bool AnyAt(const Value& value, std::string_view path, const Use& use) {
  if (const json::Array* array = value.AsArray()) {
    return std::ranges::any_of(*array, [&](const Value& v) { return AnyAt(v, path, use); });
  }
  if (path.empty()) return use(value);
  const size_t dot = path.find('.');
  std::string_view name = path.substr(0, dot);
  while (name.ends_with("[]")) name.remove_suffix(2);
  const Value* member = value.Find(name);
  if (member == nullptr) return false;
  return AnyAt(*member, dot == std::string_view::npos ? "" : path.substr(dot + 1), use);
}

// The same, but an array at the path's end is given as a whole.
template <class Use>
bool AnyWholeAt(const Value& value, std::string_view path, const Use& use) {
  if (path.empty()) return use(value);
  if (const json::Array* array = value.AsArray()) {
    return std::ranges::any_of(*array, [&](const Value& v) { return AnyWholeAt(v, path, use); });
  }
  const size_t dot = path.find('.');
  std::string_view name = path.substr(0, dot);
  while (name.ends_with("[]")) name.remove_suffix(2);
  const Value* member = value.Find(name);
  if (member == nullptr) return false;
  return AnyWholeAt(*member, dot == std::string_view::npos ? "" : path.substr(dot + 1), use);
}

std::optional<double> NumberOf(const Value& value) {
  if (const int64_t* i = value.AsInt()) return static_cast<double>(*i);
  if (const uint64_t* u = value.AsUint()) return static_cast<double>(*u);
  if (const double* d = value.AsDouble()) return *d;
  return std::nullopt;
}

bool Equals(const Value& value, const Scalar& scalar) {
  return std::visit(Overloaded{
                        [&](bool b) { return value.AsBool() && *value.AsBool() == b; },
                        [&](int64_t i) {
                          if (const int64_t* v = value.AsInt()) return *v == i;
                          const auto number = NumberOf(value);
                          return number && *number == static_cast<double>(i);
                        },
                        [&](double d) {
                          const auto number = NumberOf(value);
                          return number && *number == d;
                        },
                        [&](const std::string& s) {
                          return value.AsString() != nullptr && *value.AsString() == s;
                        },
                    },
                    scalar);
}

bool IsScalar(const Value& value) {
  return value.type() != json::Type::kNull && value.type() != json::Type::kObject;
}

template <class Number, class Bounds>
bool IsInside(Number number, const Bounds& bounds) {
  return (!bounds.gt || number > *bounds.gt) && (!bounds.gte || number >= *bounds.gte) &&
         (!bounds.lt || number < *bounds.lt) && (!bounds.lte || number <= *bounds.lte);
}

// How many values are at the path; an absent field has none.
int64_t CountAt(const Value& payload, std::string_view path) {
  int64_t count = 0;
  AnyWholeAt(payload, path, [&](const Value& value) {
    if (const json::Array* array = value.AsArray()) {
      count += static_cast<int64_t>(array->size());
    } else {
      count += value.is_null() ? 0 : 1;
    }
    return false;
  });
  return count;
}

bool HoldsAt(const Value& payload, std::string_view path, std::string_view part) {
  return AnyAt(payload, path, [&](const Value& value) {
    return value.AsString() != nullptr && value.AsString()->find(part) != std::string::npos;
  });
}

double MetresBetween(const GeoPoint& a, const GeoPoint& b) {
  constexpr double kEarthRadiusM = 6'371'008.8;  // the mean one
  constexpr double kRadians = std::numbers::pi / 180;
  const double x = std::sin((b.lon - a.lon) * kRadians / 2);
  const double y = std::sin((b.lat - a.lat) * kRadians / 2);
  const double h = y * y + std::cos(a.lat * kRadians) * std::cos(b.lat * kRadians) * x * x;
  return 2 * kEarthRadiusM * std::asin(std::sqrt(std::min(1.0, h)));
}

// Counts how often a ray to the east crosses the ring.
bool IsInRing(const std::vector<GeoPoint>& ring, const GeoPoint& point) {
  bool inside = false;
  for (size_t i = 1; i < ring.size(); ++i) {
    const GeoPoint& p = ring[i - 1];
    const GeoPoint& q = ring[i];
    if ((p.lat > point.lat) == (q.lat > point.lat)) continue;
    const double lon = p.lon + (point.lat - p.lat) / (q.lat - p.lat) * (q.lon - p.lon);
    if (point.lon < lon) inside = !inside;
  }
  return inside;
}

bool IsIn(const Geo& geo, const GeoPoint& point) {
  switch (geo.shape) {
    case Geo::Shape::kBox: {
      if (point.lat > geo.a.lat || point.lat < geo.b.lat) return false;
      const bool east_of_west = point.lon >= geo.a.lon;
      const bool west_of_east = point.lon <= geo.b.lon;
      return geo.a.lon <= geo.b.lon ? east_of_west && west_of_east : east_of_west || west_of_east;
    }
    case Geo::Shape::kRadius:
      return MetresBetween(geo.a, point) <= geo.radius_m;
    case Geo::Shape::kPolygon:
      return IsInRing(geo.exterior, point) &&
             std::ranges::none_of(geo.interiors,
                                  [&](const auto& ring) { return IsInRing(ring, point); });
  }
  return false;
}

bool MatchesOne(const Condition& condition, const Facts& facts) {
  const Value& payload = *facts.payload;
  return std::visit(
      Overloaded{
          [&](const Match& match) {
            return AnyAt(payload, match.path, [&](const Value& value) {
              return std::ranges::any_of(match.any,
                                         [&](const Scalar& s) { return Equals(value, s); });
            });
          },
          [&](const Except& except) {
            return AnyAt(payload, except.path, [&](const Value& value) {
              return IsScalar(value) && std::ranges::none_of(except.none, [&](const Scalar& s) {
                       return Equals(value, s);
                     });
            });
          },
          [&](const Range& range) {
            return AnyAt(payload, range.path, [&](const Value& value) {
              const auto number = NumberOf(value);
              return number && IsInside(*number, range);
            });
          },
          [&](const TimeRange& range) {
            return AnyAt(payload, range.path, [&](const Value& value) {
              const auto time = value.AsString() ? ParseTime(*value.AsString()) : std::nullopt;
              return time && IsInside(*time, range);
            });
          },
          [&](const Geo& geo) {
            return AnyAt(payload, geo.path, [&](const Value& value) {
              const Value* lon = value.Find("lon");
              const Value* lat = value.Find("lat");
              if (lon == nullptr || lat == nullptr) return false;
              const auto x = NumberOf(*lon);
              const auto y = NumberOf(*lat);
              return x && y && IsIn(geo, {*x, *y});
            });
          },
          [&](const HasText& has) { return HoldsAt(payload, has.path, has.part); },
          [&](const HasWords& has) {
            const auto terms = TermsOf(has.words);
            return AnyAt(payload, has.path, [&](const Value& value) {
              return value.AsString() != nullptr && HasAllTerms(*value.AsString(), terms);
            });
          },
          [&](const IsEmpty& is) { return CountAt(payload, is.path) == 0; },
          [&](const IsNull& is) {
            return AnyAt(payload, is.path, [](const Value& value) { return value.is_null(); });
          },
          [&](const ValuesCount& count) { return IsInside(CountAt(payload, count.path), count); },
          [&](const HasId& has) {
            return std::ranges::any_of(has.ids, [&](const auto& id) { return id == facts.id; });
          },
          [&](const HasVector& has) { return facts.has_vector(has.space); },
          [&](const OwnTextHas& has) {
            return facts.text.find(has.part) != std::string_view::npos;
          },
          [&](const OwnTextPasses& passes) {
            const auto passed = passes.test(facts.text);
            if (!passed && facts.failed != nullptr) *facts.failed = passed.error();
            return passed.value_or(false);
          },
          [&](const Nested& nested) {
            return AnyAt(payload, nested.path, [&](const Value& element) {
              Facts inner = facts;
              inner.payload = &element;
              return Matches(nested.filter, inner);
            });
          },
          [&](const Filter& filter) { return Matches(filter, facts); },
      },
      condition.what);
}

// Reads exactly `digits` digits off the front.
std::optional<int> TakeNumber(std::string_view& text, size_t digits) {
  if (text.size() < digits) return std::nullopt;
  int number = 0;
  for (const char c : text.substr(0, digits)) {
    if (c < '0' || c > '9') return std::nullopt;
    number = number * 10 + (c - '0');
  }
  text.remove_prefix(digits);
  return number;
}

bool Take(std::string_view& text, char c) {
  if (text.empty() || text.front() != c) return false;
  text.remove_prefix(1);
  return true;
}

using std::chrono::microseconds;

// "10:00:00.5" and the zone behind it, as time since midnight UTC.
std::optional<microseconds> ParseTimeOfDay(std::string_view text) {
  using namespace std::chrono;
  const auto hour = TakeNumber(text, 2);
  if (!hour || *hour > 23 || !Take(text, ':')) return std::nullopt;
  const auto minute = TakeNumber(text, 2);
  if (!minute || *minute > 59) return std::nullopt;
  microseconds time = hours(*hour) + minutes(*minute);
  if (Take(text, ':')) {
    const auto second = TakeNumber(text, 2);
    if (!second || *second > 60) return std::nullopt;
    time += seconds(*second);
    if (Take(text, '.')) {
      int64_t unit = 1'000'000;
      bool any = false;
      for (auto digit = TakeNumber(text, 1); digit; digit = TakeNumber(text, 1)) {
        any = true;
        unit /= 10;
        time += microseconds(*digit * unit);
      }
      if (!any) return std::nullopt;
    }
  }
  if (text.empty() || text == "Z" || text == "z") return time;
  const bool east = text.front() == '+';
  if (!east && text.front() != '-') return std::nullopt;
  text.remove_prefix(1);
  const auto zone_hour = TakeNumber(text, 2);
  if (!zone_hour || *zone_hour > 23) return std::nullopt;
  Take(text, ':');
  const auto zone_minute = TakeNumber(text, 2);
  if (!zone_minute || *zone_minute > 59 || !text.empty()) return std::nullopt;
  const microseconds zone = hours(*zone_hour) + minutes(*zone_minute);
  return east ? time - zone : time + zone;
}

}  // namespace

bool Matches(const Filter& filter, const Facts& facts) {
  const auto holds = [&](const Condition& condition) { return MatchesOne(condition, facts); };
  if (!std::ranges::all_of(filter.must, holds)) return false;
  if (std::ranges::any_of(filter.must_not, holds)) return false;
  return filter.should.empty() ||
         static_cast<size_t>(std::ranges::count_if(filter.should, holds)) >= filter.should_least;
}

void ForEachAt(const json::Value& payload, std::string_view path,
               const std::function<void(const json::Value&)>& visit) {
  AnyAt(payload, path, [&](const Value& value) {
    visit(value);
    return false;
  });
}

std::optional<WallTime> ParseTime(std::string_view text) {
  using namespace std::chrono;
  constexpr size_t kBytesMax = 64;
  if (text.size() > kBytesMax) return std::nullopt;
  const auto y = TakeNumber(text, 4);
  if (!y || !Take(text, '-')) return std::nullopt;
  const auto m = TakeNumber(text, 2);
  if (!m || !Take(text, '-')) return std::nullopt;
  const auto d = TakeNumber(text, 2);
  if (!d) return std::nullopt;
  const year_month_day date{year(*y), month(static_cast<unsigned>(*m)),
                            day(static_cast<unsigned>(*d))};
  if (!date.ok()) return std::nullopt;
  const WallTime midnight = sys_days(date);
  if (text.empty()) return midnight;
  if (!Take(text, 'T') && !Take(text, 't') && !Take(text, ' ')) return std::nullopt;
  const auto time = ParseTimeOfDay(text);
  return time ? std::optional(midnight + *time) : std::nullopt;
}

}  // namespace weir::vectors

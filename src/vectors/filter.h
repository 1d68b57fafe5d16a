// A filter says which points may be found, by their payload and id: plain values, put together by
// the caller or by a dialect.
//
//   Filter filter;
//   filter.must.push_back(Match{"city", {"Kiel", "Bremen"}});
//   filter.must_not.push_back(Range{.path = "price", .gt = 100});
//
// A path names a field of the payload, with dots into objects ("author.name"). Where it meets an
// array, a condition holds when it holds for any element, however deep; a "[]" after a name says
// the same and changes nothing. A point without the field matches no condition on it but IsEmpty
// (and whatever stands in must_not).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/variant.h"

namespace weir::vectors {

// Numbers are compared by value (3 is 3.0), all others only with their own kind.
using Scalar = Variant<bool, int64_t, double, std::string>;

// The field has one of these values.
struct Match {
  std::string path;
  std::vector<Scalar> any;
};
// The field has a value that is none of these.
struct Except {
  std::string path;
  std::vector<Scalar> none;
};
// The field is a number inside the bounds that are set.
struct Range {
  std::string path;
  std::optional<double> gt = {}, gte = {}, lt = {}, lte = {};
};
// The field is a text that reads as an RFC 3339 time ("2026-11-03T10:00:00Z", "2026-11-03") inside
// the bounds that are set.
struct TimeRange {
  std::string path;
  std::optional<WallTime> gt = {}, gte = {}, lt = {}, lte = {};
};
// The field is a text that has all words of this one, in any order; words as in words.h.
struct HasWords {
  std::string path;
  std::string words;
};
// The field is a text that holds this one, byte by byte.
struct HasText {
  std::string path;
  std::string part;
};
// The field is absent, null or an empty array.
struct IsEmpty {
  std::string path;
};
// The field is there and null.
struct IsNull {
  std::string path;
};
// So many values: the elements of an array, 1 for another value, 0 for null or absent.
struct ValuesCount {
  std::string path;
  std::optional<int64_t> gt = {}, gte = {}, lt = {}, lte = {};
};
struct HasId {
  std::vector<std::string> ids;
};
// The point has a vector in this space.
struct HasVector {
  std::string space;
};
struct GeoPoint {
  double lon = 0, lat = 0;  // degrees

  bool operator==(const GeoPoint&) const = default;
};
// The field is a place, {"lon": 10.1, "lat": 54.3}, inside a shape.
struct Geo {
  enum class Shape : uint8_t {
    kBox,      // between the corners `a`, north-west, and `b`, south-east; may cross 180 degrees
    kRadius,   // at most radius_m metres from `a`, along the globe
    kPolygon,  // inside the ring `exterior` and in none of the holes; straight lines in degrees
  };
  std::string path;
  Shape shape = Shape::kBox;
  GeoPoint a = {}, b = {};
  double radius_m = 0;
  std::vector<GeoPoint> exterior = {};  // at least 4, the last is the first
  std::vector<std::vector<GeoPoint>> interiors = {};
};
// The point's own text holds this one, byte by byte.
struct OwnTextHas {
  std::string part;
};
// The point's own text passes a test of the caller's, who may bring what the library lacks (regular
// expressions, say). Each text that nothing else rules out is read and tested, on the thread of the
// call; an Error of the test is the call's.
struct OwnTextPasses {
  std::function<Result<bool>(std::string_view text)> test;
};

struct Condition;

// All of `must`, none of `must_not`, and at least `should_least` of `should` (where there are any).
// Empty matches everything.
struct Filter {
  static constexpr size_t kDepthMax = 16;
  static constexpr size_t kConditionsMax = 4'096;  // with those of the filters inside
  static constexpr size_t kValuesMax = 65'536;     // values and ids of all conditions together

  std::vector<Condition> must;
  std::vector<Condition> should;
  std::vector<Condition> must_not;
  size_t should_least = 1;

  bool empty() const;
};

// One element of the array at `path` matches the whole filter, whose paths begin at that element.
struct Nested {
  std::string path;
  Filter filter;
};

struct Condition {
  std::variant<Match, Except, Range, TimeRange, HasWords, HasText, IsEmpty, IsNull, ValuesCount,
               HasId, HasVector, OwnTextHas, OwnTextPasses, Geo, Nested, Filter>
      what;

  template <class T>
  Condition(T condition) : what(std::move(condition)) {}  // NOLINT(google-explicit-constructor)
};

inline bool Filter::empty() const { return must.empty() && should.empty() && must_not.empty(); }

}  // namespace weir::vectors

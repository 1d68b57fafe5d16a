#include "vectors/filter_bits.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <variant>

#include "base/overloaded.h"
#include "vectors/input_check.h"
#include "vectors/words.h"

namespace weir::vectors {
namespace {

constexpr size_t kWords = kBlockRows / 64;
using Words = std::array<uint64_t, kWords>;

void Set(Words& words, uint16_t row) { words[row / 64] |= uint64_t{1} << (row % 64); }

// What is known about each row of a block. Never both yes and maybe.
struct Known {
  Words yes = {};
  Words maybe = {};

  void Or(const Known& other) {
    for (size_t i = 0; i < kWords; ++i) {
      yes[i] |= other.yes[i];
      maybe[i] = (maybe[i] | other.maybe[i]) & ~yes[i];
    }
  }
  void And(const Known& other) {
    for (size_t i = 0; i < kWords; ++i) {
      const uint64_t possible = (yes[i] | maybe[i]) & (other.yes[i] | other.maybe[i]);
      yes[i] &= other.yes[i];
      maybe[i] = possible & ~yes[i];
    }
  }
  void Not() {
    for (size_t i = 0; i < kWords; ++i) yes[i] = ~(yes[i] | maybe[i]);
  }
  // Whatever was possible is now not certain.
  void Doubt() {
    for (size_t i = 0; i < kWords; ++i) {
      maybe[i] |= yes[i];
      yes[i] = 0;
    }
  }
  static Known All() {
    Known known;
    known.yes.fill(~uint64_t{0});
    return known;
  }
};

class BlockFilter {
 public:
  BlockFilter(const View& view, std::span<const Space> spaces,
              const std::function<uint32_t(std::string_view)>& ids, const PayloadBlock& block,
              uint32_t first_row)
      : view_(view), spaces_(spaces), ids_(ids), block_(block), first_row_(first_row) {}

  Known Of(const Filter& filter, const std::string& prefix) const {
    Known known = Known::All();
    for (const Condition& condition : filter.must) known.And(Of(condition, prefix));
    for (const Condition& condition : filter.must_not) {
      Known excluded = Of(condition, prefix);
      excluded.Not();
      known.And(excluded);
    }
    if (!filter.should.empty()) known.And(AtLeast(filter, prefix));
    return known;
  }

 private:
  Known AtLeast(const Filter& filter, const std::string& prefix) const {
    if (filter.should_least == 0) return Known::All();
    if (filter.should_least > filter.should.size()) return {};
    // reached[n]: the rows that n + 1 of the conditions so far hold for.
    std::vector<Known> reached(filter.should_least);
    for (const Condition& condition : filter.should) {
      const Known holds = Of(condition, prefix);
      for (size_t n = filter.should_least; n-- > 0;) {
        Known step = holds;
        if (n > 0) step.And(reached[n - 1]);
        reached[n].Or(step);
      }
    }
    return reached.back();
  }

  Known Of(const Condition& condition, const std::string& prefix) const {
    return std::visit(
        Overloaded{
            [&](const Match& match) {
              return With(prefix, match.path, &BlockFilter::Matching, match);
            },
            [&](const Except& except) {
              return With(prefix, except.path, &BlockFilter::Excepting, except);
            },
            [&](const Range& range) {
              return With(prefix, range.path, &BlockFilter::Inside, range);
            },
            [&](const TimeRange& range) {
              return With(prefix, range.path, &BlockFilter::InTime, range);
            },
            [&](const Geo& geo) { return Near(geo, prefix); },
            [&](const HasText& has) { return With(prefix, has.path, &BlockFilter::Holding, has); },
            [&](const HasWords& has) {
              return With(prefix, has.path, &BlockFilter::HavingWords, has);
            },
            [&](const ValuesCount& count) {
              return With(prefix, count.path, &BlockFilter::Counting, count);
            },
            [&](const IsEmpty& is) {
              return With(prefix, is.path, &BlockFilter::Counting,
                          ValuesCount{.path = is.path, .lte = 0});
            },
            [&](const IsNull& is) { return With(prefix, is.path, &BlockFilter::Null, is); },
            [&](const HasId& has) { return WithIds(has); },
            [&](const HasVector& has) { return WithVector(has); },
            [&](const OwnTextHas&) { return Unknown(); },
            [&](const OwnTextPasses&) { return Unknown(); },
            [&](const Nested& nested) { return Inner(nested, prefix); },
            [&](const Filter& filter) { return Of(filter, prefix); },
        },
        condition.what);
  }

  static Known Unknown() {
    Known known = Known::All();
    known.Doubt();
    return known;
  }

  template <class Method, class What>
  Known With(const std::string& prefix, const std::string& path, Method method,
             const What& what) const {
    static const PayloadBlock::Field kNothing;
    const auto* field = block_.Find(PlainPath(prefix + path));
    Known known = (this->*method)(field != nullptr ? *field : kNothing, what);
    AddUnsure(known, block_.unsure());
    return known;
  }

  static void AddUnsure(Known& known, const std::vector<uint16_t>& rows) {
    for (const uint16_t row : rows) {
      const uint64_t bit = uint64_t{1} << (row % 64);
      // A row that is not indexed seems to hold nothing: what was concluded from that is taken
      // back.
      known.maybe[row / 64] |= bit;
      known.yes[row / 64] &= ~bit;
    }
  }
  static void AddUnsureUnlessYes(Known& known, const std::vector<uint16_t>& rows) {
    Known unsure;
    for (const uint16_t row : rows) Set(unsure.maybe, row);
    known.Or(unsure);
  }

  template <class T>
  static void AddRange(Known& known, const Postings<T>& postings, size_t from, size_t to) {
    postings.ForEachRow(from, to, [&](uint16_t row) { Set(known.yes, row); });
  }
  template <class T, class U, class Less>
  static size_t LowerBound(const Postings<T>& postings, const U& value, Less less) {
    const auto& values = postings.values();
    return static_cast<size_t>(std::lower_bound(values.begin(), values.end(), value, less) -
                               values.begin());
  }
  // The first value that is above `bound`, or at it where `at` says so.
  template <class T, class U>
  static size_t FirstFrom(const Postings<T>& postings, U bound, bool at) {
    return LowerBound(postings, bound, [at](const T& value, U b) {
      return at ? PlainValue(value) < b : PlainValue(value) <= b;
    });
  }
  static double PlainValue(const Number& number) { return number.value; }
  static int64_t PlainValue(int64_t value) { return value; }
  static int64_t PlainValue(uint32_t value) { return value; }

  template <class T, class U>
  static Known InBounds(const Postings<T>& postings, std::optional<U> gt, std::optional<U> gte,
                        std::optional<U> lt, std::optional<U> lte) {
    size_t from = 0;
    size_t to = postings.values().size();
    if (gt) from = std::max(from, FirstFrom(postings, *gt, false));
    if (gte) from = std::max(from, FirstFrom(postings, *gte, true));
    if (lt) to = std::min(to, FirstFrom(postings, *lt, true));
    if (lte) to = std::min(to, FirstFrom(postings, *lte, false));
    Known known;
    AddRange(known, postings, from, to);
    return known;
  }

  static bool SameNumber(const Number& number, const Scalar& scalar) {
    if (const int64_t* i = std::get_if<int64_t>(&scalar)) {
      return number.is_int ? number.exact == *i : number.value == static_cast<double>(*i);
    }
    const double* d = std::get_if<double>(&scalar);
    return d != nullptr && number.value == *d;
  }

  Known Matching(const PayloadBlock::Field& field, const Match& match) const {
    Known known;
    for (const Scalar& scalar : match.any) {
      if (const bool* b = std::get_if<bool>(&scalar)) {
        const size_t at = LowerBound(field.bools, *b, std::less<>());
        if (at < field.bools.values().size() && field.bools.values()[at] == *b) {
          AddRange(known, field.bools, at, at + 1);
        }
      } else if (const std::string* s = std::get_if<std::string>(&scalar)) {
        if (s->size() > kIndexedBytes) {
          AddUnsureUnlessYes(known, field.unsure);
          continue;
        }
        const size_t at = LowerBound(field.strings, *s, std::less<>());
        if (at < field.strings.values().size() && field.strings.values()[at] == *s) {
          AddRange(known, field.strings, at, at + 1);
        }
      } else {
        const int64_t* i = std::get_if<int64_t>(&scalar);
        const double value = i != nullptr ? static_cast<double>(*i) : std::get<double>(scalar);
        const size_t to = FirstFrom(field.numbers, value, false);
        for (size_t at = FirstFrom(field.numbers, value, true); at < to; ++at) {
          if (SameNumber(field.numbers.values()[at], scalar)) {
            AddRange(known, field.numbers, at, at + 1);
          }
        }
      }
    }
    return known;
  }

  Known Excepting(const PayloadBlock::Field& field, const Except& except) const {
    Known known;
    const auto is_none = [&](auto same) { return std::ranges::none_of(except.none, same); };
    const auto add = [&](const auto& postings, auto same) {
      for (size_t i = 0; i < postings.values().size(); ++i) {
        const auto& value = postings.values()[i];
        if (is_none([&](const Scalar& scalar) { return same(value, scalar); })) {
          AddRange(known, postings, i, i + 1);
        }
      }
    };
    add(field.strings, [](const std::string& value, const Scalar& scalar) {
      const std::string* s = std::get_if<std::string>(&scalar);
      return s != nullptr && *s == value;
    });
    add(field.numbers, SameNumber);
    add(field.bools, [](bool value, const Scalar& scalar) {
      const bool* b = std::get_if<bool>(&scalar);
      return b != nullptr && *b == value;
    });
    AddUnsureUnlessYes(known, field.unsure);
    return known;
  }

  Known Inside(const PayloadBlock::Field& field, const Range& range) const {
    return InBounds(field.numbers, range.gt, range.gte, range.lt, range.lte);
  }
  Known InTime(const PayloadBlock::Field& field, const TimeRange& range) const {
    const auto micros = [](const std::optional<WallTime>& time) {
      return time ? std::optional<int64_t>(time->time_since_epoch().count()) : std::nullopt;
    };
    return InBounds(field.times, micros(range.gt), micros(range.gte), micros(range.lt),
                    micros(range.lte));
  }

  Known Holding(const PayloadBlock::Field& field, const HasText& has) const {
    Known known;
    const auto& values = field.strings.values();
    for (size_t i = 0; i < values.size(); ++i) {
      if (values[i].find(has.part) != std::string::npos) AddRange(known, field.strings, i, i + 1);
    }
    AddUnsureUnlessYes(known, field.unsure);
    return known;
  }

  Known HavingWords(const PayloadBlock::Field& field, const HasWords& has) const {
    Known known;
    const auto terms = TermsOf(has.words);
    const auto& values = field.strings.values();
    for (size_t i = 0; i < values.size(); ++i) {
      if (HasAllTerms(values[i], terms)) AddRange(known, field.strings, i, i + 1);
    }
    AddUnsureUnlessYes(known, field.unsure);
    return known;
  }

  // Rows without the field have a count of 0, and no entry that says so.
  Known Counting(const PayloadBlock::Field& field, const ValuesCount& count) const {
    Known known = InBounds(field.counts, count.gt, count.gte, count.lt, count.lte);
    const bool zero = (!count.gt || 0 > *count.gt) && (!count.gte || 0 >= *count.gte) &&
                      (!count.lt || 0 < *count.lt) && (!count.lte || 0 <= *count.lte);
    if (!zero) return known;
    Known absent;
    AddRange(absent, field.counts, 0, field.counts.values().size());
    absent.Not();
    known.Or(absent);
    return known;
  }

  Known Null(const PayloadBlock::Field& field, const IsNull&) const {
    Known known;
    for (const uint16_t row : field.nulls) Set(known.yes, row);
    return known;
  }

  Known WithIds(const HasId& has) const {
    Known known;
    for (const std::string& id : has.ids) {
      const uint32_t row = ids_(id);
      if (row >= first_row_ && row < first_row_ + block_.rows()) {
        Set(known.yes, static_cast<uint16_t>(row - first_row_));
      }
    }
    return known;
  }

  Known WithVector(const HasVector& has) const {
    Known known = Known::All();
    const auto space = FindSpace(spaces_, has.space);
    if (!space) return {};
    const auto& absent = view_.spaces[*space].absent;
    if (absent == nullptr) return known;
    const auto rows = static_cast<uint32_t>(block_.rows());
    for (uint32_t row = 0; row < rows; ++row) {
      if (absent->Test(first_row_ + row)) known.yes[row / 64] &= ~(uint64_t{1} << (row % 64));
    }
    return known;
  }

  // Bounds of the latitude leave few enough to look at themselves.
  Known Near(const Geo& geo, const std::string& prefix) const {
    Range lat{.path = geo.path + ".lat"};
    if (geo.shape == Geo::Shape::kBox) {
      lat.gte = geo.b.lat;
      lat.lte = geo.a.lat;
    } else if (geo.shape == Geo::Shape::kRadius) {
      constexpr double kMetresOfADegree = 111'000;  // rather too few
      const double reach = geo.radius_m / kMetresOfADegree;
      lat.gte = geo.a.lat - reach;
      lat.lte = geo.a.lat + reach;
    } else {
      const auto [south, north] = std::ranges::minmax(geo.exterior, {}, &GeoPoint::lat);
      lat.gte = south.lat;
      lat.lte = north.lat;
    }
    Known known = With(prefix, lat.path, &BlockFilter::Inside, lat);
    known.Doubt();
    return known;
  }

  // The index does not know which values stood in one element. What its conditions say about the
  // elements together bounds what may match.
  Known Inner(const Nested& nested, const std::string& prefix) const {
    const std::string path = prefix + nested.path + ".";
    Known known = Known::All();
    for (const Condition& condition : nested.filter.must) {
      const bool bounds = std::holds_alternative<Match>(condition.what) ||
                          std::holds_alternative<Range>(condition.what) ||
                          std::holds_alternative<TimeRange>(condition.what) ||
                          std::holds_alternative<HasText>(condition.what);
      if (bounds) known.And(Of(condition, path));
    }
    const auto* field = block_.Find(PlainPath(prefix + nested.path));
    Known there;
    if (field != nullptr) {
      AddRange(there, field->counts, 0, field->counts.values().size());
    }
    AddUnsure(there, block_.unsure());
    known.And(there);
    known.Doubt();
    return known;
  }

  const View& view_;
  std::span<const Space> spaces_;
  const std::function<uint32_t(std::string_view)>& ids_;
  const PayloadBlock& block_;
  uint32_t first_row_;
};

}  // namespace

FilterBits Evaluate(const View& view, std::span<const Space> spaces, const Filter& filter,
                    const std::function<uint32_t(std::string_view id)>& ids) {
  FilterBits bits{Bitmap(view.rows), Bitmap(view.rows)};
  uint32_t first_row = 0;
  for (const auto& block : view.payloads) {
    const Known known = BlockFilter(view, spaces, ids, *block, first_row).Of(filter, "");
    // All blocks but the last hold a multiple of 64 rows.
    const size_t words = (block->rows() + 63) / 64;
    std::copy_n(known.yes.begin(), words, bits.yes.words().begin() + first_row / 64);
    std::copy_n(known.maybe.begin(), words, bits.maybe.words().begin() + first_row / 64);
    first_row += static_cast<uint32_t>(block->rows());
  }
  bits.yes.TrimEnd();
  bits.maybe.TrimEnd();
  return bits;
}

}  // namespace weir::vectors

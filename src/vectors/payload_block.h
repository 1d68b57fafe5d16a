// What the payloads of up to kBlockRows rows hold, turned round: for each field its values in
// order, for each value the rows that have it. Made once from a PayloadBlock::Builder, never
// changed.
//
// Rows are numbered from 0 inside the block. What is too long or too much to be indexed is kept as
// "unsure": those rows have to be looked at themselves where it matters (filter_bits.h).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "json/value.h"

namespace weir::vectors {

inline constexpr size_t kBlockRows = 4'096;
// A string that is longer is not indexed.
inline constexpr size_t kIndexedBytes = 256;
// A payload with more entries is not indexed at all.
inline constexpr size_t kEntriesMax = 1'024;

// "a[].b" is "a.b".
std::string PlainPath(std::string_view path);

// A number's value, with the integer itself where it is one (a double cannot tell large ones
// apart).
struct Number {
  double value;
  int64_t exact;  // 0 where it is no integer of 64 bits
  bool is_int;

  friend auto operator<=>(const Number& a, const Number& b) {
    if (a.value != b.value) return a.value < b.value ? -1 : 1;
    if (a.is_int != b.is_int) return a.is_int ? -1 : 1;
    return a.exact < b.exact ? -1 : (a.exact > b.exact ? 1 : 0);
  }
  friend bool operator==(const Number&, const Number&) = default;
};

// Values in order and the rows of each.
template <class T>
class Postings {
 public:
  using Entry = std::pair<T, uint16_t>;

  Postings() = default;
  explicit Postings(std::vector<Entry> entries) {
    std::sort(entries.begin(), entries.end());
    entries.erase(std::unique(entries.begin(), entries.end()), entries.end());
    for (Entry& entry : entries) {
      if (values_.empty() || values_.back() != entry.first) {
        values_.push_back(std::move(entry.first));
        starts_.push_back(static_cast<uint32_t>(rows_.size()));
      }
      rows_.push_back(entry.second);
    }
    starts_.push_back(static_cast<uint32_t>(rows_.size()));
    values_.shrink_to_fit();
    starts_.shrink_to_fit();
    rows_.shrink_to_fit();
  }

  const std::vector<T>& values() const { return values_; }
  // Visits the rows of the values from number `from` up to `to`.
  template <class Visit>
  void ForEachRow(size_t from, size_t to, Visit visit) const {
    if (from >= to) return;
    for (uint32_t i = starts_[from]; i < starts_[to]; ++i) visit(rows_[i]);
  }
  template <class Visit>
  void ForEach(Visit visit) const {
    for (size_t v = 0; v < values_.size(); ++v) {
      ForEachRow(v, v + 1, [&](uint16_t row) { visit(values_[v], row); });
    }
  }

 private:
  std::vector<T> values_;
  std::vector<uint32_t> starts_;  // one more than values
  std::vector<uint16_t> rows_;
};

class PayloadBlock {
 public:
  struct Field {
    Postings<std::string> strings;
    Postings<Number> numbers;
    Postings<int64_t> times;  // strings that read as a time; microseconds since 1970
    Postings<bool> bools;
    Postings<uint32_t> counts;  // how many values: 0 for null and the empty array
    std::vector<uint16_t> nulls;
    std::vector<uint16_t> unsure;  // have a string that is too long
  };

  class Builder {
   public:
    // The next row.
    void Add(const json::Value& payload);
    // All rows of another block, as the next ones.
    void Append(const PayloadBlock& block);
    size_t rows() const { return rows_; }
    PayloadBlock Build() const;

   private:
    struct Entries {
      std::vector<std::pair<std::string, uint16_t>> strings;
      std::vector<std::pair<Number, uint16_t>> numbers;
      std::vector<std::pair<int64_t, uint16_t>> times;
      std::vector<std::pair<bool, uint16_t>> bools;
      std::vector<std::pair<uint32_t, uint16_t>> counts;
      std::vector<uint16_t> nulls;
      std::vector<uint16_t> unsure;
    };
    void AddValue(const std::string& path, const json::Value& value);
    void AddElements(const std::string& path, const json::Value& value);

    size_t rows_ = 0;
    std::map<std::string, Entries> fields_;
    std::vector<uint16_t> unsure_;
  };

  size_t rows() const { return rows_; }
  // Null where no row has anything there.
  const Field* Find(std::string_view path) const;
  // Rows that are not indexed at all.
  const std::vector<uint16_t>& unsure() const { return unsure_; }

 private:
  size_t rows_ = 0;
  std::vector<std::pair<std::string, Field>> fields_;  // in the order of paths
  std::vector<uint16_t> unsure_;
};

}  // namespace weir::vectors

// One text while the detectors look at it: what was found so far, and which words stand near a
// place. Private to the detectors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "privacy/column_heads.h"
#include "privacy/entity_types.h"

namespace weir::privacy {

// In bytes of the detection copy.
struct Sighting {
  uint32_t begin = 0;
  uint32_t end = 0;
  uint16_t kind = 0;  // a Type; from kTypeCount on the operator's own detectors
  uint8_t score = 0;  // percent
};

class Scan {
 public:
  static constexpr int kThreshold = 50;      // below it nothing was found
  static constexpr int kContextCounts = 45;  // what a word nearby adds
  static constexpr size_t kSightingsMax = 4096;
  static constexpr size_t kBefore = 64;  // bytes in which a word is near
  static constexpr size_t kAfter = 40;

  explicit Scan(std::string_view text) : text_(text) {}

  std::string_view text() const { return text_; }
  const std::vector<Sighting>& sightings() const { return sightings_; }
  // More was found than is kept, so the rest is not known.
  bool overflowed() const { return overflowed_; }
  void Overflow() { overflowed_ = true; }

  // In the order of their ends.
  void AddContext(const ContextWord& word) { contexts_.push_back(word); }
  bool Near(Type type, size_t begin, size_t end) const;

  // Kept when `score`, with the context of that type, reaches the threshold.
  void Add(size_t begin, size_t end, Type type, int score);
  void AddOwn(size_t begin, size_t end, size_t own);

 private:
  void Keep(const Sighting& sighting);
  bool InColumnOf(Type type, size_t begin, size_t end);

  std::string_view text_;
  std::vector<ContextWord> contexts_ = {};
  std::vector<Sighting> sightings_ = {};
  bool overflowed_ = false;
  std::optional<ColumnHeads> heads_ = {};  // from when they are first asked for
};

// Whether [begin, end) is a word or a part of a name like customerSsn or ssn_2, not of another
// word.
bool IsWholeWord(std::string_view text, size_t begin, size_t end);

}  // namespace weir::privacy

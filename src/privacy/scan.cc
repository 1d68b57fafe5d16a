#include "privacy/scan.h"

#include <algorithm>

#include "privacy/characters.h"

namespace weir::privacy {

bool Scan::Near(Type type, size_t begin, size_t end) const {
  const size_t first = begin > kBefore ? begin - kBefore : 0;
  auto word = std::ranges::lower_bound(contexts_, first, {}, &ContextWord::end);
  for (; word != contexts_.end() && word->end <= end + kAfter + kBefore; ++word) {
    const bool before = word->end <= begin;
    const bool after = word->begin >= end && word->begin <= end + kAfter;
    if ((before || after) && word->types->Has(type)) return true;
  }
  return false;
}

void Scan::Add(size_t begin, size_t end, Type type, int score) {
  if (score + kContextCounts < kThreshold) return;
  if (score < 99 &&
      (Near(type, begin, end) || (score < kThreshold && InColumnOf(type, begin, end))))
    score = std::min(score + kContextCounts, 99);
  if (score < kThreshold) return;
  Keep({static_cast<uint32_t>(begin), static_cast<uint32_t>(end), static_cast<uint16_t>(type),
        static_cast<uint8_t>(score)});
}

// A column is asked for what nothing else decides.
bool Scan::InColumnOf(Type type, size_t begin, size_t end) {
  if (contexts_.empty()) return false;
  if (!heads_) heads_.emplace(text_, contexts_);
  return heads_->Say(type, begin, end);
}

void Scan::AddOwn(size_t begin, size_t end, size_t own) {
  Keep({static_cast<uint32_t>(begin), static_cast<uint32_t>(end),
        static_cast<uint16_t>(kTypeCount + own), 100});
}

void Scan::Keep(const Sighting& sighting) {
  if (sightings_.size() >= kSightingsMax) {
    overflowed_ = true;
    return;
  }
  sightings_.push_back(sighting);
}

bool IsWholeWord(std::string_view text, size_t begin, size_t end) {
  const auto humped = [&](size_t at) { return IsLower(text[at - 1]) && IsUpper(text[at]); };
  const bool left = !IsWord(text[begin]) || !WordGoesOnBefore(text, begin) || humped(begin);
  if (!left || end == text.size() || !IsWord(text[end - 1])) return left;
  if (!WordGoesOnAt(text, end) || humped(end) || IsDigit(text[end])) return true;
  const bool plural = text[end] == 's' || text[end] == 'S';
  return plural && !WordGoesOnAt(text, end + 1);
}

}  // namespace weir::privacy

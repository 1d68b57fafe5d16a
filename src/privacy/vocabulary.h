// The words that the detectors listen for, all in one automaton, each with what it sets off.
// Immutable: any thread. Private to the detectors.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "privacy/entity_types.h"
#include "privacy/keyword_automaton.h"

namespace weir::privacy {

struct Keyword {
  enum class Cue : uint8_t { kContext, kSecret, kPlace, kName, kTravelDocument, kOwn };
  Cue cue = Cue::kContext;
  uint16_t index = 0;  // of the rule
  bool whole = true;   // not a part of another word
  bool cased = false;  // "Mr", not "mr"
};

class Vocabulary {
 public:
  struct OwnWord {
    std::string folded = {};
    uint16_t own = 0;
  };
  explicit Vocabulary(std::span<const OwnWord> own);

  // The words of `text`, in the order of their ends. False when there were too many.
  bool Find(std::string_view text, std::vector<KeywordHit>& hits) const;
  const Keyword& Of(const KeywordHit& hit) const { return keywords_[hit.keyword]; }

 private:
  struct Words;
  explicit Vocabulary(Words words);

  bool FindBeyondAscii(std::string_view text, std::vector<KeywordHit>& hits) const;

  size_t plain_count_ = 0;  // words of ASCII alone come first
  std::vector<std::string> words_ = {};
  std::vector<Keyword> keywords_ = {};
  // Apart, since the bytes of other scripts would double the table that every text goes through.
  KeywordAutomaton plain_;
  KeywordAutomaton beyond_;
  size_t beyond_length_max_ = 0;
};

}  // namespace weir::privacy

// Finds names of people: a given name that is known with a name after it, a title with one, a word
// that announces one ("Dear", "my name is", "Patient:"). Words with a capital are looked up in
// lists (data/names.txt). Immutable: any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "privacy/scan.h"

namespace weir::privacy {

// A set of words; views of a text that lives as long.
class WordSet {
 public:
  explicit WordSet(std::string_view words);
  bool Has(std::string_view word) const;

 private:
  size_t SlotOf(std::string_view word) const;
  std::vector<std::string_view> slots_ = {};  // open addressing, at most half full
};

class NameFinder {
 public:
  NameFinder();

  void Find(Scan& scan) const;
  // A title or a word before a name, which ends at `end`.
  void FindAfter(Scan& scan, size_t begin, size_t end, int strength) const;

  struct Cue {
    std::string_view word = {};  // as it stands in text, folded; cased titles begin with a capital
    int strength = 0;            // percent for one capitalised word after it
  };
  static std::span<const Cue> Cues();

 private:
  struct Word {
    size_t begin = 0;
    size_t end = 0;
    bool capital = false;  // "Smith", "O'Brien", "Jean-Luc"; not "SMITH", not "smith"
  };
  static Word WordAt(std::string_view text, size_t at);
  static Word NextInName(std::string_view text, size_t end);
  bool IsGiven(std::string_view text, const Word& word) const;
  bool IsSurname(std::string_view text, const Word& word) const;
  static bool Has(const WordSet& set, std::string_view text, const Word& word);

  WordSet given_;
  WordSet surnames_;
};

}  // namespace weir::privacy

// Finds lines of postal addresses (a word for a street, and RE2 round it), dates of birth (a word
// for birth, and a date after it) and machine-readable zones of travel documents. Immutable: any
// thread.
#pragma once

#include <re2/re2.h>

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "privacy/scan.h"

namespace weir::privacy {

struct PlaceRule {
  Type type = Type::kAddress;
  std::string_view words = {};    // folded, lower case, with commas between them
  std::string_view pattern = {};  // of the window; the match has to cover the word
  size_t before = 0;              // bytes of the window before and after the word
  size_t after = 0;
  bool whole = true;  // the word stands alone; else it ends one
  int score = 0;
};

class PlaceFinder {
 public:
  PlaceFinder();
  static std::span<const PlaceRule> Rules();

  void Find(Scan& scan, size_t rule, size_t begin, size_t end) const;
  // A line of signs like "<<<" stands at `at`.
  static void FindTravelDocument(Scan& scan, size_t at);

 private:
  std::vector<std::unique_ptr<re2::RE2>> patterns_ = {};
};

}  // namespace weir::privacy

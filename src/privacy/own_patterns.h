// The operator's regular expressions: one pass over a text tells which of them match at all, and
// only those are run for their places. Immutable: any thread. Private to the detectors.
#pragma once

#include <re2/re2.h>
#include <re2/set.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace weir::privacy {

class OwnPatterns {
 public:
  static constexpr size_t kMatchesMax = 1024;  // of one pattern in one text

  // An Error says what RE2 does not take.
  Result<void> Add(const std::string& pattern, uint16_t own);
  // After the last Add, once.
  void Compile();

  // False when a pattern has more than kMatchesMax matches.
  bool Find(std::string_view text,
            const std::function<void(size_t begin, size_t end, uint16_t own)>& tell) const;

 private:
  struct Pattern {
    std::unique_ptr<re2::RE2> expression = {};
    uint16_t own = 0;
  };
  bool Run(const Pattern& pattern, std::string_view text,
           const std::function<void(size_t, size_t, uint16_t)>& tell) const;

  std::vector<Pattern> patterns_ = {};
  std::unique_ptr<re2::RE2::Set> set_ = {};
};

}  // namespace weir::privacy

// Finds all of many words in one pass over a text, one table look-up for each byte (Aho-Corasick,
// with the failure links compiled away). Letters of ASCII match in both cases. Immutable once
// built: any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace weir::privacy {

struct KeywordHit {
  uint32_t begin = 0;
  uint32_t end = 0;
  uint32_t keyword = 0;  // its index
};

class KeywordAutomaton {
 public:
  static constexpr size_t kBytesMax = size_t{1} << 18;  // of all words; CHECKed

  // Words are not empty; the same word may stand there twice.
  explicit KeywordAutomaton(const std::vector<std::string>& words);

  // Appends hits in the order of their ends. False when there are more than `hits_max`: the rest of
  // the text was not looked at.
  bool Find(std::string_view text, size_t hits_max, std::vector<KeywordHit>& hits) const;

 private:
  struct Accepted {
    uint32_t keyword = 0;
    uint32_t length = 0;
  };
  // Top bit of an entry of next_: words end in that state.
  static constexpr uint32_t kAccepts = 1u << 31;

  std::array<uint8_t, 256> class_of_ = {};  // 0: a byte of no word
  uint32_t class_count_ = 1;
  std::vector<uint32_t> next_ = {};  // [state * class_count_ + class] -> state * class_count_
  std::vector<uint32_t> accept_at_ =
      {};  // of each state, into accepted_; the next one's is the end
  std::vector<Accepted> accepted_ = {};
};

}  // namespace weir::privacy

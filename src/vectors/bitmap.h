// One bit for each row of a collection. A plain value; readers share a const one.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace weir::vectors {

class Bitmap {
 public:
  Bitmap() = default;
  explicit Bitmap(size_t bits, bool value = false)
      : bits_(bits), words_((bits + 63) / 64, value ? ~uint64_t{0} : 0) {
    TrimEnd();
  }

  size_t size() const { return bits_; }
  // Bits that come along are 0.
  void Resize(size_t bits) {
    bits_ = bits;
    words_.resize((bits + 63) / 64);
    TrimEnd();
  }

  // Past the end every bit is 0: a row that came after this bitmap was made is in none of it.
  bool Test(size_t bit) const { return bit < bits_ && ((words_[bit / 64] >> (bit % 64)) & 1) != 0; }
  void Set(size_t bit) { words_[bit / 64] |= uint64_t{1} << (bit % 64); }
  void Clear(size_t bit) { words_[bit / 64] &= ~(uint64_t{1} << (bit % 64)); }

  size_t Count() const {
    size_t count = 0;
    for (const uint64_t word : words_) count += static_cast<size_t>(std::popcount(word));
    return count;
  }

  // The other may be shorter; what it lacks counts as 0.
  void And(const Bitmap& other) {
    for (size_t i = 0; i < words_.size(); ++i) words_[i] &= other.WordOrZero(i);
  }
  void Or(const Bitmap& other) {
    for (size_t i = 0; i < words_.size(); ++i) words_[i] |= other.WordOrZero(i);
    TrimEnd();
  }
  void AndNot(const Bitmap& other) {
    for (size_t i = 0; i < words_.size(); ++i) words_[i] &= ~other.WordOrZero(i);
  }
  void Flip() {
    for (uint64_t& word : words_) word = ~word;
    TrimEnd();
  }

  // Calls visit(bit) for each bit that is set, in order.
  template <class Visit>
  void ForEach(Visit visit) const {
    for (size_t i = 0; i < words_.size(); ++i) {
      for (uint64_t word = words_[i]; word != 0; word &= word - 1) {
        visit(i * 64 + static_cast<size_t>(std::countr_zero(word)));
      }
    }
  }

  // The same for those from `from` up to `to`.
  template <class Visit>
  void ForEachIn(size_t from, size_t to, Visit visit) const {
    to = to < bits_ ? to : bits_;
    for (size_t i = from / 64; i * 64 < to; ++i) {
      uint64_t word = words_[i];
      if (i == from / 64) word &= ~uint64_t{0} << (from % 64);
      if (to - i * 64 < 64) word &= (uint64_t{1} << (to - i * 64)) - 1;
      for (; word != 0; word &= word - 1) {
        visit(i * 64 + static_cast<size_t>(std::countr_zero(word)));
      }
    }
  }

  // Calls visit(bit) for at most `count` bits below `end` that are set, from all over it.
  template <class Visit>
  void Spread(size_t end, size_t count, Visit visit) const {
    const size_t words = (std::min(end, bits_) + 63) / 64;
    for (size_t i = 0; i < count; ++i) {
      const size_t to = words * (i + 1) / count;
      for (size_t at = words * i / count; at < to; ++at) {
        if (words_[at] == 0) continue;
        const size_t bit = at * 64 + static_cast<size_t>(std::countr_zero(words_[at]));
        if (bit < end) visit(bit);
        break;
      }
    }
  }

  // Who writes words() directly may leave bits past the end; this clears them.
  void TrimEnd() {
    if (bits_ % 64 != 0) words_.back() &= (uint64_t{1} << (bits_ % 64)) - 1;
  }
  std::vector<uint64_t>& words() { return words_; }
  const std::vector<uint64_t>& words() const { return words_; }

  bool operator==(const Bitmap&) const = default;

 private:
  uint64_t WordOrZero(size_t i) const { return i < words_.size() ? words_[i] : 0; }

  size_t bits_ = 0;
  std::vector<uint64_t> words_;
};

}  // namespace weir::vectors

#include "vectors/words.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <optional>

#include "vectors/unicode_tables.h"

namespace weir::vectors {
namespace {

// What a code point is to a word.
enum class Kind : uint8_t { kNone, kLower, kUpper, kDigit, kJoin, kPaired };

// Takes one code point off the front; nothing where the bytes are no UTF-8 (one byte is taken
// then).
std::optional<uint32_t> TakeCodePoint(std::string_view& text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t first = byte(0);
  size_t size = 1;
  uint32_t code = first;
  if (first >= 0xf0 && first < 0xf5) {
    size = 4;
    code = first & 0x07;
  } else if (first >= 0xe0) {
    size = 3;
    code = first & 0x0f;
  } else if (first >= 0xc2) {
    size = 2;
    code = first & 0x1f;
  } else if (first >= 0x80) {
    text.remove_prefix(1);
    return std::nullopt;
  }
  if (first >= 0xf5 || text.size() < size) {
    text.remove_prefix(1);
    return std::nullopt;
  }
  for (size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0) != 0x80) {
      text.remove_prefix(1);
      return std::nullopt;
    }
    code = code << 6 | (byte(i) & 0x3f);
  }
  text.remove_prefix(size);
  return code;
}

void Append(std::string& out, uint32_t code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xc0 | code >> 6);
    out += static_cast<char>(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    out += static_cast<char>(0xe0 | code >> 12);
    out += static_cast<char>(0x80 | (code >> 6 & 0x3f));
    out += static_cast<char>(0x80 | (code & 0x3f));
  } else {
    out += static_cast<char>(0xf0 | code >> 18);
    out += static_cast<char>(0x80 | (code >> 12 & 0x3f));
    out += static_cast<char>(0x80 | (code >> 6 & 0x3f));
    out += static_cast<char>(0x80 | (code & 0x3f));
  }
}

template <class Range, size_t kSize>
const Range* FindRange(const Range (&ranges)[kSize], uint32_t code) {
  const auto* found =
      std::upper_bound(std::begin(ranges), std::end(ranges), code,
                       [](uint32_t wanted, const Range& range) { return wanted < range.first; });
  if (found == std::begin(ranges)) return nullptr;
  --found;
  return code <= found->last ? found : nullptr;
}

uint32_t Lower(uint32_t code) {
  if (code < 0x80) return code >= 'A' && code <= 'Z' ? code + 32 : code;
  const LowerRange* range = FindRange(kLowerRanges, code);
  if (range == nullptr || (code - range->first) % static_cast<uint32_t>(range->step) != 0) {
    return code;
  }
  return static_cast<uint32_t>(static_cast<int32_t>(code) + range->add);
}

bool IsPaired(uint32_t code) {
  return (code >= 0x3041 && code <= 0x30ff) || (code >= 0x3400 && code <= 0x9fff) ||
         (code >= 0xac00 && code <= 0xd7a3) || (code >= 0xf900 && code <= 0xfaff) ||
         (code >= 0x20000 && code <= 0x323af);
}

Kind KindOf(uint32_t code) {
  if (code < 0x80) {
    if (code >= 'a' && code <= 'z') return Kind::kLower;
    if (code >= 'A' && code <= 'Z') return Kind::kUpper;
    if (code >= '0' && code <= '9') return Kind::kDigit;
    return code == '_' ? Kind::kJoin : Kind::kNone;
  }
  if (FindRange(kWordRanges, code) == nullptr) return Kind::kNone;
  if (IsPaired(code)) return Kind::kPaired;
  return Lower(code) != code ? Kind::kUpper : Kind::kLower;
}

using Use = std::function<void(std::string_view)>;

// Cuts a word that is too long, between code points.
void Cut(std::string& word) {
  if (word.size() <= kTermBytes) return;
  word.resize(kTermBytes);
  while (!word.empty() && (static_cast<uint8_t>(word.back()) & 0xc0) == 0x80) word.pop_back();
  if (!word.empty() && static_cast<uint8_t>(word.back()) >= 0xc0) word.pop_back();
}

void Emit(std::string& word, const Use& use) {
  Stem(word);
  Cut(word);
  if (!word.empty()) use(word);
  word.clear();
}

// One word as it grows; knows where the parts of an identifier begin.
class Word {
 public:
  explicit Word(const Use& use) : use_(use) {}

  void Add(uint32_t code, Kind kind) {
    if (kind == Kind::kPaired) {
      AddPaired(code);
      return;
    }
    EndPairs();
    if (kind == Kind::kJoin) {
      EndPart();
      if (!whole_.empty()) whole_ += '_';
      last_ = Kind::kNone;
      return;
    }
    const bool digits = kind == Kind::kDigit;
    const bool turns = last_ != Kind::kNone && digits != (last_ == Kind::kDigit);
    if (turns || (kind == Kind::kUpper && last_ == Kind::kLower)) EndPart();
    // "HTTPServer": the S begins a part, which is seen at the e.
    if (kind == Kind::kLower && last_ == Kind::kUpper && uppers_ > 1) {
      const size_t last = part_.size() - last_size_;
      const std::string begun = part_.substr(last);
      part_.resize(last);
      EndPart();
      part_ = begun;
    }
    const size_t before = part_.size();
    Append(part_, Lower(code));
    last_size_ = part_.size() - before;
    whole_.append(part_, before);
    uppers_ = kind == Kind::kUpper ? uppers_ + 1 : 0;
    last_ = kind;
  }

  void End() {
    EndPairs();
    if (whole_.empty()) return;
    if (parts_.empty()) {
      Emit(whole_, use_);  // no identifier: a plain word, which is its only part
      part_.clear();
    } else {
      EndPart();
      while (whole_.ends_with('_')) whole_.pop_back();
      // A part alone ("_name") would be counted twice.
      if (parts_.size() > 1) {
        Cut(whole_);
        use_(whole_);
      }
      for (std::string& part : parts_) Emit(part, use_);
      whole_.clear();
    }
    parts_.clear();
    last_ = Kind::kNone;
    uppers_ = 0;
  }

 private:
  void EndPart() {
    if (!part_.empty()) parts_.push_back(std::move(part_));
    part_.clear();
    uppers_ = 0;
  }

  void AddPaired(uint32_t code) {
    if (pairs_ == 0) End();
    std::string now;
    Append(now, code);
    if (pairs_ > 0) use_(previous_ + now);
    previous_ = std::move(now);
    ++pairs_;
  }
  void EndPairs() {
    if (pairs_ == 1) use_(previous_);
    pairs_ = 0;
  }

  const Use& use_;
  std::string whole_;
  std::string part_;
  std::vector<std::string> parts_;
  Kind last_ = Kind::kNone;
  size_t last_size_ = 0;
  size_t uppers_ = 0;
  size_t pairs_ = 0;
  std::string previous_;
};

}  // namespace

void ForEachTerm(std::string_view text, const Use& use) {
  Word word(use);
  while (!text.empty()) {
    const auto code = TakeCodePoint(text);
    const Kind kind = code ? KindOf(*code) : Kind::kNone;
    if (kind == Kind::kNone) {
      word.End();
    } else {
      word.Add(*code, kind);
    }
  }
  word.End();
}

std::vector<std::string> TermsOf(std::string_view text) {
  std::vector<std::string> terms;
  ForEachTerm(text, [&](std::string_view term) { terms.emplace_back(term); });
  std::ranges::sort(terms);
  terms.erase(std::unique(terms.begin(), terms.end()), terms.end());
  return terms;
}

bool HasAllTerms(std::string_view text, const std::vector<std::string>& terms) {
  return !terms.empty() && std::ranges::includes(TermsOf(text), terms);
}

}  // namespace weir::vectors

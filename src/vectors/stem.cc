// M. F. Porter, "An algorithm for suffix stripping", Program 14 (3), 1980. The steps have his
// numbers.
#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "vectors/words.h"

namespace weir::vectors {
namespace {

struct Rule {
  std::string_view suffix;
  std::string_view instead;
};

class Stemmer {
 public:
  explicit Stemmer(std::string& word) : word_(word) {}

  void Run() {
    Step1a();
    Step1b();
    if (word_.ends_with('y') && HasVowel(word_.size() - 1)) word_.back() = 'i';  // 1c
    Replace(kStep2, 1);
    Replace(kStep3, 1);
    Step4();
    Step5();
  }

 private:
  static constexpr std::array<Rule, 20> kStep2 = {
      {{"ational", "ate"}, {"tional", "tion"}, {"enci", "ence"},   {"anci", "ance"},
       {"izer", "ize"},    {"abli", "able"},   {"alli", "al"},     {"entli", "ent"},
       {"eli", "e"},       {"ousli", "ous"},   {"ization", "ize"}, {"ation", "ate"},
       {"ator", "ate"},    {"alism", "al"},    {"iveness", "ive"}, {"fulness", "ful"},
       {"ousness", "ous"}, {"aliti", "al"},    {"iviti", "ive"},   {"biliti", "ble"}}};
  static constexpr std::array<Rule, 7> kStep3 = {{{"icate", "ic"},
                                                  {"ative", ""},
                                                  {"alize", "al"},
                                                  {"iciti", "ic"},
                                                  {"ical", "ic"},
                                                  {"ful", ""},
                                                  {"ness", ""}}};
  // Longer ones before those that they end with.
  static constexpr std::array<std::string_view, 19> kStep4 = {
      "ement", "ance", "ence", "able", "ible", "ment", "ant", "ent", "ism", "ate",
      "iti",   "ous",  "ive",  "ize",  "ion",  "al",   "er",  "ic",  "ou"};

  bool IsConsonant(size_t i) const {
    switch (word_[i]) {
      case 'a':
      case 'e':
      case 'i':
      case 'o':
      case 'u':
        return false;
      case 'y':
        return i == 0 || !IsConsonant(i - 1);
      default:
        return true;
    }
  }
  // How many times vowels are followed by consonants in the first `size` letters.
  int Measure(size_t size) const {
    int measure = 0;
    bool vowel_before = false;
    for (size_t i = 0; i < size; ++i) {
      const bool consonant = IsConsonant(i);
      if (consonant && vowel_before) ++measure;
      vowel_before = !consonant;
    }
    return measure;
  }
  bool HasVowel(size_t size) const {
    for (size_t i = 0; i < size; ++i) {
      if (!IsConsonant(i)) return true;
    }
    return false;
  }
  bool EndsWithDouble() const {
    const size_t size = word_.size();
    return size > 1 && word_[size - 1] == word_[size - 2] && IsConsonant(size - 1);
  }
  // Consonant, vowel, consonant at the end of the first `size` letters, the last none of w, x, y.
  bool EndsShort(size_t size) const {
    if (size < 3 || !IsConsonant(size - 3) || IsConsonant(size - 2) || !IsConsonant(size - 1)) {
      return false;
    }
    const char last = word_[size - 1];
    return last != 'w' && last != 'x' && last != 'y';
  }

  void Step1a() {
    if (word_.ends_with("sses") || word_.ends_with("ies")) {
      word_.resize(word_.size() - 2);
    } else if (word_.ends_with('s') && !word_.ends_with("ss")) {
      word_.pop_back();
    }
  }

  void Step1b() {
    if (word_.ends_with("eed")) {
      if (Measure(word_.size() - 3) > 0) word_.pop_back();
      return;
    }
    const size_t cut = word_.ends_with("ed") ? 2 : (word_.ends_with("ing") ? 3 : 0);
    if (cut == 0 || !HasVowel(word_.size() - cut)) return;
    word_.resize(word_.size() - cut);
    // The rules in Porter's order.
    // NOLINTNEXTLINE(bugprone-branch-clone)
    if (word_.ends_with("at") || word_.ends_with("bl") || word_.ends_with("iz")) {
      word_ += 'e';
    } else if (EndsWithDouble() && !word_.ends_with('l') && !word_.ends_with('s') &&
               !word_.ends_with('z')) {
      word_.pop_back();
    } else if (Measure(word_.size()) == 1 && EndsShort(word_.size())) {
      word_ += 'e';
    }
  }

  template <size_t kRules>
  void Replace(const std::array<Rule, kRules>& rules, int measure_least) {
    for (const Rule& rule : rules) {
      if (!word_.ends_with(rule.suffix)) continue;
      const size_t stem = word_.size() - rule.suffix.size();
      if (Measure(stem) >= measure_least) word_.replace(stem, std::string::npos, rule.instead);
      return;
    }
  }

  void Step4() {
    for (const std::string_view suffix : kStep4) {
      if (!word_.ends_with(suffix)) continue;
      const size_t stem = word_.size() - suffix.size();
      const bool fits =
          suffix != "ion" || (stem > 0 && (word_[stem - 1] == 's' || word_[stem - 1] == 't'));
      if (fits && Measure(stem) > 1) word_.resize(stem);
      return;
    }
  }

  void Step5() {
    if (word_.ends_with('e')) {
      const size_t stem = word_.size() - 1;
      const int measure = Measure(stem);
      if (measure > 1 || (measure == 1 && !EndsShort(stem))) word_.resize(stem);
    }
    if (word_.ends_with("ll") && Measure(word_.size()) > 1) word_.pop_back();
  }

  std::string& word_;
};

}  // namespace

void Stem(std::string& word) {
  if (word.size() < 3 || word.size() > kTermBytes) return;
  if (!std::ranges::all_of(word, [](char c) { return c >= 'a' && c <= 'z'; })) return;
  Stemmer(word).Run();
}

}  // namespace weir::vectors

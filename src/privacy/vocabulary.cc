#include "privacy/vocabulary.h"

#include <algorithm>
#include <utility>

#include "privacy/characters.h"
#include "privacy/context_words.h"
#include "privacy/detection_copy.h"
#include "privacy/name_finder.h"
#include "privacy/place_finder.h"
#include "privacy/scan.h"
#include "privacy/secret_finder.h"

namespace weir::privacy {
namespace {

constexpr size_t kHitsMax = size_t{1} << 17;  // a bound of the time, too: each is looked at

// Scripts without spaces between words have no whole words: from U+3000 on, in UTF-8.
bool HasBorders(std::string_view word) { return static_cast<unsigned char>(word[0]) < 0xE3; }

}  // namespace

struct Vocabulary::Words {
  std::vector<std::string> plain = {};
  std::vector<std::string> beyond = {};
  std::vector<Keyword> plain_keywords = {};
  std::vector<Keyword> beyond_keywords = {};

  void Add(std::string_view word, Keyword keyword) {
    const bool other = std::ranges::any_of(word, IsBeyondAscii);
    (other ? beyond : plain).emplace_back(word);
    (other ? beyond_keywords : plain_keywords).push_back(keyword);
  }
  // A word of our own in any script, as it stands in a detection copy.
  void AddFolded(std::string_view word, Keyword keyword) {
    std::string folded(DetectionCopy(word).text());
    std::ranges::transform(folded, folded.begin(), Lower);
    keyword.whole = keyword.whole && HasBorders(folded);
    Add(folded, keyword);
  }
  // A list with commas. Words with spaces also as they are written in names of fields:
  // date_of_birth, date-of-birth.
  void AddAll(std::string_view list, Keyword keyword) {
    while (!list.empty()) {
      const size_t comma = std::min(list.find(','), list.size());
      std::string word(list.substr(0, comma));
      AddFolded(word, keyword);
      for (const char by : {'_', '-'}) {
        if (!word.contains(' ')) continue;
        std::string name = word;
        std::ranges::replace(name, ' ', by);
        AddFolded(name, keyword);
      }
      list.remove_prefix(std::min(comma + 1, list.size()));
    }
  }
  static Words All(std::span<const OwnWord> own);
};

Vocabulary::Words Vocabulary::Words::All(std::span<const OwnWord> own) {
  using Cue = Keyword::Cue;
  Words all;
  uint16_t index = 0;
  for (const ContextRule& rule : ContextRules()) all.AddAll(rule.words, {Cue::kContext, index++});
  index = 0;
  for (const SecretRule& rule : SecretFinder::Rules())
    all.AddFolded(rule.anchor, {Cue::kSecret, index++, false});
  index = 0;
  for (const PlaceRule& rule : PlaceFinder::Rules())
    all.AddAll(rule.words, {Cue::kPlace, index++, rule.whole});
  index = 0;
  for (const NameFinder::Cue& cue : NameFinder::Cues()) {
    all.Add(cue.word, {Cue::kName, index++, true, IsUpper(cue.word[0])});
  }
  all.Add("<<", {Cue::kTravelDocument, 0, false});
  for (const OwnWord& word : own)
    all.Add(word.folded, {Cue::kOwn, word.own, HasBorders(word.folded)});
  return all;
}

Vocabulary::Vocabulary(std::span<const OwnWord> own) : Vocabulary(Words::All(own)) {}

Vocabulary::Vocabulary(Words words)
    : plain_count_(words.plain.size()),
      words_(words.plain),
      keywords_(std::move(words.plain_keywords)),
      plain_(words.plain),
      beyond_(words.beyond) {
  words_.insert(words_.end(), words.beyond.begin(), words.beyond.end());
  keywords_.insert(keywords_.end(), words.beyond_keywords.begin(), words.beyond_keywords.end());
  for (const std::string& word : words.beyond) {
    beyond_length_max_ = std::max(beyond_length_max_, word.size());
  }
}

// Only round the bytes that such a word needs. Where two stretches overlap there are none.
bool Vocabulary::FindBeyondAscii(std::string_view text, std::vector<KeywordHit>& hits) const {
  size_t done = 0;
  for (;;) {
    const auto next =
        std::find_if(text.begin() + static_cast<ptrdiff_t>(done), text.end(), IsBeyondAscii);
    if (next == text.end()) return true;
    size_t last = static_cast<size_t>(next - text.begin());
    const size_t begin = last - std::min(last, beyond_length_max_);
    for (size_t at = last; at < text.size() && at - last <= beyond_length_max_; ++at) {
      if (IsBeyondAscii(text[at])) last = at;
    }
    done = std::min(last + beyond_length_max_, text.size());
    size_t hit = hits.size();
    if (!beyond_.Find(text.substr(begin, done - begin), kHitsMax, hits)) return false;
    for (; hit < hits.size(); ++hit) {
      hits[hit].begin += static_cast<uint32_t>(begin);
      hits[hit].end += static_cast<uint32_t>(begin);
      hits[hit].keyword += static_cast<uint32_t>(plain_count_);
    }
  }
}

bool Vocabulary::Find(std::string_view text, std::vector<KeywordHit>& hits) const {
  bool all = plain_.Find(text, kHitsMax, hits);
  const size_t plain = hits.size();
  all = all && FindBeyondAscii(text, hits);
  if (hits.size() > plain) std::ranges::sort(hits, {}, &KeywordHit::end);
  std::erase_if(hits, [&](const KeywordHit& hit) {
    const Keyword& keyword = Of(hit);
    if (keyword.whole && !IsWholeWord(text, hit.begin, hit.end)) return true;
    return keyword.cased && text.substr(hit.begin, hit.end - hit.begin) != words_[hit.keyword];
  });
  return all;
}

}  // namespace weir::privacy

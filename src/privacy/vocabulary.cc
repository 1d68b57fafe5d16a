#include "privacy/vocabulary.h"

#include <algorithm>
#include <utility>

#include "privacy/characters.h"
#include "privacy/context_words.h"
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
  std::vector<std::string> words = {};
  std::vector<Keyword> keywords = {};

  void Add(std::string_view word, Keyword keyword) {
    words.emplace_back(word);
    keywords.push_back(keyword);
  }
  // A list with commas.
  void AddAll(std::string_view list, Keyword keyword) {
    while (!list.empty()) {
      const size_t comma = std::min(list.find(','), list.size());
      Add(list.substr(0, comma), keyword);
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
    all.Add(rule.anchor, {Cue::kSecret, index++, false});
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
    : words_(std::move(words.words)), keywords_(std::move(words.keywords)), automaton_(words_) {}

bool Vocabulary::Find(std::string_view text, std::vector<KeywordHit>& hits) const {
  const bool all = automaton_.Find(text, kHitsMax, hits);
  std::erase_if(hits, [&](const KeywordHit& hit) {
    const Keyword& keyword = Of(hit);
    if (keyword.whole && !IsWholeWord(text, hit.begin, hit.end)) return true;
    return keyword.cased && text.substr(hit.begin, hit.end - hit.begin) != words_[hit.keyword];
  });
  return all;
}

}  // namespace weir::privacy

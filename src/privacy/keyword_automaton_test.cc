#include "privacy/keyword_automaton.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>
#include <tuple>

#include "privacy/characters.h"

namespace weir::privacy {
namespace {

using Hits = std::multiset<std::tuple<size_t, size_t, size_t>>;

Hits BySearching(const std::vector<std::string>& words, std::string text) {
  std::ranges::transform(text, text.begin(), Lower);
  Hits hits;
  for (size_t i = 0; i < words.size(); ++i) {
    for (size_t at = text.find(words[i]); at != std::string::npos;
         at = text.find(words[i], at + 1)) {
      hits.emplace(at, at + words[i].size(), i);
    }
  }
  return hits;
}

TEST(KeywordAutomaton, FindsWhatASearchForEachWordFinds) {
  std::mt19937 dice(7);
  const auto word = [&](size_t length) {
    std::string text;
    for (size_t i = 0; i < length; ++i) text += static_cast<char>('a' + dice() % 3);
    return text;
  };
  for (int round = 0; round < 300; ++round) {
    std::vector<std::string> words;
    for (size_t i = 0; i < 1 + dice() % 12; ++i) words.push_back(word(1 + dice() % 5));
    std::string text = word(dice() % 200);
    for (char& c : text) c = dice() % 4 == 0 ? Upper(c) : c;
    std::vector<KeywordHit> hits;
    ASSERT_TRUE(KeywordAutomaton(words).Find(text, 100'000, hits));
    Hits found;
    for (const KeywordHit& hit : hits) found.emplace(hit.begin, hit.end, hit.keyword);
    EXPECT_EQ(found, BySearching(words, text)) << text;
    EXPECT_TRUE(std::ranges::is_sorted(hits, {}, &KeywordHit::end));
  }
}

TEST(KeywordAutomaton, SaysWhenThereAreTooMany) {
  std::vector<KeywordHit> hits;
  EXPECT_FALSE(KeywordAutomaton({"a"}).Find("aaaa", 3, hits));
  EXPECT_EQ(hits.size(), 3u);
}

TEST(KeywordAutomaton, WithoutWordsItFindsNothing) {
  std::vector<KeywordHit> hits;
  EXPECT_TRUE(KeywordAutomaton({}).Find("text", 3, hits));
  EXPECT_TRUE(hits.empty());
}

}  // namespace
}  // namespace weir::privacy

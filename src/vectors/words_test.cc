#include "vectors/words.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <random>
#include <set>

#include "vectors/fusion.h"
#include "vectors/word_index.h"

namespace weir::vectors {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> Terms(std::string_view text) {
  std::vector<std::string> terms;
  ForEachTerm(text, [&](std::string_view term) { terms.emplace_back(term); });
  return terms;
}

TEST(Words, AreLowerCaseAndStemmed) {
  EXPECT_THAT(Terms("The connections, CONNECTED!"), ElementsAre("the", "connect", "connect"));
  EXPECT_THAT(Terms(""), IsEmpty());
  EXPECT_THAT(Terms(" .,;-_ __"), IsEmpty());
  EXPECT_THAT(Terms("Ärger ÉTÉ Москва ΑΘΗΝΑ"), ElementsAre("ärger", "été", "москва", "αθηνα"));
}

TEST(Words, IdentifiersCountWholeAndInParts) {
  EXPECT_THAT(Terms("maxNumResults"), ElementsAre("maxnumresults", "max", "num", "result"));
  EXPECT_THAT(Terms("max_num_results"), ElementsAre("max_num_results", "max", "num", "result"));
  EXPECT_THAT(Terms("HTTPServer"), ElementsAre("httpserver", "http", "server"));
  EXPECT_THAT(Terms("utf8"), ElementsAre("utf8", "utf", "8"));
  EXPECT_THAT(Terms("_private"), ElementsAre("privat"));
  EXPECT_THAT(Terms("Word"), ElementsAre("word"));
  EXPECT_THAT(Terms("USA"), ElementsAre("usa"));
}

TEST(Words, WithoutSpacesNeighboursArePaired) {
  EXPECT_THAT(Terms("東京都"), ElementsAre("東京", "京都"));
  EXPECT_THAT(Terms("木"), ElementsAre("木"));
  EXPECT_THAT(Terms("GPU性能 한국어"), ElementsAre("gpu", "性能", "한국", "국어"));
}

TEST(Words, BrokenBytesEndAWord) {
  EXPECT_THAT(Terms("ab\xff"
                    "cd"),
              ElementsAre("ab", "cd"));
  EXPECT_THAT(Terms("ab\xe6\x9d"), ElementsAre("ab"));
  EXPECT_THAT(Terms("\xed\xa0\x80"), testing::Each(testing::SizeIs(testing::Le(kTermBytes))));
}

TEST(Words, LongOnesAreCutBetweenCodePoints) {
  for (const std::string& term : Terms(std::string(1'000, 'a') + " " + [] {
         std::string text = "x";
         for (int i = 0; i < 500; ++i) text += "ä";
         return text;
       }())) {
    EXPECT_LE(term.size(), kTermBytes);
    EXPECT_GE(term.size(), kTermBytes - 3);
  }
}

TEST(Words, StemsAsPorterDid) {
  const std::map<std::string, std::string> stems = {{"caresses", "caress"},
                                                    {"ponies", "poni"},
                                                    {"ties", "ti"},
                                                    {"cats", "cat"},
                                                    {"feed", "feed"},
                                                    {"agreed", "agre"},
                                                    {"plastered", "plaster"},
                                                    {"bled", "bled"},
                                                    {"motoring", "motor"},
                                                    {"sing", "sing"},
                                                    {"conflated", "conflat"},
                                                    {"troubled", "troubl"},
                                                    {"sized", "size"},
                                                    {"hopping", "hop"},
                                                    {"tanned", "tan"},
                                                    {"falling", "fall"},
                                                    {"hissing", "hiss"},
                                                    {"fizzed", "fizz"},
                                                    {"failing", "fail"},
                                                    {"filing", "file"},
                                                    {"happy", "happi"},
                                                    {"sky", "sky"},
                                                    {"relational", "relat"},
                                                    {"conditional", "condit"},
                                                    {"rational", "ration"},
                                                    {"digitizer", "digit"},
                                                    {"vietnamization", "vietnam"},
                                                    {"triplicate", "triplic"},
                                                    {"formative", "form"},
                                                    {"formalize", "formal"},
                                                    {"electricity", "electr"},
                                                    {"hopeful", "hope"},
                                                    {"goodness", "good"},
                                                    {"revival", "reviv"},
                                                    {"allowance", "allow"},
                                                    {"replacement", "replac"},
                                                    {"adoption", "adopt"},
                                                    {"effective", "effect"},
                                                    {"probate", "probat"},
                                                    {"rate", "rate"},
                                                    {"cease", "ceas"},
                                                    {"controlling", "control"},
                                                    {"rolling", "roll"}};
  for (const auto& [word, stem] : stems) {
    std::string stemmed = word;
    Stem(stemmed);
    EXPECT_EQ(stemmed, stem) << word;
  }
}

// The same formula, row by row.
double PlainScore(const std::map<uint32_t, std::vector<std::string>>& texts, uint32_t row,
                  std::string_view query) {
  double length = 0;
  double count = 0;
  for (const auto& [other, terms] : texts) {
    length += static_cast<double>(terms.size());
    count += terms.empty() ? 0 : 1;
  }
  double score = 0;
  const auto& mine = texts.at(row);
  for (const std::string& term : TermsOf(query)) {
    double with = 0;
    for (const auto& [other, terms] : texts) with += std::ranges::count(terms, term) > 0 ? 1 : 0;
    const auto times = static_cast<double>(std::ranges::count(mine, term));
    if (times == 0) continue;
    const double factor = 1.2 * (0.25 + 0.75 * static_cast<double>(mine.size()) / (length / count));
    score += std::log(1 + (count - with + 0.5) / (with + 0.5)) * times * 2.2 / (times + factor);
  }
  return score;
}

TEST(WordIndex, ScoresAsTheFormulaDoesWithAndWithoutDeadRows) {
  std::mt19937 random(5);
  std::geometric_distribution<int> word(0.05);
  WordIndex index;
  std::map<uint32_t, std::vector<std::string>> texts;
  Bitmap dead(700);
  for (uint32_t row = 0; row < 700; ++row) {
    std::string text;
    for (uint32_t i = row % 13; i > 0; --i)
      text += "w" + std::string(1, static_cast<char>('a' + word(random) % 26)) + " ";
    index.Add(text);
    texts[row] = Terms(text);
    if (row % 5 == 0) {
      dead.Set(row);
      index.Kill(row);
      texts.erase(row);
    }
  }
  const WordView view = index.Look();
  for (const std::string query : {"wa", "wb wc wd", "wz we", "nothing", "wa wa wb wy"}) {
    std::vector<double> wanted;
    for (const auto& [row, terms] : texts) {
      if (const double score = PlainScore(texts, row, query); score > 0) wanted.push_back(score);
    }
    std::ranges::sort(wanted, std::greater<>());
    for (const size_t count : {3, 1'000}) {
      const auto found = SearchWords(view, query, &dead, nullptr, count);
      ASSERT_EQ(found.size(), std::min(count, wanted.size())) << query;
      for (size_t i = 0; i < found.size(); ++i) {
        EXPECT_NEAR(-found[i].distance, wanted[i], 1e-4) << query << " " << i;
        EXPECT_NEAR(-found[i].distance, PlainScore(texts, found[i].row, query), 1e-4);
      }
    }
  }
}

TEST(WordIndex, EligibleRowsAreScoredAsAmongAll) {
  WordIndex index;
  for (int i = 0; i < 200; ++i) index.Add(i % 2 == 0 ? "red apple" : "green apple tree");
  Bitmap eligible(200);
  eligible.Set(3);
  eligible.Set(4);
  const auto all = SearchWords(index.Look(), "green apple", nullptr, nullptr, 200);
  const auto few = SearchWords(index.Look(), "green apple", nullptr, &eligible, 200);
  ASSERT_EQ(all.size(), 200U);
  ASSERT_EQ(few.size(), 2U);
  EXPECT_EQ(few[0].row, 3U);
  EXPECT_EQ(few[0].distance, all[0].distance);
}

TEST(Fusion, WeighsScaledScoresOrRanks) {
  const std::vector<Candidate> vectors = {{-0.9F, 1}, {-0.8F, 2}, {-0.1F, 3}};
  const std::vector<Candidate> words = {{-12, 3}, {-10, 2}, {-2, 4}};
  const auto scaled = Fuse({.vector_weight = 0.5F, .words_weight = 0.5F}, vectors, words, 10);
  ASSERT_EQ(scaled.size(), 4U);
  EXPECT_EQ(scaled[0].row, 2U);  // near the top in both
  EXPECT_NEAR(-scaled[0].distance, 0.5 * 0.875 + 0.5 * 0.8, 1e-5);
  const auto ranks =
      Fuse({.kind = Blend::Kind::kRanks, .vector_weight = 1, .words_weight = 1}, vectors, words, 2);
  ASSERT_EQ(ranks.size(), 2U);
  EXPECT_EQ(ranks[0].row, 3U);
  EXPECT_NEAR(-ranks[0].distance, 1 / 63.0 + 1 / 61.0, 1e-6);
  EXPECT_TRUE(Fuse({}, {}, {}, 5).empty());
}

}  // namespace
}  // namespace weir::vectors

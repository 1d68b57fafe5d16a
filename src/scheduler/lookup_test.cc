#include "scheduler/lookup.h"

#include <gtest/gtest.h>

#include <random>

#include "scheduler/test_engine.h"

namespace weir::scheduler::testing {
namespace {

using Tokens = std::vector<Token>;

Tokens DraftOf(const Tokens& tokens, int32_t most) {
  Lookup lookup;
  lookup.Read(tokens, 0);
  return lookup.Draft(tokens, most);
}

TEST(Lookup, DraftsWhatFollowedTheSameTokensBefore) {
  EXPECT_EQ(DraftOf({1, 2, 3, 4, 5, 6, 9, 1, 2, 3}, 3), (Tokens{4, 5, 6}));
}

TEST(Lookup, HasNothingToSayWhereNothingIsAlike) {
  EXPECT_EQ(DraftOf({}, 4), Tokens{});
  EXPECT_EQ(DraftOf({1, 2}, 4), Tokens{});
  EXPECT_EQ(DraftOf({1, 2, 3, 4, 5, 6}, 4), Tokens{});
  EXPECT_EQ(DraftOf({1, 2, 3, 9, 2, 3}, 4), Tokens{}) << "two tokens alike are chance";
  EXPECT_EQ(DraftOf({1, 2, 3, 9, 1, 2, 3}, 0), Tokens{});
}

TEST(Lookup, TheLatestPlaceCounts) {
  EXPECT_EQ(DraftOf({1, 2, 3, 4, 9, 1, 2, 3, 5, 9, 1, 2, 3}, 1), (Tokens{5}));
}

TEST(Lookup, APlaceThatGoesOnBeingAlikeIsKept) {
  // 1 2 3 stands there twice; what comes then is as after the first, and so is what follows.
  const Tokens tokens = {1, 2, 3, 4, 5, 6, 7, 1, 2, 3, 8, 5, 6, 0, 1, 2, 3, 4, 5, 6};
  EXPECT_EQ(DraftOf(tokens, 2), (Tokens{7, 1}));
}

TEST(Lookup, ATextThatRepeatsItselfGoesOnDoingSo) {
  EXPECT_EQ(DraftOf({7, 8, 7, 8, 7, 8, 7}, 5), (Tokens{8, 7, 8, 7, 8}));
  EXPECT_EQ(DraftOf({5, 5, 5, 5, 5}, 7), (Tokens{5, 5, 5, 5, 5, 5, 5}));
}

TEST(Lookup, APredictionIsTakenToFollowThePromptAndIsFoundAgainWhereAnAnswerLeftIt) {
  const Tokens prompt = {1, 2, 3, 4};
  Lookup lookup({11, 12, 13, 14, 15, 16, 17});
  Tokens tokens = prompt;
  lookup.Read(tokens, 4);
  EXPECT_EQ(lookup.Draft(tokens, 3), (Tokens{11, 12, 13}));
  tokens = {1, 2, 3, 4, 11};
  lookup.Read(tokens, 4);
  EXPECT_EQ(lookup.Draft(tokens, 2), (Tokens{12, 13}));
  tokens = {1, 2, 3, 4, 11, 90};
  lookup.Read(tokens, 4);
  EXPECT_EQ(lookup.Draft(tokens, 2), Tokens{});
  tokens = {1, 2, 3, 4, 11, 90, 13, 14, 15};
  lookup.Read(tokens, 4);
  EXPECT_EQ(lookup.Draft(tokens, 2), (Tokens{16, 17}));
}

TEST(Lookup, APredictionOfAPromptOfOneTokenIsFoundByItsOwnTokensAlone) {
  Lookup lookup({11, 12, 13, 14});
  Tokens tokens = {1};
  lookup.Read(tokens, 1);
  EXPECT_EQ(lookup.Draft(tokens, 2), Tokens{});
  tokens = {1, 11, 12, 13};
  lookup.Read(tokens, 1);
  EXPECT_EQ(lookup.Draft(tokens, 1), Tokens{14});
}

TEST(Lookup, ReadingInPiecesIsReadingAtOnce) {
  std::mt19937 random(1);
  Tokens tokens;
  Lookup pieces;
  for (int i = 0; i < 3000; ++i) {
    tokens.push_back(static_cast<Token>(random() % 6));
    if (random() % 4 == 0) pieces.Read(tokens, 100);
  }
  pieces.Read(tokens, 100);
  Lookup whole;
  whole.Read(tokens, 100);
  EXPECT_EQ(pieces.Draft(tokens, 16), whole.Draft(tokens, 16));
  for (int32_t i = 0; i < 16; ++i) EXPECT_EQ(pieces.Chance(i), whole.Chance(i));
}

// Every place that it finds is one, whatever collides in its table.
TEST(Lookup, ADraftFollowsTokensThatAreReallyAlike) {
  std::mt19937 random(2);
  for (int round = 0; round < 200; ++round) {
    Tokens tokens;
    for (int i = 0; i < 400; ++i) tokens.push_back(static_cast<Token>(random() % 8));
    const Tokens draft = DraftOf(tokens, 1);
    const auto end = static_cast<std::ptrdiff_t>(tokens.size());
    bool seen = false, followed = false;
    for (std::ptrdiff_t i = Lookup::kGram; i < end; ++i) {
      const bool same = std::equal(tokens.end() - Lookup::kGram, tokens.end(),
                                   tokens.begin() + i - Lookup::kGram);
      seen = seen || same;
      followed = followed || (same && !draft.empty() && tokens[static_cast<size_t>(i)] == draft[0]);
    }
    EXPECT_EQ(!draft.empty(), seen);
    EXPECT_EQ(!draft.empty(), followed);
  }
}

TEST(Lookup, LearnsFromTheAnswerHowOftenItIsRight) {
  const Tokens prompt = Text(0, 50);
  Lookup right, wrong;
  Tokens copied = prompt, other = prompt;
  for (Token token = 0; token < 40; ++token) {
    copied.push_back(token);
    right.Read(copied, 50);
  }
  for (Token token = 0; token < 40; token += 4) {
    for (const Token next : {token, token + 1, token + 2, 900 + token}) {
      other.push_back(next);
      wrong.Read(other, 50);
    }
  }
  for (const Token next : {0, 1, 2}) other.push_back(next);
  wrong.Read(other, 50);
  EXPECT_GT(right.Chance(0), 0.9);
  EXPECT_LT(wrong.Chance(0), 0.2);
}

TEST(Lookup, GuessesNothingThatIsNoToken) {
  Lookup lookup;
  const Tokens tokens = {1, 2, 3, 4, -7, -8, 5, 1, 2, 3};  // two rows of an image
  lookup.Read(tokens, static_cast<int32_t>(tokens.size()));
  EXPECT_EQ(lookup.Draft(tokens, 5), Tokens({4}));
  const Tokens image = {9, -7, -8, -9, 5, 6, -7, -8, -9};
  Lookup again;
  again.Read(image, static_cast<int32_t>(image.size()));
  EXPECT_EQ(again.Draft(image, 2), Tokens({5, 6}));
}

TEST(Lookup, LearnsNothingFromThePrompt) {
  Tokens prompt;
  for (int i = 0; i < 50; ++i) prompt.insert(prompt.end(), {1, 2, 3, 4});
  Lookup fresh, read;
  const Tokens start = {1, 2, 3, 4, 1, 2, 3};
  fresh.Read(start, 7);
  prompt.insert(prompt.end(), {7, 1, 2, 3});
  read.Read(prompt, static_cast<int32_t>(prompt.size()));
  EXPECT_EQ(fresh.Chance(0), read.Chance(0));
}

}  // namespace
}  // namespace weir::scheduler::testing

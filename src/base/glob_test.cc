#include "base/glob.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

TEST(Glob, StarsAndQuestionMarksMatchRunsAndSingles) {
  EXPECT_TRUE(MatchesGlob("team-*", "team-a"));
  EXPECT_TRUE(MatchesGlob("team-*", "team-"));
  EXPECT_TRUE(MatchesGlob("*", ""));
  EXPECT_TRUE(MatchesGlob("*-prod-*", "a-prod-prod-b"));
  EXPECT_TRUE(MatchesGlob("a?c", "abc"));
  EXPECT_TRUE(MatchesGlob("*a*b", "aabab"));
  EXPECT_FALSE(MatchesGlob("team-*", "Team-a"));
  EXPECT_FALSE(MatchesGlob("team", "team-a"));
  EXPECT_FALSE(MatchesGlob("?", ""));
  EXPECT_FALSE(MatchesGlob("", "a"));
}

TEST(Glob, ManyStarsTakeNoExponentialTime) {
  std::string pattern;
  for (int i = 0; i < 1000; ++i) pattern += "*a";
  EXPECT_FALSE(MatchesGlob(pattern + "b", std::string(10'000, 'a')));
}

}  // namespace
}  // namespace weir

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

TEST(Glob, APatternCoversThoseThatAreNarrower) {
  EXPECT_TRUE(CoversGlob("*", "hr-*"));
  EXPECT_TRUE(CoversGlob("hr*", "hr*"));
  EXPECT_TRUE(CoversGlob("hr*", "hr-eu-?"));
  EXPECT_TRUE(CoversGlob("hr?", "hr1"));
  EXPECT_TRUE(CoversGlob("hr?", "hr?"));
  EXPECT_TRUE(CoversGlob("?*", "*?"));
  EXPECT_TRUE(CoversGlob("a**b", "a*b"));
  EXPECT_TRUE(CoversGlob("*a*", "?a*"));
  EXPECT_FALSE(CoversGlob("hr1", "hr*"));
  EXPECT_FALSE(CoversGlob("hr?", "hr*"));
  EXPECT_FALSE(CoversGlob("hr1", "hr?"));
  EXPECT_FALSE(CoversGlob("*-eu", "hr-*"));
  EXPECT_FALSE(CoversGlob("?", "*"));
}

TEST(Glob, ManyStarsTakeNoExponentialTime) {
  std::string pattern;
  for (int i = 0; i < 1000; ++i) pattern += "*a";
  EXPECT_FALSE(MatchesGlob(pattern + "b", std::string(10'000, 'a')));
}

}  // namespace
}  // namespace weir

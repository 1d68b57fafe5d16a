#include "dialects/chroma/patterns.h"

#include <gtest/gtest.h>

namespace weir::chroma {
namespace {

bool Matches(const char* pattern, std::string_view text) {
  const auto test = Patterns().Add(pattern, "at");
  EXPECT_TRUE(test) << pattern;
  return test && (*test)(text) == true;
}

TEST(Patterns, AreLookedForAnywhereInAText) {
  EXPECT_TRUE(Matches("har?bour", "the harbour"));
  EXPECT_TRUE(Matches("(?i)HARBOUR", "the harbour"));
  EXPECT_FALSE(Matches("^harbour", "the harbour"));
  EXPECT_TRUE(Matches(R"(\d{4}-\d{2}$)", "on 2026-11"));
  EXPECT_TRUE(Matches("s.a", "die s\u00e4a"));  // a character, not a byte
  EXPECT_TRUE(Matches(R"(^\p{Greek}+$)", "\u03b1\u03b2\u03b3"));
  EXPECT_FALSE(Matches("a.b", "a\nb"));
  EXPECT_FALSE(Matches(".*", ""));  // no document
}

TEST(Patterns, ThatAreNoneOrTooLargeAreRefusedByName) {
  const struct {
    std::string pattern, reason;
  } kBad[] = {
      {"", "invalid_value"},
      {std::string(1'025, 'a'), "invalid_value"},
      {"(secret", "invalid_regex"},
      {"a{1001}", "invalid_regex"},
      {"(?=secret)", "invalid_regex"},
      {R"((a)\1)", "invalid_regex"},
      {"\xff", "invalid_regex"},
      {"((a{100}){100})", "invalid_regex"},
      {R"((\pL{100}){4})", "regex_too_large"},
      {"(a{900}b){5}", "invalid_regex"},
  };
  for (const auto& [pattern, reason] : kBad) {
    const auto test = Patterns().Add(pattern, "where_document.$regex");
    ASSERT_FALSE(test) << pattern;
    EXPECT_EQ(test.error().reason, reason) << pattern;
    EXPECT_EQ(test.error().param, "where_document.$regex");
    EXPECT_TRUE(test.error().message.starts_with("where_document.$regex ")) << pattern;
    EXPECT_EQ(test.error().message.find("secret"), std::string::npos) << test.error().message;
  }
  EXPECT_TRUE(Patterns().Add(std::string(1'024, 'a'), "at"));
}

TEST(Patterns, OfOneRequestAreFew) {
  Patterns patterns;
  for (size_t i = 0; i < Patterns::kCountMax; ++i) EXPECT_TRUE(patterns.Add("a", "at"));
  const auto more = patterns.Add("a", "at");
  ASSERT_FALSE(more);
  EXPECT_EQ(more.error().reason, "filter_too_large");
}

TEST(Patterns, ShareTheTimeOfTheirRequest) {
  Patterns patterns(std::chrono::nanoseconds(1));
  const auto one = patterns.Add("a+b", "one");
  const auto other = patterns.Add("b", "other");
  ASSERT_TRUE(one && other);
  // What is looked at when there is time left is looked at to its end.
  const std::string long_text(100'000, 'a');
  EXPECT_EQ((*one)(long_text), false);
  const auto late = (*other)("b");
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().reason, "regex_too_slow");
  EXPECT_EQ(late.error().param, "other");
}

// An automaton of it has more states than there is memory for; without one each character costs a
// step for each place in the pattern.
TEST(Patterns, ThatNoAutomatonHoldsAreStoppedInTime) {
  Patterns patterns(std::chrono::milliseconds(20));
  const auto test = patterns.Add("(a|b)*a(a|b){900}c", "at");
  ASSERT_TRUE(test);
  std::string text;
  uint32_t state = 1;
  for (int i = 0; i < 10'000; ++i) {
    state = state * 1'664'525 + 1'013'904'223;
    text += (state >> 16) % 2 != 0 ? 'a' : 'b';
  }
  int looked_at = 0;
  for (; looked_at < 1'000; ++looked_at) {
    const auto matches = (*test)(text);
    if (matches) continue;
    EXPECT_EQ(matches.error().reason, "regex_too_slow");
    break;
  }
  EXPECT_LT(looked_at, 1'000);
}

}  // namespace
}  // namespace weir::chroma

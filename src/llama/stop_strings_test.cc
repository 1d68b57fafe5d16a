#include "llama/stop_strings.h"

#include <gtest/gtest.h>

#include <random>

#include "base/utf8.h"

namespace weir::llama {
namespace {

std::string Feed(StopStrings& stops, const std::vector<std::string>& pieces) {
  std::string text;
  for (const std::string& piece : pieces) {
    const std::string out = stops.Push(piece);
    EXPECT_TRUE(IsValidUtf8(out));
    text += out;
  }
  return text + stops.Finish();
}

TEST(StopStrings, PassesTextThroughAtOnceWhenNothingCanBeAStop) {
  StopStrings stops({"STOP"});
  EXPECT_EQ(stops.Push("hello"), "hello");
  EXPECT_EQ(stops.Push(" S"), " ");
  EXPECT_EQ(stops.Push("o"), "So");
  EXPECT_FALSE(stops.found());
}

TEST(StopStrings, FindsAStopAcrossTokenBorders) {
  StopStrings stops({"</end>", "STOP"});
  EXPECT_EQ(Feed(stops, {"one ", "two </", "en", "d> three"}), "one two ");
  EXPECT_TRUE(stops.found());
  EXPECT_EQ(stops.found_stop(), "</end>");
  EXPECT_EQ(stops.Push("more"), "");
}

TEST(StopStrings, TheEarliestStopWins) {
  StopStrings stops({"c", "bc", "abcd"});
  EXPECT_EQ(Feed(stops, {"xabc"}), "xa");
  EXPECT_EQ(stops.found_stop(), "bc");
}

TEST(StopStrings, NeverCutsACodePoint) {
  StopStrings stops({});
  EXPECT_EQ(stops.Push("\xF0\x9F"), "");
  EXPECT_EQ(stops.Push("\xA6\x8A!"), "\xF0\x9F\xA6\x8A!");
}

TEST(StopStrings, AStopInsideOfACodePointsBytesIsFoundToo) {
  StopStrings stops({"京"});
  EXPECT_EQ(Feed(stops, {"東", "\xE4\xBA", "\xAC x"}), "東");
  EXPECT_TRUE(stops.found());
}

TEST(StopStrings, BytesThatAreNoTextBecomeReplacementCharacters) {
  StopStrings stops({});
  EXPECT_EQ(Feed(stops, {"a\xFF", "b", "\xE4\xBA"}),
            "a\xEF\xBF\xBD"
            "b\xEF\xBF\xBD\xEF\xBF\xBD");
}

TEST(StopStrings, AnyWayOfCuttingTheInputGivesTheSameText) {
  const std::string text = "aab<|e<|end|> 東京🦊 aabaabaaac<|end|>x";
  std::mt19937 random(7);
  for (const std::string stop : {"aabaac", "<|end|>", "京🦊", "aaac"}) {
    const size_t at = text.find(stop);
    const std::string expected = text.substr(0, at);
    for (int round = 0; round < 200; ++round) {
      StopStrings stops({stop});
      std::vector<std::string> pieces;
      for (size_t i = 0; i < text.size();) {
        const size_t length = 1 + random() % 4;
        pieces.push_back(text.substr(i, length));
        i += length;
      }
      EXPECT_EQ(Feed(stops, pieces), expected);
      EXPECT_EQ(stops.found(), at != std::string::npos);
    }
  }
}

}  // namespace
}  // namespace weir::llama

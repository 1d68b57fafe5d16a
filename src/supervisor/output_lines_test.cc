#include "supervisor/output_lines.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace weir {
namespace {

using testing::ElementsAre;

struct Written {
  OutputLines lines;
  std::vector<std::string> seen;
  FakeClock clock;

  void Feed(std::string_view bytes) {
    lines.Feed(bytes, clock.Now(), [this](std::string_view line) { seen.emplace_back(line); });
  }
  void End() {
    lines.End(clock.Now(), [this](std::string_view line) { seen.emplace_back(line); });
  }
};

TEST(OutputLines, ALineIsWholeHoweverItsBytesCome) {
  Written written;
  for (const char c : std::string("one\ntwo\r\n\n10%\r20%\rlast")) written.Feed({&c, 1});
  EXPECT_THAT(written.seen, ElementsAre("one", "two", "10%", "20%"));
  written.End();
  EXPECT_THAT(written.seen.back(), "last");
  EXPECT_EQ(written.lines.last(), "last");
}

TEST(OutputLines, ALineIsCutAndItsRestForgotten) {
  Written written;
  const std::string umlauts = [] {
    std::string text = "x";
    for (int i = 0; i < 2000; ++i) text += "\xc3\xa4";
    return text;
  }();
  written.Feed(umlauts + "\nnext\n");
  ASSERT_EQ(written.seen.size(), 2u);
  EXPECT_THAT(written.seen[0], testing::EndsWith("\xc3\xa4 ..."));
  EXPECT_LE(written.seen[0].size(), OutputLines::kLineBytesMax + 4);
  EXPECT_EQ(written.seen[1], "next");
}

TEST(OutputLines, WhatIsNoTextIsReplaced) {
  Written written;
  written.Feed("\x1b[31mred\x1b[0m\nbad \xff\xc3 bytes\ngr\xc3\xbcn\n");
  EXPECT_THAT(written.seen, ElementsAre(" [31mred [0m", "bad ?? bytes", "gr\xc3\xbcn"));
}

TEST(OutputLines, ManyLinesAreCountedInsteadOfTold) {
  Written written;
  for (int i = 0; i < 1000; ++i) written.Feed("line\n");
  EXPECT_EQ(written.seen.size(), static_cast<size_t>(OutputLines::kLinesAtOnce));
  written.clock.Advance(std::chrono::seconds(1));
  written.Feed("later\n");
  EXPECT_EQ(written.seen[written.seen.size() - 2], "(800 lines were left out)");
  EXPECT_EQ(written.seen.back(), "later");
  for (int i = 0; i < 100; ++i) written.Feed("line\n");
  written.End();
  EXPECT_EQ(written.seen.back(), "(81 lines were left out)");
}

}  // namespace
}  // namespace weir

#include "wire/document.h"

#include <gtest/gtest.h>

namespace weir::wire {
namespace {

Pages TwoBlocks() {
  return {
      .title = "Notes",
      .blocks = {{.kind = Block::Kind::kHeading, .level = 1, .begin = 0, .end = 8, .text = "Notes"},
                 {.begin = 9, .end = 14, .text = "words"}}};
}

TEST(DocumentProtocol, PagesComeBackAsTheyWereAndNoCutIsTaken) {
  const std::string bytes = Encode(TwoBlocks());
  const auto again = Decode<Pages>(bytes);
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(*again, TwoBlocks());
  for (size_t length = 0; length < bytes.size(); ++length)
    EXPECT_FALSE(Decode<Pages>(std::string_view(bytes).substr(0, length)));
}

TEST(DocumentProtocol, BoundsAreNamed) {
  EXPECT_EQ(BrokenBound(TwoBlocks(), 14), "");
  EXPECT_EQ(BrokenBound(TwoBlocks(), 13), "begin and end");
  Pages pages = TwoBlocks();
  pages.blocks[0].level = kHeadingLevelMax + 1;
  EXPECT_EQ(BrokenBound(pages, 14), "kHeadingLevelMax");
  pages = TwoBlocks();
  pages.blocks[1].text = "\xFF";
  EXPECT_EQ(BrokenBound(pages, 14), "text");
  pages = TwoBlocks();
  pages.title.assign(kDocumentTitleBytesMax + 1, 'x');
  EXPECT_EQ(BrokenBound(pages, 14), "title");
}

}  // namespace
}  // namespace weir::wire

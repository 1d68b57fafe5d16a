#include "base/terminal_text.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

TEST(TerminalText, HoldsNothingThatATerminalObeys) {
  EXPECT_EQ(WithoutControls("a\033[31mb\a\x7f\xc2\x9b"
                            "c\r\n\td"),
            "a[31mbc\n\td");
  EXPECT_EQ(OneLine("a\033[31mb\a\x7f\xc2\x9b"
                    "c\r\n\td"),
            "a?[31mb???c   d");
}

TEST(TerminalText, LeavesAllElse) {
  const std::string text = "qwen2.5:0.5b \xc2\xa0\xc3\xa4 \xf0\x9f\x8c\x8a \xc2";
  EXPECT_EQ(WithoutControls(text), text);
  EXPECT_EQ(OneLine(text), text);
}

}  // namespace
}  // namespace weir

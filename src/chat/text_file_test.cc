#include "chat/text_file.h"

#include <gtest/gtest.h>

#include <string>

namespace weir::chat {
namespace {

bool IsText(std::string media_type, std::string data) {
  return IsTextFile({.kind = Part::Kind::kFile,
                     .media_type = std::move(media_type),
                     .data = std::move(data),
                     .name = "tide.md"});
}

TEST(TextFile, IsKnownByItsTypeAndItsBytes) {
  for (const char* type :
       {"text/plain", "text/markdown", "text/csv; charset=utf-8", "application/json", ""}) {
    EXPECT_TRUE(IsText(type, "high at \xC3\xA9ight")) << type;
  }
  EXPECT_FALSE(IsText("application/pdf", "high at eight"));
  EXPECT_FALSE(IsText("text/plain", "a\xFF"));
  EXPECT_FALSE(IsText("", std::string("a\0b", 3)));
  EXPECT_FALSE(IsText("text/plain", ""));
}

TEST(TextFile, IsNoneThatAReaderTakesForSomethingElse) {
  for (const char* type : {"text/plain", "text/rtf", ""}) {
    EXPECT_FALSE(IsText(type, "%PDF-1.7\nall of it ASCII")) << type;
    EXPECT_FALSE(IsText(type, "\xEF\xBB\xBF\n{\\rtf1 jane\\'40mail.example.org}")) << type;
  }
  EXPECT_TRUE(IsText("text/plain", "A PDF begins with %PDF-"));
}

TEST(TextFile, IsNoPartOfAnotherKindAndNoneThatLiesElsewhere) {
  EXPECT_FALSE(IsTextFile({.kind = Part::Kind::kImage, .media_type = "text/plain", .data = "a"}));
  EXPECT_FALSE(IsTextFile({.text = "a"}));
  EXPECT_FALSE(IsTextFile({.kind = Part::Kind::kFile,
                           .media_type = "text/plain",
                           .data = "a",
                           .url = "https://example.org/a"}));
}

}  // namespace
}  // namespace weir::chat

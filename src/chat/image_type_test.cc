#include "chat/image_type.h"

#include <gtest/gtest.h>

namespace weir::chat {
namespace {

TEST(ImageType, IsToldByTheFirstBytes) {
  EXPECT_EQ(ImageTypeOf("\x89PNG\r\n\x1a\nrest"), "image/png");
  EXPECT_EQ(ImageTypeOf("\xff\xd8\xff\xe0"), "image/jpeg");
  EXPECT_EQ(ImageTypeOf("GIF89a"), "image/gif");
  EXPECT_EQ(ImageTypeOf(std::string_view("RIFF\0\0\0\0WEBPVP8 ", 16)), "image/webp");
  EXPECT_EQ(ImageTypeOf("BM6\3"), "image/bmp");
  for (const char* other : {"", "RIFF", "<svg>", "<html>", "\x89PN"}) {
    EXPECT_EQ(ImageTypeOf(other), "") << other;
  }
}

}  // namespace
}  // namespace weir::chat

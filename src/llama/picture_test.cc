#include "llama/picture.h"

#include <gtest/gtest.h>

#include <string>

#include "llama/test_images.h"

namespace weir::llama {
namespace {

using testing::Bmp;
using testing::Png;
using testing::Stored;

std::string ReasonOf(const std::string& file) {
  const auto picture = ReadPicture(file);
  if (picture) return "read";
  EXPECT_EQ(picture.error().code, Code::kInvalidArgument);
  return picture.error().reason;
}

TEST(Picture, IsReadFromTheTopRowByRow) {
  const auto picture = ReadPicture(Bmp(
      2, 3, [](int32_t x, int32_t y) { return static_cast<uint32_t>(0x0A0000 * (x + 1) + y); }));
  ASSERT_TRUE(picture) << picture.error().message;
  EXPECT_EQ(picture->size.width, 2);
  EXPECT_EQ(picture->size.height, 3);
  EXPECT_EQ(picture->pixels,
            (std::vector<uint8_t>{10, 0, 0, 20, 0, 0, 10, 0, 1, 20, 0, 1, 10, 0, 2, 20, 0, 2}));
}

TEST(Picture, OfAPngIsRead) {
  const std::string row("\0\1\2\3\4\5\6", 7);
  const auto picture = ReadPicture(Png(2, 1, Stored(row)));
  ASSERT_TRUE(picture) << picture.error().message;
  EXPECT_EQ(picture->pixels, (std::vector<uint8_t>{1, 2, 3, 4, 5, 6}));
}

TEST(Picture, ThatUnpacksToMoreThanItSaysIsRefused) {
  EXPECT_EQ(ReasonOf(Png(2, 1, Stored(std::string(100'000, '\0')))), "image_invalid");
}

TEST(Picture, ThatIsBrokenIsRefused) {
  const std::string whole = Png(2, 2, Stored(std::string(14, '\0')));
  EXPECT_EQ(ReasonOf(whole), "read");
  for (size_t size = 8; size + 12 < whole.size(); ++size)
    EXPECT_EQ(ReasonOf(whole.substr(0, size)), "image_invalid") << size;
  const std::string bmp = testing::Stripes(1, 5, 4);
  for (size_t size = 26; size < bmp.size(); ++size)
    EXPECT_EQ(ReasonOf(bmp.substr(0, size)), "image_invalid") << size;
  EXPECT_EQ(ReasonOf("BM"), "image_invalid");
  EXPECT_EQ(ReasonOf("GIF89a"), "image_invalid");
  EXPECT_EQ(ReasonOf("\xFF\xD8\xFF"), "image_invalid");
}

TEST(Picture, OfAnotherKindIsRefusedByName) {
  EXPECT_EQ(ReasonOf(""), "image_format");
  EXPECT_EQ(ReasonOf("a text"), "image_format");
  EXPECT_EQ(ReasonOf("8BPS"), "image_format");  // stb_image would read it
  const auto webp = ReadPicture(std::string("RIFF\1\0\0\0WEBPVP8 ", 16));
  ASSERT_FALSE(webp);
  EXPECT_NE(webp.error().message.find("WebP"), std::string::npos);
}

TEST(Picture, OverABoundIsRefusedByItsHead) {
  EXPECT_EQ(ReasonOf(Png(10'000, 10'000, "")), "image_too_large");
  EXPECT_EQ(ReasonOf(Png(1, 101, "")), "image_too_large");
  EXPECT_EQ(ReasonOf(Png(1, 100, "")), "image_invalid");
  EXPECT_EQ(ReasonOf("BM" + std::string(kImageBytesMax, '\0')), "image_too_large");
}

TEST(Picture, OfAJpegWithEndlessScansIsRefused) {
  // The smallest head that says a size: 8 by 8, one component.
  const std::string head("\xFF\xD8\xFF\xC0\0\x0B\x08\0\x08\0\x08\1\1\x11\0", 15);
  std::string scans;
  for (int i = 0; i < 129; ++i) scans += std::string("\xFF\xDA\0\x08\1\1\0\0\x3F\0", 10);
  EXPECT_EQ(ReasonOf(head + scans + "\xFF\xD9"), "image_too_large");
}

}  // namespace
}  // namespace weir::llama

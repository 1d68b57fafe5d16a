#include "llama/orientation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "llama/picture.h"
#include "llama/test_images.h"

namespace weir::llama {
namespace {

using testing::Jpeg;
using testing::Segment;

// An entry of a TIFF's list, and whatever else has numbers in it, in the order of `little`.
std::string Number(uint32_t number, int bytes, bool little) {
  std::string text;
  testing::AppendNumber(text, number, bytes);
  if (!little) std::ranges::reverse(text);
  return text;
}

std::string Entry(uint32_t tag, uint32_t type, uint32_t value, bool little) {
  return Number(tag, 2, little) + Number(type, 2, little) + Number(1, 4, little) +
         Number(value, 2, little) + std::string(2, '\0');
}

std::string Note(const std::string& tiff) {
  return Segment('\xE1', std::string("Exif\0\0", 6) + tiff);
}

// As cameras write it: the maker stands before it in the list, and something behind it.
std::string Tiff(uint32_t value, bool little = false, uint32_t type = 3) {
  return (little ? "II" : "MM") + Number(42, 2, little) + Number(8, 4, little) +
         Number(3, 2, little) + Entry(0x010F, 2, 0, little) + Entry(0x0112, type, value, little) +
         Entry(0x0128, 3, 2, little) + Number(0, 4, little);
}

std::string Head(const std::string& segments) { return "\xFF\xD8" + segments; }

int HeldHow(const std::string& segments) { return static_cast<int>(OrientationOf(Head(segments))); }

// The grey in the middle of each square of eight by eight pixels, row by row.
std::vector<int> GreysOf(const Picture& picture) {
  std::vector<int> greys;
  for (int32_t y = 4; y < picture.size.height; y += 8) {
    for (int32_t x = 4; x < picture.size.width; x += 8)
      greys.push_back(picture.pixels[static_cast<size_t>(y * picture.size.width + x) * 3]);
  }
  return greys;
}

TEST(Orientation, OfEachKindTurnsThePictureUpright) {
  // Three columns and two rows are stored: 10 20 30 over 40 50 60.
  const std::vector<std::vector<int>> seen = {{10, 20, 30, 40, 50, 60}, {30, 20, 10, 60, 50, 40},
                                              {60, 50, 40, 30, 20, 10}, {40, 50, 60, 10, 20, 30},
                                              {10, 40, 20, 50, 30, 60}, {40, 10, 50, 20, 60, 30},
                                              {60, 30, 50, 20, 40, 10}, {30, 60, 20, 50, 10, 40}};
  for (uint32_t kind = 1; kind <= 8; ++kind) {
    const std::string file = Jpeg(3, 2, {10, 20, 30, 40, 50, 60}, Note(Tiff(kind)));
    const auto size = ReadPictureSize(file);
    const auto picture = ReadPicture(file);
    ASSERT_TRUE(size && picture) << kind;
    EXPECT_EQ(size->width, kind < 5 ? 24 : 16);
    EXPECT_EQ(size->height, kind < 5 ? 16 : 24);
    EXPECT_EQ(picture->size.width, size->width);
    EXPECT_EQ(GreysOf(*picture), seen[kind - 1]) << kind;
  }
}

TEST(Orientation, IsReadInBothOrdersOfBytesAndBehindOtherSegments) {
  const std::string before = Segment('\xE0', "JFIF") + Segment('\xE1', "http://ns.adobe.com/xap");
  for (uint32_t kind = 1; kind <= 8; ++kind) {
    EXPECT_EQ(HeldHow(Note(Tiff(kind))), static_cast<int>(kind));
    EXPECT_EQ(HeldHow(before + "\xFF\xFF" + Note(Tiff(kind, true))), static_cast<int>(kind));
  }
}

TEST(Orientation, ThatIsNoneIsPassedOver) {
  EXPECT_EQ(HeldHow(""), 1);
  EXPECT_EQ(HeldHow(Note(Tiff(0))), 1);
  EXPECT_EQ(HeldHow(Note(Tiff(9))), 1);
  EXPECT_EQ(HeldHow(Note(Tiff(6, false, 4))), 1);
  EXPECT_EQ(HeldHow(Note("")), 1);
  EXPECT_EQ(HeldHow(Note("XX" + Tiff(6).substr(2))), 1);
  EXPECT_EQ(HeldHow(Segment('\xDA', "rows") + Note(Tiff(6))), 1);
  std::string far = Tiff(6);
  far.replace(4, 4, "\xFF\xFF\xFF\xFF");
  EXPECT_EQ(HeldHow(Note(far)), 1);
  std::string many = Tiff(6).replace(18, 2, "\xFF\xFF");  // another tag, in a list without an end
  EXPECT_EQ(HeldHow(Note(many.replace(8, 2, "\xFF\xFF"))), 6);
}

TEST(Orientation, ThatEndsTooEarlyIsPassedOver) {
  const std::string whole = Head(Note(Tiff(6)));
  for (size_t size = 2; size < whole.size(); ++size)
    EXPECT_EQ(OrientationOf(whole.substr(0, size)), Orientation::kUpright) << size;
  const std::string tiff = Tiff(6);
  constexpr size_t kSecondEntryEnds = 8 + 2 + 12 + 12;
  for (size_t size = 0; size < kSecondEntryEnds; ++size)
    EXPECT_EQ(HeldHow(Note(tiff.substr(0, size))), 1) << size;
  EXPECT_EQ(HeldHow(Note(tiff.substr(0, kSecondEntryEnds))), 6);
}

TEST(Orientation, ThatIsBrokenLeavesThePictureAsItIs) {
  const auto picture = ReadPicture(Jpeg(2, 1, {10, 20}, Note(Tiff(77))));
  ASSERT_TRUE(picture);
  EXPECT_EQ(GreysOf(*picture), (std::vector<int>{10, 20}));
}

}  // namespace
}  // namespace weir::llama

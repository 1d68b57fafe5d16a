#include "privacy/detection_copy.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "base/utf8.h"

namespace weir::privacy {
namespace {

std::string Folded(std::string_view text) { return std::string(DetectionCopy(text).text()); }

TEST(DetectionCopy, PlainTextIsItself) {
  const std::string text = "Plain text, with lines\nand tabs\tand signs: $ # @ ~";
  const DetectionCopy copy(text);
  EXPECT_EQ(copy.text().data(), text.data()) << "and is not copied";
  EXPECT_EQ(copy.Original({3, 9}), (ByteRange{3, 9}));
}

TEST(DetectionCopy, WhatLooksTheSameBecomesTheSame) {
  EXPECT_EQ(Folded("１２３－４５"), "123-45");
  EXPECT_EQ(Folded("𝟏𝟐𝟑 𝐀𝐛 𝙯"), "123 Ab z");
  EXPECT_EQ(Folded("٤٥٦ ۷۸ ९"), "456 78 9");
  EXPECT_EQ(Folded("a‐b–c—d−e"), "a-b-c-d-e");
  EXPECT_EQ(Folded("a\u00a0b\u2009c\u3000d"), "a b c d");
  EXPECT_EQ(Folded("José Müller Łódź Straße Æsir"), "Jose Muller Lodz Strasse AEsir");
  EXPECT_EQ(Folded("Jose\u0301"), "Jose");
  EXPECT_EQ(Folded("раssword"), "password");  // two Cyrillic letters
  EXPECT_EQ(Folded("ﬁnal ①② ²"), "final 12 2");
  EXPECT_EQ(Folded("“it’s”"), "\"it's\"");
  EXPECT_EQ(Folded("Nguyễn Thị Ặ"), "Nguyen Thi A");
}

TEST(DetectionCopy, WhatCannotBeSeenGoes) {
  EXPECT_EQ(Folded("4\u200b1\u200d1\u00ad1"), "4111");
  EXPECT_EQ(Folded("\ufeffx\u202ey\U000e0041"), "xy");
}

TEST(DetectionCopy, EscapesAreRead) {
  EXPECT_EQ(Folded(R"(a\u0040b\n\"c\" \ud835\udfcf \x)"), "a@b\n\"c\" 1 \\x");
  EXPECT_EQ(Folded(R"({\"a\":\"x\\\\u0040y\\\\n\\\\z\"})"), "{\"a\":\"x@y\n\\z\"}")
      << "JSON inside of JSON";
  EXPECT_EQ(Folded("jane%40example%2Ecom 100% 5%zz"), "jane@example.com 100% 5%zz");
  EXPECT_EQ(Folded("%C3%A9t%C3%A9 %EF%BC%91"), "ete 1");
  EXPECT_EQ(Folded("a&#64;b&#x2e;c &amp; &commat; &bogus; &#0; &#99999999;"),
            "a@b.c & @ &bogus;   &#99999999;");
  EXPECT_EQ(Folded(R"(\ud835 \u12 \)"), R"(\ud835 \u12 \)");
}

TEST(DetectionCopy, OtherScriptsStay) {
  EXPECT_EQ(Folded("日本語 한국어 ελλάδα"), "日本語 한국어 ελλάδα");
}

TEST(DetectionCopy, CountsWhatIsNoText) {
  EXPECT_EQ(DetectionCopy("fine\n").unreadable(), 0u);
  EXPECT_EQ(DetectionCopy(std::string_view("a\0b\1", 4)).unreadable(), 2u);
  EXPECT_EQ(DetectionCopy("\xff\xfe\xc3").unreadable(), 3u);
}

// Random texts of pieces whose folded form is known one by one: the map of a piece in the copy is
// exactly the piece in the text.
TEST(DetectionCopy, PlacesMapBackExactly) {
  const std::vector<std::string> pieces = {
      "a",      "Z",  "7",       " ",   "é",   "ß",      "１",    "𝟏",     "—",
      "\u200b", "日", "\\u0031", "\\n", "%41", "%C3%A9", "&amp;", "&#49;", "\\ud835\\udfcf",
      "а",      "ﬁ",  "\u0301"};
  std::mt19937 dice(20261122);
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    std::string expected;
    std::vector<ByteRange> from;  // of each byte of the copy, the piece
    for (size_t i = 0; i < dice() % 30; ++i) {
      const std::string& piece = pieces[dice() % pieces.size()];
      const std::string folded = Folded(piece);
      from.insert(from.end(), folded.size(), ByteRange{text.size(), text.size() + piece.size()});
      text += piece;
      expected += folded;
    }
    const DetectionCopy copy(text);
    ASSERT_EQ(copy.text(), expected) << text;
    for (size_t begin = 0; begin < from.size(); ++begin) {
      const size_t end = begin + 1 + dice() % (from.size() - begin);
      EXPECT_EQ(copy.Original({begin, end}), (ByteRange{from[begin].begin, from[end - 1].end}))
          << text;
    }
  }
}

TEST(DetectionCopy, AnyBytesAreTakenAndMapInside) {
  std::mt19937 dice(3);
  const std::string_view alphabet = "\\u0019%AF&#x;amp\xc3\xa9\xff\xe2\x80\x8b\xf0\x9d\x9f\x8f n";
  for (int round = 0; round < 3000; ++round) {
    std::string text;
    for (size_t i = 0; i < dice() % 40; ++i) text += alphabet[dice() % alphabet.size()];
    const DetectionCopy copy(text);
    for (size_t at = 0; at < copy.text().size(); ++at) {
      const ByteRange range = copy.Original({at, at + 1});
      ASSERT_LT(range.begin, range.end);
      ASSERT_LE(range.end, text.size());
      if (!IsValidUtf8(text)) continue;
      EXPECT_TRUE(IsValidUtf8(text.substr(range.begin, range.end - range.begin))) << text;
    }
  }
}

}  // namespace
}  // namespace weir::privacy

#include <gtest/gtest.h>

#include <set>

#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "base/utf8.h"

namespace weir {
namespace {

TEST(Result, CarriesTheErrorWithItsField) {
  const Result<int> result = Fail(Code::kInvalidArgument, "n is 0; the least is 1", "n");
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().param, "n");
  EXPECT_EQ(CodeName(result.error().code), "invalid_argument");
}

TEST(Result, EveryCodeHasADistinctName) {
  std::set<std::string_view> names;
  for (int i = 0; i < kCodeCount; ++i) names.insert(CodeName(static_cast<Code>(i)));
  EXPECT_EQ(names.size(), static_cast<size_t>(kCodeCount));
}

TEST(NewSortedId, SortsByItsMillisecond) {
  const WallTime time(std::chrono::milliseconds(1'795'000'000'000));
  const auto id = [&](int64_t later_ms) {
    return NewSortedId("dec_", time + std::chrono::milliseconds(later_ms));
  };
  EXPECT_EQ(id(0).size(), NewId("dec_").size());
  EXPECT_EQ(id(0).substr(0, 12), id(0).substr(0, 12));
  EXPECT_NE(id(0), id(0));
  for (const int64_t later : {1, 61, 62, 3844, 1'000'000'000}) {
    EXPECT_LT(id(later - 1), id(later)) << later;
  }
}

TEST(NewId, KeepsThePrefixAndNeverRepeats) {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const std::string id = NewId("req_");
    EXPECT_EQ(id.size(), 28u);
    EXPECT_TRUE(id.starts_with("req_"));
    EXPECT_TRUE(seen.insert(id).second);
  }
}

TEST(Utf8, RefusesWhatRfc3629Refuses) {
  EXPECT_TRUE(IsValidUtf8("a\u00e9\u4e2d\U0001F600"));
  EXPECT_FALSE(IsValidUtf8("\xC0\x80"));          // overlong
  EXPECT_FALSE(IsValidUtf8("\xED\xA0\x80"));      // surrogate
  EXPECT_FALSE(IsValidUtf8("\xF4\x90\x80\x80"));  // above U+10FFFF
  EXPECT_FALSE(IsValidUtf8("\xE4\xB8"));          // cut
  EXPECT_FALSE(IsValidUtf8("\x80"));
  // Wherever it stands in the eight bytes that are read at once.
  for (size_t at = 0; at <= 24; ++at) {
    const std::string before(at, 'a');
    EXPECT_TRUE(IsValidUtf8(before + "\u4e2d\u00e9" + before));
    EXPECT_FALSE(IsValidUtf8(before + '\x80' + before));
    EXPECT_FALSE(IsValidUtf8(before + "\xE4\xB8"));
  }
}

TEST(Utf8, APrefixNeverEndsInsideACodePoint) {
  const std::string text = "a\u00e9\u4e2d\U0001F600";
  for (size_t cut = 0; cut <= text.size(); ++cut) {
    const std::string_view part(text.data(), cut);
    const size_t whole = CompleteUtf8Prefix(part);
    EXPECT_TRUE(IsValidUtf8(part.substr(0, whole)));
    EXPECT_LE(cut - whole, 3u);
  }
  EXPECT_EQ(CompleteUtf8Prefix("a\xFF"), 2u);  // never valid: not held back
}

TEST(FakeClock, MovesOnlyWhenTold) {
  FakeClock clock;
  const MonotonicTime before = clock.Now();
  clock.Advance(std::chrono::milliseconds(5));
  EXPECT_EQ(clock.Now() - before, std::chrono::milliseconds(5));
}

}  // namespace
}  // namespace weir

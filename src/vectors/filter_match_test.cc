#include "vectors/filter_match.h"

#include <gtest/gtest.h>

#include "json/parse.h"

namespace weir::vectors {
namespace {

bool MatchesJson(Filter filter, std::string_view payload) {
  const auto parsed = json::Parse(payload);
  EXPECT_TRUE(parsed);
  return Matches(filter, {"id", "the text", &*parsed, [](std::string_view s) { return s == "a"; }});
}
bool Holds(Condition condition, std::string_view payload) {
  Filter filter;
  filter.must.push_back(std::move(condition));
  return MatchesJson(std::move(filter), payload);
}

TEST(FilterMatch, ComparesNumbersByValueAndOthersByKind) {
  EXPECT_TRUE(Holds(Match{"n", {int64_t{3}}}, R"({"n": 3})"));
  EXPECT_TRUE(Holds(Match{"n", {int64_t{3}}}, R"({"n": 3.0})"));
  EXPECT_TRUE(Holds(Match{"n", {3.0}}, R"({"n": 3})"));
  EXPECT_FALSE(Holds(Match{"n", {int64_t{3}}}, R"({"n": "3"})"));
  EXPECT_FALSE(Holds(Match{"n", {int64_t{1}}}, R"({"n": true})"));
  EXPECT_TRUE(Holds(Match{"n", {true}}, R"({"n": true})"));
  EXPECT_FALSE(Holds(Match{"n", {int64_t{9007199254740993}}}, R"({"n": 9007199254740992})"));
  EXPECT_TRUE(Holds(Match{"n", {std::string("x"), std::string("y")}}, R"({"n": "y"})"));
  EXPECT_FALSE(Holds(Match{"n", {}}, R"({"n": "y"})"));
}

TEST(FilterMatch, AnyElementOfAnArrayWillDo) {
  EXPECT_TRUE(Holds(Match{"n", {int64_t{2}}}, R"({"n": [1, [2]]})"));
  EXPECT_TRUE(Holds(Range{.path = "a[].b", .gt = 4}, R"({"a": [{"b": 1}, {"b": 5}]})"));
  EXPECT_TRUE(Holds(Range{.path = "a.b", .gt = 4}, R"({"a": [{"b": 1}, {"b": 5}]})"));
  EXPECT_FALSE(Holds(Range{.path = "a.b", .gt = 5}, R"({"a": [{"b": 1}, {"b": 5}]})"));
}

TEST(FilterMatch, NestedWantsOneElementToMatchAll) {
  Filter inner;
  inner.must = {Match{"food", {std::string("meat")}}, Match{"likes", {true}}};
  const std::string_view split =
      R"({"diet": [{"food": "meat", "likes": false}, {"food": "grass", "likes": true}]})";
  const std::string_view whole = R"({"diet": [{"food": "meat", "likes": true}]})";
  EXPECT_FALSE(Holds(Nested{"diet", inner}, split));
  EXPECT_TRUE(Holds(Nested{"diet", inner}, whole));
}

TEST(FilterMatch, TellsAbsentFromNullFromEmpty) {
  for (const std::string_view empty : {R"({})", R"({"n": null})", R"({"n": []})"}) {
    EXPECT_TRUE(Holds(IsEmpty{"n"}, empty)) << empty;
  }
  EXPECT_FALSE(Holds(IsEmpty{"n"}, R"({"n": 0})"));
  EXPECT_FALSE(Holds(IsNull{"n"}, R"({})"));
  EXPECT_TRUE(Holds(IsNull{"n"}, R"({"n": null})"));
  EXPECT_TRUE(Holds(ValuesCount{.path = "n", .gte = 2}, R"({"n": [1, 2]})"));
  EXPECT_FALSE(Holds(ValuesCount{.path = "n", .gte = 2}, R"({"n": 1})"));
}

TEST(FilterMatch, ExceptNeedsAValueThatIsAnother) {
  EXPECT_TRUE(Holds(Except{"n", {int64_t{1}}}, R"({"n": 2})"));
  EXPECT_FALSE(Holds(Except{"n", {int64_t{1}}}, R"({"n": 1})"));
  EXPECT_FALSE(Holds(Except{"n", {int64_t{1}}}, R"({})"));
}

TEST(FilterMatch, CombinesMustShouldAndMustNot) {
  Filter filter;
  filter.should = {Match{"a", {int64_t{1}}}, Match{"b", {int64_t{1}}}, Match{"c", {int64_t{1}}}};
  EXPECT_TRUE(MatchesJson(filter, R"({"b": 1})"));
  EXPECT_FALSE(MatchesJson(filter, R"({"b": 2})"));
  filter.should_least = 2;
  EXPECT_FALSE(MatchesJson(filter, R"({"b": 1})"));
  EXPECT_TRUE(MatchesJson(filter, R"({"b": 1, "c": 1})"));
  filter.must_not = {Match{"a", {int64_t{1}}}};
  EXPECT_FALSE(MatchesJson(filter, R"({"a": 1, "b": 1, "c": 1})"));
}

TEST(FilterMatch, LooksAtIdVectorsAndText) {
  EXPECT_TRUE(Holds(HasId{{"x", "id"}}, "{}"));
  EXPECT_FALSE(Holds(HasId{{"x"}}, "{}"));
  EXPECT_TRUE(Holds(HasVector{"a"}, "{}"));
  EXPECT_FALSE(Holds(HasVector{"b"}, "{}"));
  EXPECT_TRUE(Holds(OwnTextHas{"e t"}, "{}"));
  EXPECT_TRUE(Holds(OwnTextPasses{[](std::string_view text) { return text == "the text"; }}, "{}"));
  EXPECT_FALSE(Holds(OwnTextPasses{[](std::string_view) { return false; }}, "{}"));
  EXPECT_TRUE(Holds(HasText{"n", "ell"}, R"({"n": "hello"})"));
}

TEST(FilterMatch, ReadsTimes) {
  using namespace std::chrono;
  const WallTime noon = sys_days(2026y / 11 / 3) + 12h;
  EXPECT_EQ(ParseTime("2026-11-03T12:00:00Z"), noon);
  EXPECT_EQ(ParseTime("2026-11-03 12:00"), noon);
  EXPECT_EQ(ParseTime("2026-11-03T13:30:00.000+01:30"), noon);
  EXPECT_EQ(ParseTime("2026-11-03T12:00:00.000001Z"), noon + 1us);
  EXPECT_EQ(ParseTime("2026-11-03"), noon - 12h);
  for (const std::string_view bad : {"", "2026", "2026-13-01", "2026-02-30", "2026-11-03T",
                                     "2026-11-03T24:00", "2026-11-03T1:00", "2026-11-03T12:00:00.",
                                     "2026-11-03T12:00:00+1", "2026-11-03T12:00:00Zx", "hello"}) {
    EXPECT_EQ(ParseTime(bad), std::nullopt) << bad;
  }
  EXPECT_TRUE(Holds(TimeRange{.path = "t", .gte = noon}, R"({"t": "2026-11-03T12:00:00Z"})"));
  EXPECT_FALSE(Holds(TimeRange{.path = "t", .gt = noon}, R"({"t": "2026-11-03T12:00:00Z"})"));
  EXPECT_FALSE(Holds(TimeRange{.path = "t", .lt = noon}, R"({"t": 5})"));
}

}  // namespace
}  // namespace weir::vectors

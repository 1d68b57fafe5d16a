#include "knowledge/attributes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "knowledge/passages.h"
#include "vectors/filter_match.h"

namespace weir::knowledge {
namespace {

using Kind = chat::AttributeFilter::Kind;
using chat::AttributeFilter;
using chat::AttributeValue;

const chat::Attributes kAttributes = {{"author", std::string("Ada")},
                                      {"year", int64_t{1843}},
                                      {"rating", 4.5},
                                      {"draft", false},
                                      {"a.b[]%2E", std::string("odd")}};

json::Value Payload() {
  return json::Object{{"document", "a.md"}, {field::kAttributes, AttributesPayload(kAttributes)}};
}

AttributeFilter Is(Kind kind, std::string key, std::vector<AttributeValue> values) {
  return {.kind = kind, .key = std::move(key), .values = std::move(values)};
}
AttributeFilter All(Kind kind, std::vector<AttributeFilter> parts) {
  return {.kind = kind, .parts = std::move(parts)};
}

bool Finds(const AttributeFilter& filter) {
  const json::Value payload = Payload();
  return vectors::Matches(FilterOf(filter), {.payload = &payload});
}

TEST(Attributes, ComeBackAsTheyWere) {
  EXPECT_EQ(AttributesFromText(AttributesText(kAttributes)), kAttributes);
  EXPECT_EQ(AttributesOfPayload(Payload()), kAttributes);
  EXPECT_EQ(AttributesText({}), "");
  EXPECT_EQ(AttributesFromText("no json"), chat::Attributes());
  EXPECT_EQ(AttributesOfPayload(json::Object{}), chat::Attributes());
}

TEST(AttributeFilter, FindsByEveryKind) {
  EXPECT_TRUE(Finds({})) << "nothing is asked";
  EXPECT_TRUE(Finds(Is(Kind::kEqual, "author", {"Ada"})));
  EXPECT_FALSE(Finds(Is(Kind::kEqual, "author", {"ada"})));
  EXPECT_TRUE(Finds(Is(Kind::kEqual, "year", {1843.0})));
  EXPECT_TRUE(Finds(Is(Kind::kEqual, "draft", {false})));
  EXPECT_TRUE(Finds(Is(Kind::kEqual, "a.b[]%2E", {"odd"}))) << "a name that looks like a path";
  EXPECT_FALSE(Finds(Is(Kind::kNotEqual, "author", {"Ada"})));
  EXPECT_TRUE(Finds(Is(Kind::kNotEqual, "author", {"Eva"})));
  EXPECT_TRUE(Finds(Is(Kind::kNotEqual, "editor", {"Eva"}))) << "what is absent is not Eva";
  EXPECT_TRUE(Finds(Is(Kind::kGreater, "year", {int64_t{1842}})));
  EXPECT_FALSE(Finds(Is(Kind::kGreater, "year", {int64_t{1843}})));
  EXPECT_TRUE(Finds(Is(Kind::kGreaterOrEqual, "year", {int64_t{1843}})));
  EXPECT_TRUE(Finds(Is(Kind::kLess, "rating", {4.6})));
  EXPECT_FALSE(Finds(Is(Kind::kLess, "rating", {4.5})));
  EXPECT_TRUE(Finds(Is(Kind::kLessOrEqual, "rating", {4.5})));
  EXPECT_FALSE(Finds(Is(Kind::kLess, "editor", {4.5}))) << "what is absent is not less";
  EXPECT_TRUE(Finds(Is(Kind::kIn, "author", {"Eva", "Ada"})));
  EXPECT_FALSE(Finds(Is(Kind::kIn, "author", {"Eva"})));
  EXPECT_FALSE(Finds(Is(Kind::kNotIn, "author", {"Eva", "Ada"})));
  EXPECT_TRUE(Finds(Is(Kind::kNotIn, "editor", {"Eva"})));
}

TEST(AttributeFilter, JoinsWithAndAndOr) {
  const AttributeFilter ada = Is(Kind::kEqual, "author", {"Ada"});
  const AttributeFilter later = Is(Kind::kGreater, "year", {int64_t{1900}});
  EXPECT_FALSE(Finds(All(Kind::kAnd, {ada, later})));
  EXPECT_TRUE(Finds(All(Kind::kOr, {ada, later})));
  EXPECT_FALSE(Finds(All(Kind::kOr, {later})));
  EXPECT_TRUE(Finds(All(Kind::kAnd, {ada, All(Kind::kOr, {later, ada})})));
}

}  // namespace
}  // namespace weir::knowledge

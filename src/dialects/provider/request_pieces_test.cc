#include "dialects/provider/request_pieces.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "dialects/provider/field_rules.h"

namespace weir::provider {
namespace {

TEST(PathSegment, EncodesWhatAPathMayNotHold) {
  EXPECT_EQ(PathSegment("gpt-5.5_x~"), "gpt-5.5_x~");
  EXPECT_EQ(PathSegment("a/b c?d#e%"), "a%2Fb%20c%3Fd%23e%25");
  EXPECT_EQ(PathSegment("\xC3\xA9"), "%C3%A9");
  const std::vector<std::string> bad_names = {"", ".", "..", std::string(257, 'x')};
  for (const std::string& bad : bad_names) {
    EXPECT_FALSE(PathSegment(bad));
  }
}

TEST(JsonCall, RefusesABodyOverItsBound) {
  EXPECT_TRUE(JsonCall("/x", "{}", false, "application/json"));
  const auto call = JsonCall("/x", std::string(chat::kProviderBodyBytesMax + 1, 'x'), false, "a");
  ASSERT_FALSE(call);
  EXPECT_EQ(call.error().code, Code::kTooLarge);
}

TEST(MadeCallId, DiffersInEveryTurnChoiceAndCall) {
  chat::GenerateRequest first, second;
  first.messages.resize(1);
  second.messages.resize(3);
  EXPECT_NE(MadeCallId(first, 0, 0), MadeCallId(second, 0, 0));
  EXPECT_NE(MadeCallId(first, 0, 0), MadeCallId(first, 0, 1));
  EXPECT_NE(MadeCallId(first, 0, 0), MadeCallId(first, 1, 0));
  EXPECT_EQ(MadeCallId(first, 1, 2), MadeCallId(first, 1, 2));
}

TEST(Normalise, GivesUnitLengthAndLeavesNothingAlone) {
  std::vector<float> vector = {3, 4};
  ASSERT_TRUE(Normalise(vector));
  EXPECT_EQ(vector, (std::vector<float>{0.6f, 0.8f}));
  std::vector<float> zero = {0, 0};
  ASSERT_TRUE(Normalise(zero));
  EXPECT_EQ(zero, (std::vector<float>{0, 0}));
}

TEST(Normalise, RefusesWhatHasNoLength) {
  for (const float odd : {INFINITY, -INFINITY, NAN}) {
    std::vector<float> vector = {1, odd};
    EXPECT_EQ(Normalise(vector).error().code, Code::kBackendFailed);
  }
  // JSON has larger numbers than a float does.
  auto vector = ReadVector(json::Value(json::Array{1e300}));
  EXPECT_FALSE(vector && Normalise(*vector));
}

TEST(Count, IsAbsentUnlessItIsOne) {
  const json::Value object(
      json::Object{{"a", 5}, {"b", -1}, {"c", 1.5}, {"d", "5"}, {"e", nullptr}});
  EXPECT_EQ(Count(&object, "a"), 5);
  for (const char* key : {"b", "c", "d", "e", "f"}) EXPECT_EQ(Count(&object, key), std::nullopt);
  EXPECT_EQ(Count(nullptr, "a"), std::nullopt);
}

TEST(FieldNames, AreAllDifferent) {
  auto names = FieldNames();
  std::ranges::sort(names);
  EXPECT_EQ(std::ranges::adjacent_find(names), names.end());
}

}  // namespace
}  // namespace weir::provider

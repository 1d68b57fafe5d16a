#include "dialects/provider/strict_calls.h"

#include <gtest/gtest.h>

#include "json/parse.h"

namespace weir::provider {
namespace {

json::Value Json(std::string_view text) { return json::Parse(text).value_or(json::Value()); }

TEST(StrictCalls, HoldOnlyStrictToolsToTheirSchemas) {
  const std::string schema = R"({"type":"object","required":["city"]})";
  const chat::GenerateRequest request{
      .tools = {{.name = "strict", .parameters = schema, .strict = true},
                {.name = "free", .parameters = schema}}};
  const StrictCalls calls(request);
  EXPECT_TRUE(calls.Check("strict", Json(R"({"city":"Rome"})")));
  EXPECT_TRUE(calls.Check("free", Json("{}")));
  EXPECT_TRUE(calls.Check("nobody", Json("{}")));
  const auto broken = calls.Check("strict", Json("{}"));
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().code, Code::kBackendFailed);
  EXPECT_EQ(broken.error().reason, "call_breaks_schema");
}

TEST(StrictCalls, AreRefusedWhereTheyCannotBeChecked) {
  EXPECT_TRUE(CanCheck(Json(R"({"properties":{"city":{"type":"string"}}})"), 2));
  const auto refused = CanCheck(Json(R"({"properties":{"city":{"pattern":"x"}}})"), 2);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kUnprocessable);
  EXPECT_EQ(refused.error().reason, "not_supported_by_target");
  EXPECT_EQ(refused.error().param, "tools[2].function.parameters/properties/city/pattern");
}

}  // namespace
}  // namespace weir::provider

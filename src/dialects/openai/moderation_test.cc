#include "dialects/openai/moderation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "json/parse.h"

namespace weir::openai {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(ReadModeration, TakesEveryFormOfText) {
  EXPECT_THAT(ReadModeration(R"({"input":"a"})")->texts, ElementsAre("a"));
  EXPECT_THAT(ReadModeration(R"({"input":["a","b"]})")->texts, ElementsAre("a", "b"));
  const auto parts = ReadModeration(
      R"({"model":"omni-moderation-latest","input":[{"type":"text","text":"a"},{"type":"text","text":"b"}]})");
  ASSERT_TRUE(parts) << parts.error().message;
  EXPECT_THAT(parts->texts, ElementsAre("a", "b"));
  EXPECT_TRUE(parts->parts);
  EXPECT_THAT(ReadModeration(R"({"input":""})")->texts, ElementsAre(""));
}

struct Refusal {
  const char* body;
  const char* param;
  const char* words;
};
class Refusals : public testing::TestWithParam<Refusal> {};

TEST_P(Refusals, NameTheField) {
  const auto call = ReadModeration(GetParam().body);
  ASSERT_FALSE(call);
  EXPECT_EQ(call.error().param, GetParam().param) << call.error().message;
  EXPECT_THAT(call.error().message, HasSubstr(GetParam().words));
}

INSTANTIATE_TEST_SUITE_P(
    All, Refusals,
    testing::Values(Refusal{"{}", "input", "required"},
                    Refusal{R"({"input":[]})", "input", "empty"},
                    Refusal{R"({"input":7})", "input", "array"},
                    Refusal{R"({"input":["a",{"type":"text","text":"b"}]})", "input[1]", "string"},
                    Refusal{R"({"input":[{"type":"text","text":"b"},"a"]})", "input[1]", "object"},
                    Refusal{R"({"input":[{"type":"image_url","image_url":{"url":"data:,"}}]})",
                            "input[0].type", "no images"},
                    Refusal{R"({"input":[{"type":"audio"}]})", "input[0].type", "image_url"},
                    Refusal{R"({"input":[{"type":"text"}]})", "input[0].text", "required"},
                    Refusal{R"({"input":"a","model":"gpt-5"})", "model", "weir-detectors"},
                    Refusal{R"({"input":"a","modell":"x"})", "modell", "model"}));

TEST(ReadModeration, BoundsTheText) {
  const std::string half(kModerationBytesMax / 2 + 1, 'a');
  const auto call = ReadModeration(R"({"input":[")" + half + R"(",")" + half + R"("]})");
  ASSERT_FALSE(call);
  EXPECT_THAT(call.error().message, HasSubstr("16777216"));
}

TEST(RenderModeration, SaysWhatWasFoundAndJudgesNothingElse) {
  const std::vector<std::vector<ModerationFinding>> results = {
      {{.type = "email", .begin = 3, .end = 9, .score = 90, .label = chat::Label::kPersonal},
       {.type = "email", .part = 1, .end = 5, .score = 70, .label = chat::Label::kPersonal}},
      {}};
  const auto answer = json::Parse(RenderModeration("modr_1", results)).value();
  const json::Array& all = *answer.Find("results")->AsArray();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(*all[0].Find("flagged"), json::Value(true));
  EXPECT_EQ(*all[1].Find("flagged"), json::Value(false));
  const json::Value& scores = *all[0].Find("category_scores");
  EXPECT_EQ(*scores.Find("privacy/email"), json::Value(0.9));
  EXPECT_EQ(*scores.Find("privacy/personal"), json::Value(0.9));
  EXPECT_EQ(*scores.Find("privacy/secret"), json::Value(0.0));
  EXPECT_EQ(*scores.Find("violence"), json::Value(0.0));
  const json::Value& applied = *all[0].Find("category_applied_input_types");
  EXPECT_TRUE(applied.Find("violence")->AsArray()->empty());
  EXPECT_EQ(applied.Find("privacy/email")->AsArray()->size(), 1u);
  EXPECT_EQ(all[0].Find("weir")->Find("findings")->AsArray()->size(), 2u);
  for (const json::Value& result : all) {
    EXPECT_GE(result.Find("categories")->AsObject()->size(), 17u);
    EXPECT_EQ(result.Find("categories")->AsObject()->size(),
              result.Find("category_scores")->AsObject()->size());
  }
}

}  // namespace
}  // namespace weir::openai

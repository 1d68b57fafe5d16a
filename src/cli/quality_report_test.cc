#include "cli/quality_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/quality_text.h"
#include "json/parse.h"

namespace weir::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

QualityReport ThreeRows() {
  return {.text = "notes_1.txt",
          .text_bytes = 5000,
          .text_sha256 = std::string(64, 'a'),
          .context_tokens = 512,
          .windows = 3,
          .tokens = 765,
          .threads = 2,
          .rows = {{.name = "mine:f16",
                    .type = "F16",
                    .size = 16'000'000,
                    .parameters = 8'000'000,
                    .quality = {.perplexity = 20.12345,
                                .perplexity_error = 0.5,
                                .prefill_tokens_per_s = 900,
                                .decode_tokens_per_s = 40}},
                   {.name = "mine:f16-q8_0",
                    .type = "Q8_0",
                    .size = 8'500'000,
                    .parameters = 8'000'000,
                    .made = true,
                    .quality = {.perplexity = 20.13,
                                .perplexity_error = 0.5,
                                .divergence = 0.00123,
                                .divergence_error = 0.0001,
                                .same_top = 0.9812,
                                .prefill_tokens_per_s = 1000,
                                .decode_tokens_per_s = 60}},
                   {.name = "a<b>|c:q4",
                    .type = "Q4_0",
                    .size = 4'500'000,
                    .quality = {.perplexity = 23,
                                .perplexity_error = 0.6,
                                .divergence = 0.12,
                                .divergence_error = 0.01,
                                .same_top = 0.9}}}};
}

TEST(QualityReport, TheTableSaysEachFigureOnce) {
  const std::string table = QualityTable(ThreeRows());
  EXPECT_THAT(table, HasSubstr("20.1234 ± 0.5000"));
  EXPECT_THAT(table, HasSubstr("0.00123 ± 0.00010"));
  EXPECT_THAT(table, HasSubstr("98.12 %"));
  EXPECT_THAT(table, HasSubstr("16.00"));
  EXPECT_THAT(table, HasSubstr("765 tokens, the second halves of 3 windows of 512"));
  EXPECT_THAT(table, HasSubstr("KL divergence from mine:f16 "));
  QualityReport alone = ThreeRows();
  alone.rows.resize(1);
  EXPECT_THAT(QualityTable(alone), Not(HasSubstr("KL divergence from")));
}

TEST(QualityReport, NamesDoNotBreakMarkdown) {
  const std::string text = QualityMarkdown(ThreeRows());
  EXPECT_THAT(text, HasSubstr("| a\\<b>\\|c:q4 | Q4\\_0 |"));
  EXPECT_THAT(text, HasSubstr("notes\\_1.txt"));
  const size_t head = text.find('\n');
  EXPECT_EQ(std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(head), '|'), 10);
}

TEST(QualityReport, WhatIsUnknownIsNullInJson) {
  const auto value = json::Parse(QualityJson(ThreeRows()));
  ASSERT_TRUE(value);
  const json::Array& models = *value->Find("models")->AsArray();
  EXPECT_EQ(*value->Find("base"), json::Value("mine:f16"));
  EXPECT_EQ(models.size(), 3U);
  EXPECT_TRUE(models[0].Find("kl_divergence")->is_null());
  EXPECT_EQ(*models[0].Find("bits_per_weight"), json::Value(16.0));
  EXPECT_EQ(*models[1].Find("same_top"), json::Value(0.9812));
  EXPECT_EQ(*models[1].Find("made"), json::Value(true));
  EXPECT_TRUE(models[2].Find("bits_per_weight")->is_null());
  EXPECT_TRUE(models[2].Find("decode_tokens_per_s")->is_null());
}

TEST(QualityReport, ThePlotHasAPointForEachModelInEachPanel) {
  const auto count = [](const std::string& text, std::string_view what) {
    size_t found = 0;
    for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1))
      ++found;
    return found;
  };
  const std::string svg = QualitySvg(ThreeRows());
  EXPECT_EQ(count(svg, "<circle "), 3U + 2U + 3U);
  EXPECT_THAT(svg, HasSubstr(">Q4_0</text>"));
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
  QualityReport report = ThreeRows();
  report.rows[1].type = "Q4_0";  // two of a type: their names tell them apart
  EXPECT_THAT(QualitySvg(report), HasSubstr(">a&lt;b&gt;|c:q4</text>"));
  report.rows.resize(1);
  report.rows[0].quality = {.perplexity = 20};  // one point, and nothing around it
  const std::string alone = QualitySvg(report);
  EXPECT_EQ(count(alone, "<circle "), 2U);
  EXPECT_THAT(alone, Not(HasSubstr("nan")));
  EXPECT_THAT(alone, Not(HasSubstr("inf")));
}

TEST(QualityReport, TheTextInsideIsLongEnoughForTwoWindows) {
  EXPECT_GT(kQualityText.size(), 8000U);
  EXPECT_TRUE(kQualityText.starts_with("THE WEIR"));
}

}  // namespace
}  // namespace weir::cli

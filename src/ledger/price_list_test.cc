#include "ledger/price_list.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::ledger {
namespace {

using testing::HasSubstr;

config::Backend BackendAt(std::string url, config::Tier tier = config::Tier::kCloud) {
  config::Backend backend;
  backend.url.value = std::move(url);
  backend.tier.value = tier;
  return backend;
}
config::Target TargetOf(std::string model) {
  config::Target target;
  target.name.value = "big";
  target.model.value = std::move(model);
  return target;
}

TEST(PriceList, KnowsModelsAtTheirProvidersAddress) {
  const PriceList& list = PriceList::BuiltIn();
  const auto price = list.Find(BackendAt("https://api.openai.com/v1"), TargetOf("gpt-5.5"));
  ASSERT_TRUE(price.has_value());
  EXPECT_EQ(price->currency, "USD");
  EXPECT_EQ(price->input, 5'000'000);
  EXPECT_EQ(price->cached_input, 500'000);
  EXPECT_EQ(price->output, 30'000'000);
  EXPECT_TRUE(price->version.starts_with(list.checked()));
  // Elsewhere the same name is another thing.
  EXPECT_FALSE(list.Find(BackendAt("http://10.0.0.1:8000/v1"), TargetOf("gpt-5.5")).has_value());
  EXPECT_FALSE(list.Find(BackendAt("https://api.openai.com/v1"), TargetOf("gpt-9")).has_value());
}

TEST(PriceList, TheConfigurationComesFirst) {
  config::Target target = TargetOf("gpt-5.5");
  target.price.currency.value = "EUR";
  target.price.input.value = 7;
  const auto price = PriceList::BuiltIn().Find(BackendAt("https://api.openai.com/v1"), target);
  EXPECT_EQ(price->currency, "EUR");
  EXPECT_EQ(price->input, 7);
  EXPECT_EQ(price->output, std::nullopt);
  EXPECT_EQ(price->source, "configuration");
}

std::string WithRow(std::string_view row) {
  return R"({"version":1,"checked":"2026-01-01","prices":[)" + std::string(row) + "]}";
}

TEST(PriceList, ARowThatNobodyCouldFindOrCheckIsRefused) {
  const auto problem = [](std::string_view provider, std::string_view models,
                          std::string_view source, std::string_view more = "") {
    const auto row = [&](std::string_view said) {
      return fmt::format(
          R"({{"provider":"{}","models":{},"currency":"USD","input_per_million":"1","source":"{}"}})",
          provider, models, said);
    };
    const std::string rows = row(source) + (more.empty() ? "" : "," + row(more));
    const auto parsed = PriceList::Parse(WithRow(rows), "mine.json");
    return parsed ? "" : parsed.error().message;
  };
  EXPECT_EQ(problem("openai", R"(["m"])", "s"), "");
  EXPECT_THAT(problem("opnai", R"(["m"])", "s"), HasSubstr("did you mean 'openai'?"));
  EXPECT_THAT(problem("openai", "[]", "s"), HasSubstr("models"));
  EXPECT_THAT(problem("openai", R"(["m"])", ""), HasSubstr("source"));
  EXPECT_THAT(problem("openai", R"(["m"])", "s", "t"), HasSubstr("'m' of 'openai' a second time"));
  EXPECT_THAT(problem("openai", R"(["m","m"])", "s"), HasSubstr("a second time"));
  for (const char* day : {"yesterday!", "2026-13-01", "2026-02-30", ""}) {
    const auto parsed = PriceList::Parse(
        fmt::format(R"({{"version":1,"checked":"{}","prices":[]}})", day), "mine.json");
    ASSERT_FALSE(parsed) << day;
    EXPECT_THAT(parsed.error().message, HasSubstr("checked")) << day;
  }
}

TEST(PriceList, SaysWhichRowAndWhichFieldIsWrong) {
  const auto problem = [](std::string_view row) {
    return PriceList::Parse(WithRow(row), "mine.json").error().message;
  };
  EXPECT_THAT(problem(R"({"provider":"openai","models":["m"],"currency":"XYZ","source":"s",)"
                      R"("input_per_million":"1"})"),
              HasSubstr("mine.json"));
  EXPECT_THAT(problem(R"({"provider":"openai","models":["m"],"currency":"XYZ","source":"s",)"
                      R"("input_per_million":"1"})"),
              HasSubstr("ISO 4217"));
  EXPECT_FALSE(PriceList::Parse(WithRow(R"({"provider":"openai","models":["m"],"currency":"USD",)"
                                        R"("source":"s","input_per_million":"-1"})"),
                                "mine.json")
                   .has_value());
  EXPECT_THAT(problem(R"({"provider":"openai","models":["m"],"currency":"USD","source":"s",)"
                      R"("input_per_million":"1","inptu":"1"})"),
              HasSubstr("inptu"));
  EXPECT_FALSE(PriceList::Parse("{", "mine.json").has_value());
}

TEST(PriceList, AModelMayBePaidByTheMinuteAlone) {
  const auto list = PriceList::Parse(
      WithRow(R"({"provider":"openai","models":["whisper-1"],"currency":"USD","source":"s",)"
              R"("per_minute":"0.000666666667"})"),
      "mine.json");
  ASSERT_TRUE(list) << list.error().message;
  const auto backend = BackendAt("https://api.openai.com/v1");
  const auto target = TargetOf("whisper-1");
  const auto price = list->Find(backend, target);
  ASSERT_TRUE(price);
  EXPECT_EQ(price->per_minute, 666'666'667);
  EXPECT_EQ(price->input, std::nullopt);
  EXPECT_EQ(PriceList::BuiltIn().Find(backend, target)->per_minute, 6'000'000'000);
}

}  // namespace
}  // namespace weir::ledger

#include "ledger/price_list.h"

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

TEST(PriceList, SaysWhichRowAndWhichFieldIsWrong) {
  const auto problem = [](std::string_view row) {
    return PriceList::Parse(WithRow(row), "mine.json").error().message;
  };
  EXPECT_THAT(problem(R"({"provider":"p","models":["m"],"currency":"XYZ","source":"s",)"
                      R"("input_per_million":"1"})"),
              HasSubstr("mine.json"));
  EXPECT_THAT(problem(R"({"provider":"p","models":["m"],"currency":"XYZ","source":"s",)"
                      R"("input_per_million":"1"})"),
              HasSubstr("ISO 4217"));
  EXPECT_FALSE(PriceList::Parse(WithRow(R"({"provider":"p","models":["m"],"currency":"USD",)"
                                        R"("source":"s","input_per_million":"-1"})"),
                                "mine.json")
                   .has_value());
  EXPECT_THAT(problem(R"({"provider":"p","models":["m"],"currency":"USD","source":"s",)"
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

TEST(PriceList, AFileThatIsNotThereIsSaid) {
  EXPECT_EQ(PriceList::Read("/nowhere/prices.json").error().param, "prices");
}

}  // namespace
}  // namespace weir::ledger

#include "ledger/from_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/parse.h"

namespace weir::ledger {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

config::Settings Parsed(std::string_view text) {
  config::Settings settings;
  config::Problems problems;
  config::ParseInto(text, "weir.toml", settings, problems);
  EXPECT_TRUE(problems.empty());
  settings.file = "weir.toml";
  return settings;
}

constexpr std::string_view kCloud =
    "[[backend]]\nname='c'\nkind='openai'\ntier='cloud'\nurl='https://api.example.com/v1'\n";

TEST(PricesOf, AFileThatIsNotThereIsSaid) {
  const auto prices = PricesOf(Parsed("prices='/nowhere/prices.json'\n"));
  ASSERT_FALSE(prices);
  EXPECT_EQ(prices.error().param, "prices");
  EXPECT_THAT(prices.error().message, HasSubstr("/nowhere/prices.json"));
}

TEST(BudgetsOf, HaveAllThatTheConfigurationSays) {
  const auto budgets = BudgetsOf(Parsed(
      "[budget.team]\nkeys=['team-*']\nprojects=['hr']\nper_day=5\nper_week=20\nper_month='60.5'\n"
      "total=500\nhard=true\nwhen_empty='refuse'\ncurrency='EUR'\n"));
  ASSERT_EQ(budgets.size(), 1u);
  EXPECT_EQ(budgets[0].currency, "EUR");
  EXPECT_TRUE(budgets[0].hard);
  EXPECT_TRUE(budgets[0].refuses);
  EXPECT_THAT(budgets[0].limits,
              ElementsAre(std::pair(Window::kDay, 5 * kPicoPerUnit),
                          std::pair(Window::kWeek, 20 * kPicoPerUnit),
                          std::pair(Window::kMonth, 60 * kPicoPerUnit + kPicoPerUnit / 2),
                          std::pair(Window::kTotal, 500 * kPicoPerUnit)));
  chat::Principal principal{.key_name = "team-a", .project = "hr"};
  EXPECT_TRUE(Covers(budgets[0], principal));
  principal.project = "it";
  EXPECT_FALSE(Covers(budgets[0], principal));
}

TEST(MoneyNotes, NameTargetsThatAHardBudgetCannotPay) {
  const std::string text = std::string(kCloud) +
                           "[[target]]\nname='free'\nbackend='c'\nmodel='m'\n"
                           "[[target]]\nname='euro'\nbackend='c'\nmodel='m'\nprice={currency='EUR',"
                           "input_per_million=1,output_per_million=1}\n"
                           "[[target]]\nname='good'\nbackend='c'\nmodel='m'\nprice={currency='USD',"
                           "input_per_million=1,output_per_million=1}\n";
  EXPECT_THAT(
      MoneyNotes(Parsed(text + "[budget.b]\nkeys=['*']\nper_day=1\n"), PriceList::BuiltIn()),
      IsEmpty());
  EXPECT_THAT(MoneyNotes(Parsed(text + "[budget.b]\nkeys=['*']\nper_day=1\nhard=true\n"),
                         PriceList::BuiltIn()),
              ElementsAre(HasSubstr("'free' has no price"), HasSubstr("'euro' is paid in EUR")));
}

TEST(OwnBudget, IsTheKeysAlone) {
  chat::Principal principal{.key_id = "key_1", .key_name = "laptop"};
  EXPECT_FALSE(OwnBudget(principal).has_value());
  principal.grant = std::make_shared<const chat::Grant>(
      chat::Grant{.budget = chat::KeyBudget{.pico = 7, .currency = "USD", .window = "week"}});
  const auto own = OwnBudget(principal);
  ASSERT_TRUE(own.has_value());
  EXPECT_EQ(own->name, "key/key_1");
  EXPECT_THAT(own->limits, ElementsAre(std::pair(Window::kWeek, 7)));
  EXPECT_TRUE(Covers(*own, principal));
  EXPECT_FALSE(Covers(*own, {.key_id = "key_2", .key_name = "other"}));
  const auto cover = CoverOf({}, principal, "EUR", {});
  EXPECT_TRUE(cover.any_hard);
  EXPECT_FALSE(cover.hard_in_currency);
}

}  // namespace
}  // namespace weir::ledger

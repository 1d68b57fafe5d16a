#include "keys/grant.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

namespace weir::keys {
namespace {

using testing::ElementsAre;

TEST(Grant, ListsHaveBounds) {
  EXPECT_TRUE(CheckGrant({.models = {"auto", "team/*"}, .projects = {"h?"}}).has_value());
  EXPECT_EQ(CheckGrant({.models = {"a,b"}}).error().param, "models");
  EXPECT_EQ(CheckGrant({.projects = {""}}).error().param, "projects");
  EXPECT_EQ(CheckGrant({.models = std::vector<std::string>(kPatternsMax + 1, "a")}).error().param,
            "models");
}

TEST(Grant, ABudgetIsExactAndNamesWhatIsWrong) {
  const auto budget = MakeBudget("0.000000000001", "day", "EUR").value();
  EXPECT_EQ(budget, (chat::KeyBudget{.pico = 1, .currency = "EUR", .window = "day"}));
  EXPECT_EQ(MakeBudget("5", "", "").value().window, "total");
  EXPECT_EQ(MakeBudget("-5", "", "").error().param, "budget");
  EXPECT_EQ(MakeBudget("5", "year", "").error().param, "budget_per");
  EXPECT_EQ(MakeBudget("5", "", "XYZ").error().param, "budget_currency");
}

TEST(Grant, AListSurvivesItsText) {
  EXPECT_THAT(SplitList(" a , b*,, "), ElementsAre("a", "b*"));
  EXPECT_EQ(JoinList({"a", "b*"}), "a,b*");
  EXPECT_TRUE(SplitList("").empty());
}

TEST(Grant, AKeyWithProjectsNamesOneOfThem) {
  chat::Principal principal;
  EXPECT_TRUE(MayName(principal, "any").has_value());
  principal.grant = std::make_shared<const chat::Grant>(chat::Grant{.projects = {"hr", "it-*"}});
  EXPECT_TRUE(MayName(principal, "it-support").has_value());
  EXPECT_EQ(MayName(principal, "sales").error().reason, "project_not_allowed");
  EXPECT_FALSE(MayName(principal, "").has_value());
}

}  // namespace
}  // namespace weir::keys

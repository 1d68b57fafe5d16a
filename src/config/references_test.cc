#include "config/references.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/parse.h"

namespace weir::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> ProblemsOf(std::string_view text) {
  Settings settings;
  Problems problems;
  ParseInto(text, "weir.toml", settings, problems);
  std::vector<std::string> lines;
  for (const Problem& problem : std::move(problems).Take()) lines.push_back(ToText(problem));
  return lines;
}

TEST(References, ARouteThatLeadsBackToItselfIsRefused) {
  EXPECT_THAT(
      ProblemsOf("[route.a]\ntargets = [\"fast\", \"a\"]\n"),
      ElementsAre("weir.toml:2:11: route.a.targets leads back to where it came from: a -> a"));
  EXPECT_THAT(ProblemsOf("[route.a]\ntargets = [\"b\"]\n[route.b]\ntargets = [\"c\"]\n"
                         "[route.c]\ntargets = [\"fast\", \"b\"]\n"),
              ElementsAre("weir.toml:6:11: route.c.targets leads back to where it came from: "
                          "b -> c -> b"));
  EXPECT_THAT(ProblemsOf("[route.a]\ntargets = [\"b\", \"c\"]\n[route.b]\ntargets = [\"c\"]\n"
                         "[route.c]\ntargets = [\"fast\"]\n"),
              IsEmpty());
}

TEST(References, AListThatNamesNothingIsRefused) {
  EXPECT_THAT(ProblemsOf("[route.a]\ntargets = []\n"),
              ElementsAre(HasSubstr("2:11: route.a.targets is an empty list")));
  for (const std::string key : {"use", "regions"}) {
    EXPECT_THAT(ProblemsOf("[[rule]]\nwhen = { images = true }\n" + key + " = []\n"),
                ElementsAre(HasSubstr("rule." + key + " is an empty list")));
  }
  EXPECT_THAT(ProblemsOf("[[rule]]\nwhen = { project = [] }\nuse = [\"fast\"]\n"),
              ElementsAre(HasSubstr("rule.when.project is an empty list")));
}

TEST(References, LabelsAndTasksOfARuleExist) {
  const auto rule = [](std::string_view when) {
    return "[[rule]]\nwhen = { " + std::string(when) + " }\nuse = [\"fast\"]\n";
  };
  EXPECT_THAT(
      ProblemsOf(rule("label = 'secrt'")),
      ElementsAre(HasSubstr("rule.when.label 'secrt' is no label; did you mean 'secret'?")));
  EXPECT_THAT(ProblemsOf(rule("task = 'embedd'")),
              ElementsAre(HasSubstr("rule.when.task 'embedd' is no task; did you mean 'embed'?")));
  EXPECT_THAT(ProblemsOf(rule("task = ['embed', 's*']")), IsEmpty());
}

std::string Budgets(std::string_view one, std::string_view other) {
  return "[budget.one]\n" + std::string(one) + "\nper_day = 5.00\n[budget.other]\n" +
         std::string(other) + "\nper_day = 4.00\n";
}

TEST(References, BudgetsThatCoverTheSameByOtherPatternsOverlap) {
  const auto overlap = ElementsAre(HasSubstr("budget.other.per_day overlaps budget.one in line 3"));
  EXPECT_THAT(ProblemsOf(Budgets("keys = ['*']", "keys = ['*', '*']")), overlap);
  EXPECT_THAT(ProblemsOf(Budgets("keys = ['a*', 'ab']", "keys = ['a*']")), overlap);
  // One that is narrower is a limit of its own.
  EXPECT_THAT(ProblemsOf(Budgets("keys = ['a*']", "keys = ['ab']")), IsEmpty());
  EXPECT_THAT(ProblemsOf(Budgets("keys = ['a*']", "projects = ['a*']")), IsEmpty());
  EXPECT_THAT(ProblemsOf(Budgets("keys = ['*']", "keys = ['*']\nhard = true")), IsEmpty());
}

TEST(References, ABudgetHasNoNameOfARoutesOrAKeysOwnMoney) {
  for (const std::string name : {"route/auto", "key/key_1"}) {
    EXPECT_THAT(ProblemsOf("[budget.'" + name + "']\nkeys = ['a']\nper_day = 5.00\n"),
                ElementsAre(HasSubstr("weir.toml:1:9: budget '" + name + "' begins with")));
  }
}

}  // namespace
}  // namespace weir::config

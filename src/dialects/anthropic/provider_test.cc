#include "dialects/anthropic/provider.h"

#include <gtest/gtest.h>

#include "dialects/provider/cases_for_test.h"

namespace weir::anthropic {
namespace {

const provider::DialectUnderTest kTest = {&kProvider, kProviderRules};

TEST(Provider, RequestsBecomeTheCallsThatTheCasesSay) {
  provider::ExpectRequestsBecomeCalls(kTest);
}

TEST(Provider, AnswersBecomeTheEventsThatTheCasesSayWhereverTheyAreCut) {
  provider::ExpectAnswersBecomeEvents(kTest);
}

TEST(Provider, EveryFieldDoesWhatItsRuleSays) { provider::ExpectRulesHold(kTest); }

TEST(Provider, ThePageOfFieldsSaysWhatTheRulesSay) {
  provider::ExpectDocumented(kTest, "Anthropic");
}

TEST(ProviderModels, AreReadWithTheirBounds) {
  const auto read = ReadProviderModels(
      R"({"data":[{"id":"a","max_input_tokens":200000,"max_tokens":64000,
                   "capabilities":{"image_input":{"supported":true}}},{"id":"b"},{}]})");
  ASSERT_TRUE(read);
  ASSERT_EQ(read->size(), 2u);
  EXPECT_EQ((*read)[0].context_tokens, 200000);
  EXPECT_EQ((*read)[0].max_output_tokens, 64000);
  EXPECT_EQ((*read)[0].vision, true);
  EXPECT_EQ((*read)[1].vision, std::nullopt);
  EXPECT_FALSE(ReadProviderModels("{}"));
}

}  // namespace
}  // namespace weir::anthropic

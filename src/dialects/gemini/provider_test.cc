#include "dialects/gemini/provider.h"

#include <gtest/gtest.h>

#include "dialects/provider/cases_for_test.h"

namespace weir::gemini {
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
  provider::ExpectDocumented(kTest, "Google (Gemini)");
}

TEST(ProviderEmbeddings, GoInOneBatchAndComeBackOfUnitLength) {
  const chat::EmbedRequest request = {
      .model = "m", .inputs = {{.text = "a"}, {.text = "b"}}, .dimensions = 2};
  const auto call = WriteProviderEmbeddings(request, {.name = "e"}, {});
  ASSERT_TRUE(call);
  EXPECT_EQ(call->path, "/models/e:batchEmbedContents");
  EXPECT_EQ(call->body,
            R"({"requests":[{"model":"models/e","content":{"parts":[{"text":"a"}]},)"
            R"("outputDimensionality":2},{"model":"models/e","content":{"parts":[{"text":"b"}]},)"
            R"("outputDimensionality":2}]})");
  const auto read =
      ReadProviderEmbeddings(request, R"({"embeddings":[{"values":[3,4]},{"values":[0,1]}]})");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->vectors[0], (std::vector<float>{0.6f, 0.8f}));
  EXPECT_FALSE(ReadProviderEmbeddings(request, R"({"embeddings":[{"values":[3,4]}]})"));
  EXPECT_FALSE(ReadProviderEmbeddings(request, R"({"embeddings":[{"values":[3,4]},{}]})"));
}

TEST(ProviderModels, LoseThePrefixOfTheirNames) {
  const auto read = ReadProviderModels(
      R"({"models":[{"name":"models/g","inputTokenLimit":1000,"outputTokenLimit":10}]})");
  ASSERT_TRUE(read);
  EXPECT_EQ((*read)[0].name, "g");
  EXPECT_EQ((*read)[0].context_tokens, 1000);
  EXPECT_EQ((*read)[0].max_output_tokens, 10);
}

}  // namespace
}  // namespace weir::gemini

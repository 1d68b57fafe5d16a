#include "dialects/ollama/provider.h"

#include <gtest/gtest.h>

#include "dialects/provider/cases_for_test.h"

namespace weir::ollama {
namespace {

const provider::DialectUnderTest kTest = {&kProvider, kProviderRules};

TEST(Provider, RequestsBecomeTheCallsThatTheCasesSay) {
  provider::ExpectRequestsBecomeCalls(kTest);
}

TEST(Provider, AnswersBecomeTheEventsThatTheCasesSayWhereverTheyAreCut) {
  provider::ExpectAnswersBecomeEvents(kTest);
}

TEST(Provider, EveryFieldDoesWhatItsRuleSays) { provider::ExpectRulesHold(kTest); }

TEST(Provider, ThePageOfFieldsSaysWhatTheRulesSay) { provider::ExpectDocumented(kTest, "Ollama"); }

TEST(ProviderEmbeddings, AreNeverCutOffInSilence) {
  const chat::EmbedRequest request = {.model = "m", .inputs = {{.text = "a"}, {.text = "b"}}};
  const auto call = WriteProviderEmbeddings(request, {.name = "e"}, {});
  ASSERT_TRUE(call);
  EXPECT_EQ(call->body, R"({"model":"e","input":["a","b"],"truncate":false})");
  const auto read =
      ReadProviderEmbeddings(request, R"({"embeddings":[[3,4],[0,1]],"prompt_eval_count":2})");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->vectors[0], (std::vector<float>{0.6f, 0.8f}));
  EXPECT_EQ(read->usage.prompt_tokens, 2);
  EXPECT_FALSE(ReadProviderEmbeddings(request, R"({"embeddings":[[3,4]]})"));
}

TEST(ProviderModels, AreReadFromTheTags) {
  const auto read = ReadProviderModels(R"({"models":[{"name":"a:b","model":"a:b"},{"name":"c"}]})");
  ASSERT_TRUE(read);
  ASSERT_EQ(read->size(), 2u);
  EXPECT_EQ((*read)[1].name, "c");
}

}  // namespace
}  // namespace weir::ollama

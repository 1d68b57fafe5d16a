#include "llama/model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "llama/test_models.h"

namespace weir::llama {
namespace {

using testing::RandomPath;
using testing::SmolPath;
using testing::StoriesPath;

TEST(Model, StatesWhatItsFileSays) {
  WEIR_MODEL_OR_SKIP(model, StoriesPath());
  EXPECT_EQ(model.facts().architecture, "llama");
  EXPECT_EQ(model.vocabulary().size(), 512);
  EXPECT_GT(model.facts().parameters, 200'000u);
  EXPECT_GT(model.facts().context_tokens_trained, 0);
  EXPECT_TRUE(model.facts().has_decoder);
  EXPECT_FALSE(model.facts().recurrent);
  EXPECT_TRUE(model.facts().causal);
  EXPECT_EQ(model.facts().pooling, Pooling::kNone);
  EXPECT_FALSE(model.vocabulary().infill().complete());
}

TEST(Model, RefusesAFileThatIsNoModel) {
  const std::string path = ::testing::TempDir() + "/no_model.gguf";
  std::ofstream(path) << "this is no GGUF file";
  const auto model = Model::Load(path, {});
  ASSERT_FALSE(model);
  EXPECT_EQ(model.error().code, Code::kInvalidArgument);
}

TEST(Model, LoadCanBeCancelledFromItsProgress) {
  if (testing::Shared(StoriesPath()) == nullptr) GTEST_SKIP() << "no stories260K";
  ModelSettings settings;
  settings.on_progress = [](float) { return false; };
  const auto model = Model::Load(StoriesPath(), settings);
  ASSERT_FALSE(model);
  EXPECT_EQ(model.error().code, Code::kCancelled);
}

TEST(Vocabulary, TextSurvivesTheWayThereAndBack) {
  WEIR_MODEL_OR_SKIP(model, RandomPath());
  const Vocabulary& vocabulary = model.vocabulary();
  for (const std::string text : {"Once upon a time", "a\n\nb  c", "naïve 東京 🦊", "x"}) {
    const auto tokens = vocabulary.Tokenize(text, false, false);
    ASSERT_TRUE(tokens);
    // This vocabulary puts a space in front of every text.
    EXPECT_EQ(vocabulary.Text(*tokens), " " + text);
  }
}

TEST(Vocabulary, MiddleOfATextGetsNoSpaceInFront) {
  WEIR_MODEL_OR_SKIP(model, RandomPath());
  const Vocabulary& vocabulary = model.vocabulary();
  for (const std::string text : {"time", "\n\nb", " c", "東京"}) {
    const auto tokens = vocabulary.TokenizeMiddle(text, false);
    ASSERT_TRUE(tokens);
    EXPECT_EQ(vocabulary.Text(*tokens), text);
  }
}

TEST(Vocabulary, ControlTextBecomesAControlTokenOnlyWhenAsked) {
  WEIR_MODEL_OR_SKIP(model, SmolPath());
  const Vocabulary& vocabulary = model.vocabulary();
  const auto parsed = vocabulary.Tokenize("<|im_end|>", true, false);
  ASSERT_TRUE(parsed);
  ASSERT_EQ(parsed->size(), 1u);
  EXPECT_TRUE(vocabulary.IsControl(parsed->front()));
  EXPECT_TRUE(vocabulary.EndsGeneration(parsed->front()));
  const auto plain = vocabulary.Tokenize("<|im_end|>", false, false);
  ASSERT_TRUE(plain);
  EXPECT_GT(plain->size(), 1u);
  for (const Token token : *plain) EXPECT_FALSE(vocabulary.IsControl(token));
}

TEST(Vocabulary, IdsOutsideOfItHaveNoTextAndNoMeaning) {
  WEIR_MODEL_OR_SKIP(model, StoriesPath());
  EXPECT_EQ(model.vocabulary().Piece(-1), "");
  EXPECT_EQ(model.vocabulary().Piece(1'000'000), "");
  EXPECT_FALSE(model.vocabulary().EndsGeneration(-1));
  EXPECT_FALSE(model.vocabulary().IsControl(1'000'000));
}

}  // namespace
}  // namespace weir::llama

// A LoRA on top of a model is the model whose weights it was added to: tests/tiny_models.py wrote
// both.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "llama/context.h"
#include "llama/embedder.h"
#include "llama/test_models.h"

namespace weir::llama {
namespace {

using testing::StoriesPath;
using testing::TinyPath;

// Those behind the last token of a text.
std::vector<float> LogitsOf(const Model& model) {
  auto context = Context::Create(model, {.cells = 64,
                                         .sequences = 1,
                                         .threads = 1,
                                         .key_type = CellType::kF32,
                                         .value_type = CellType::kF32});
  EXPECT_TRUE(context) << context.error().message;
  const auto tokens = model.vocabulary().Tokenize("Once upon a time there was", false, true);
  std::vector<Row> rows;
  for (size_t i = 0; i < tokens->size(); ++i)
    rows.push_back({.token = (*tokens)[i],
                    .position = static_cast<int32_t>(i),
                    .output = i + 1 == tokens->size()});
  EXPECT_EQ((*context)->Decode(rows), DecodeOutcome::kOk);
  const auto logits = (*context)->Logits(static_cast<int32_t>(rows.size()) - 1);
  return {logits.begin(), logits.end()};
}

double Distance(const std::vector<float>& a, const std::vector<float>& b) {
  double most = 0;
  for (size_t i = 0; i < a.size(); ++i) most = std::max<double>(most, std::abs(a[i] - b[i]));
  return most;
}

class AdapterTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const std::string& path : {StoriesPath(), TinyPath("lora"), TinyPath("merged")}) {
      if (!std::filesystem::exists(path)) GTEST_SKIP() << "no model file: " << path;
    }
  }
  static std::unique_ptr<Model> Load(const std::string& path,
                                     const std::vector<std::string>& adapters = {}) {
    auto model = Model::Load(path, {.adapters = adapters});
    EXPECT_TRUE(model) << model.error().message;
    return std::move(*model);
  }
};

TEST_F(AdapterTest, IsTheModelThatItWasMergedInto) {
  const auto plain = LogitsOf(*Load(StoriesPath()));
  const auto merged = LogitsOf(*Load(TinyPath("merged")));
  const auto adapted = LogitsOf(*Load(StoriesPath(), {TinyPath("lora")}));
  const double change = Distance(adapted, plain);
  EXPECT_GT(change, 0.5);
  EXPECT_LT(Distance(adapted, merged), 1e-3 * change);  // attention rounds to 16 bits
}

TEST_F(AdapterTest, SeveralAreAdded) {
  const auto once = LogitsOf(*Load(TinyPath("merged"), {TinyPath("lora")}));
  const auto twice = LogitsOf(*Load(StoriesPath(), {TinyPath("lora"), TinyPath("lora")}));
  EXPECT_LT(Distance(once, twice), 1e-3);
}

TEST_F(AdapterTest, ChangesVectorsToo) {
  const auto vector = [](const Model& model) {
    auto embedder = Embedder::Create(model, {.threads = 1});
    EXPECT_TRUE(embedder) << embedder.error().message;
    const auto tokens = model.vocabulary().Tokenize("a cat", false, true);
    const auto made = (*embedder)->Embed(std::vector<std::vector<Token>>{*tokens});
    EXPECT_TRUE(made) << made.error().message;
    return made->at(0);
  };
  const auto merged = vector(*Load(TinyPath("merged")));
  EXPECT_LT(Distance(vector(*Load(StoriesPath(), {TinyPath("lora")})), merged), 1e-4);
  EXPECT_GT(Distance(vector(*Load(StoriesPath())), merged), 1e-2);
}

TEST_F(AdapterTest, OfAnotherModelIsRefused) {
  for (const std::string& wrong :
       {TinyPath("gemma3"), TinyPath("merged"), std::string("/nowhere")}) {
    const auto model = Model::Load(StoriesPath(), {.adapters = {wrong}});
    ASSERT_FALSE(model) << wrong;
    EXPECT_EQ(model.error().reason, "adapter_invalid");
  }
}

}  // namespace
}  // namespace weir::llama

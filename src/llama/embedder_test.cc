#include "llama/embedder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "llama/test_models.h"

namespace weir::llama {
namespace {

std::string MiniLmPath() {
  return testing::StoredModel("f41069f0fe504712c68334b6434d191a09f757426bb1636d13886c5614bc4a8d");
}

double Cosine(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i)
    sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return sum;
}

std::unique_ptr<Embedder> MakeEmbedder(const Model& model) {
  auto embedder = Embedder::Create(model, {.threads = 1});
  EXPECT_TRUE(embedder);
  return embedder ? std::move(*embedder) : nullptr;
}

TEST(Embedder, GivesTheReferenceCosine) {
  WEIR_MODEL_OR_SKIP(model, MiniLmPath());
  auto embedder = MakeEmbedder(model);
  const auto a = embedder->Prepare("A man is eating food.");
  ASSERT_TRUE(a);
  EXPECT_EQ(*a, (std::vector<Token>{101, 1037, 2158, 2003, 5983, 2833, 1012, 102}));
  const auto b = embedder->Prepare("A man is eating a piece of bread.");
  const auto vectors = embedder->Embed(std::vector{*a, *b});
  ASSERT_TRUE(vectors);
  ASSERT_EQ((*vectors)[0].size(), 384u);
  EXPECT_NEAR(Cosine((*vectors)[0], (*vectors)[0]), 1, 1e-5);
  EXPECT_NEAR(Cosine((*vectors)[0], (*vectors)[1]), 0.755, 0.002);
}

TEST(Embedder, AVectorDoesNotDependOnItsNeighboursInTheBatch) {
  WEIR_MODEL_OR_SKIP(model, MiniLmPath());
  auto embedder = MakeEmbedder(model);
  std::vector<std::vector<Token>> inputs;
  for (int i = 0; i < 150; ++i) {
    inputs.push_back(*embedder->Prepare("sentence number " + std::to_string(i) +
                                        std::string(static_cast<size_t>(i % 7) * 3, 'x')));
  }
  const auto together = embedder->Embed(inputs);
  ASSERT_TRUE(together);
  for (const size_t i : {0u, 63u, 64u, 149u}) {
    const auto alone = embedder->Embed(std::span(&inputs[i], 1));
    ASSERT_TRUE(alone);
    EXPECT_GT(Cosine((*alone)[0], (*together)[i]), 0.9999) << i;
  }
}

// tiny-reranker is tiny-encoder with a head of known weights on it (tests/tiny_models.py).
TEST(Embedder, RanksPairsByTheHeadOfTheModel) {
  WEIR_MODEL_OR_SKIP(encoder, testing::TinyPath("encoder"));
  WEIR_MODEL_OR_SKIP(reranker, testing::TinyPath("reranker"));
  auto embeds = MakeEmbedder(encoder);
  auto ranks = MakeEmbedder(reranker);
  ASSERT_TRUE(ranks->ranks());
  EXPECT_EQ(ranks->size(), 1);
  std::vector<std::vector<Token>> pairs;
  for (const char* document : {"The cat went home.", "A boy had a big red ball.", "home"}) {
    pairs.push_back(*ranks->PreparePair("Where did the cat go?", document));
    EXPECT_EQ(pairs.back().front(), encoder.vocabulary().beginning());
    EXPECT_EQ(std::ranges::count(pairs.back(), encoder.vocabulary().end()), 3);
  }
  const auto vectors = embeds->Embed(pairs);
  const auto scores = ranks->Embed(pairs);
  ASSERT_TRUE(vectors && scores);
  for (size_t i = 0; i < pairs.size(); ++i) {
    ASSERT_EQ((*scores)[i].size(), 1u);
    double logit = 0.25;
    for (size_t k = 0; k < (*vectors)[i].size(); ++k) {
      const double weight = (k % 2 == 0 ? 0.2 : -0.2) * static_cast<double>(1 + k % 5);
      logit += weight * std::sqrt((*vectors)[i].size()) * static_cast<double>((*vectors)[i][k]);
    }
    EXPECT_NEAR((*scores)[i][0], 1 / (1 + std::exp(-logit)), 2e-3) << i;
  }
  EXPECT_EQ(ranks->PreparePair("", "a").error().param, "input");
  EXPECT_EQ(ranks->PreparePair("a", std::string(2000, 'x')).error().reason,
            "context_length_exceeded");
}

TEST(Embedder, RefusesWhatDoesNotFit) {
  WEIR_MODEL_OR_SKIP(model, MiniLmPath());
  auto embedder = MakeEmbedder(model);
  EXPECT_EQ(embedder->Prepare("").error().code, Code::kInvalidArgument);
  std::string words;
  for (int i = 0; i < 2000; ++i) words += "word ";
  EXPECT_EQ(embedder->Prepare(words).error().reason, "context_length_exceeded");
  const std::vector<std::vector<Token>> bad = {{101, 999'999, 102}};
  EXPECT_EQ(embedder->Embed(bad).error().code, Code::kInvalidArgument);
  const std::vector<std::vector<Token>> good = {{101, 2833, 102}};
  EXPECT_EQ(embedder->Embed(good, [] { return true; }).error().code, Code::kCancelled);
}

TEST(Embedder, CutsWhatDoesNotFitWhereThatIsAskedFor) {
  WEIR_MODEL_OR_SKIP(model, MiniLmPath());
  auto embedder = MakeEmbedder(model);
  std::string words;
  for (int i = 0; i < 2000; ++i) words += "word ";
  const auto most = static_cast<size_t>(embedder->input_tokens_max());
  for (const int32_t asked : {INT32_MAX, 10}) {
    const auto cut = embedder->Prepare(words, asked);
    ASSERT_TRUE(cut) << cut.error().message;
    EXPECT_EQ(cut->size(), std::min(most, static_cast<size_t>(asked)));
    EXPECT_EQ(cut->back(), embedder->Prepare("word")->back()) << "the model's own end stays";
  }
  EXPECT_EQ(*embedder->Prepare("one word", 100), *embedder->Prepare("one word"));
}

TEST(Embedder, CutsTheDocumentOfAPairAndNotTheQuery) {
  WEIR_MODEL_OR_SKIP(reranker, testing::TinyPath("reranker"));
  auto ranks = MakeEmbedder(reranker);
  ASSERT_TRUE(ranks);
  const std::string query = "Where did the cat go?";
  const auto around = ranks->PreparePair(query, "The cat went home.", 0);
  const auto some = ranks->PreparePair(query, "The cat went home.", 2);
  ASSERT_TRUE(around && some);
  EXPECT_EQ(some->size(), around->size() + 2);
  EXPECT_EQ(*ranks->PreparePair(query, "The cat.", 500), *ranks->PreparePair(query, "The cat."));
  const auto full = ranks->PreparePair(query, std::string(20'000, 'x'), INT32_MAX);
  ASSERT_TRUE(full) << full.error().message;
  EXPECT_EQ(full->size(), static_cast<size_t>(ranks->input_tokens_max()));
  EXPECT_EQ(full->back(), some->back());
  EXPECT_EQ(ranks->PreparePair(std::string(2000, 'x'), "a", 1).error().reason,
            "context_length_exceeded");
}

// One sequence, one decode, one mean: without steps and neighbours.
std::vector<float> MeanAlone(const Model& model, const std::vector<Token>& tokens) {
  auto context = Context::Create(model, {.cells = 1024,
                                         .batch_rows = 1024,
                                         .micro_rows = 1024,
                                         .sequences = 1,
                                         .threads = 1,
                                         .threads_batch = 1,
                                         .embeddings = true});
  EXPECT_TRUE(context);
  std::vector<Row> rows;
  for (const Token token : tokens) {
    rows.push_back({.token = token, .position = static_cast<int32_t>(rows.size()), .output = true});
  }
  EXPECT_EQ((*context)->Decode(rows), DecodeOutcome::kOk);
  std::vector<float> sum(static_cast<size_t>(model.facts().embedding_size), 0.0f);
  for (size_t i = 0; i < rows.size(); ++i) {
    const auto raw = (*context)->RowEmbedding(static_cast<int32_t>(i));
    for (size_t k = 0; k < sum.size(); ++k) sum[k] += raw[k];
  }
  return Shortened(sum, static_cast<int32_t>(sum.size()));
}

TEST(Embedder, AGenerativeModelGivesTheMeanOfItsTokens) {
  WEIR_MODEL_OR_SKIP(model, testing::StoriesPath());
  auto made = Embedder::Create(model, {.threads = 1, .on_first_use = true});
  ASSERT_TRUE(made);
  Embedder& embedder = **made;
  std::string story;
  for (int i = 0; i < 30; ++i) story += "Lily saw a big dog in the park. ";
  std::vector<std::vector<Token>> inputs;
  for (const std::string& text : {story, std::string("Hi"), story + "The end.", story}) {
    inputs.push_back(*embedder.Prepare(text));
  }
  ASSERT_GT(inputs[0].size(), 200u) << "several steps";
  const auto vectors = embedder.Embed(inputs);
  ASSERT_TRUE(vectors);
  for (size_t i = 0; i < inputs.size(); ++i) {
    EXPECT_NEAR(Cosine((*vectors)[i], (*vectors)[i]), 1, 1e-5);
    EXPECT_GT(Cosine((*vectors)[i], MeanAlone(model, inputs[i])), 0.9999) << i;
  }
  EXPECT_LT(Cosine((*vectors)[0], (*vectors)[1]), 0.99);
}

TEST(Embedder, AGenerativeModelIsAskedToStopBeforeEachStep) {
  WEIR_MODEL_OR_SKIP(model, testing::StoriesPath());
  auto embedder = Embedder::Create(model, {.threads = 1, .on_first_use = true});
  ASSERT_TRUE(embedder);
  const std::vector<std::vector<Token>> inputs(3, std::vector<Token>(200, 300));
  int asked = 0;
  const auto vectors = (*embedder)->Embed(inputs, [&] { return ++asked == 4; });
  ASSERT_FALSE(vectors);
  EXPECT_EQ(vectors.error().code, Code::kCancelled);
  EXPECT_EQ(asked, 4) << "600 tokens are five steps";
  EXPECT_TRUE((*embedder)->Embed(inputs)) << "and nothing of it is left";
}

TEST(Embedder, AShortenedVectorHasUnitLength) {
  const auto shorter = Shortened(std::vector<float>{3, 4, 12}, 2);
  ASSERT_EQ(shorter.size(), 2u);
  EXPECT_FLOAT_EQ(shorter[0], 0.6f);
  EXPECT_FLOAT_EQ(shorter[1], 0.8f);
}

}  // namespace
}  // namespace weir::llama

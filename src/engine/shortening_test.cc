#include "engine/shortening.h"

#include <gtest/gtest.h>

namespace weir::engine {
namespace {

TEST(DimensionsMin, KnowsTrainedModelsHoweverTheirFilesSpellThem) {
  EXPECT_EQ(DimensionsMin("nomic-bert", "nomic-embed-text-v1.5"), 64);
  EXPECT_EQ(DimensionsMin("qwen3", "Qwen3 Embedding 0.6B"), 32);
  EXPECT_EQ(DimensionsMin("qwen3", "Qwen3_Embedding_0.6B"), 32);
  EXPECT_EQ(DimensionsMin("gemma-embedding", ""), 128);
}

TEST(DimensionsMin, OthersAreNotShortened) {
  EXPECT_EQ(DimensionsMin("bert", "all-MiniLM-L6-v2"), 0);
  EXPECT_EQ(DimensionsMin("nomic-bert", "nomic-embed-text-v1"), 0);
  EXPECT_EQ(DimensionsMin("", ""), 0);
}

}  // namespace
}  // namespace weir::engine

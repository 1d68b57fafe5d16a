#include "llama/placement.h"

#include <gtest/gtest.h>

#include <regex>

#include "llama/test_models.h"

namespace weir::llama {
namespace {

TEST(Placement, APatternMatchesTheExpertsOfItsLayerAlone) {
  const std::regex third(ExpertsPattern(3));
  for (const char* tensor : {"blk.3.ffn_up_exps.weight", "blk.3.ffn_gate_exps.weight",
                             "blk.3.ffn_down_exps.weight", "blk.3.ffn_gate_up_exps.weight"}) {
    EXPECT_TRUE(std::regex_search(tensor, third)) << tensor;
  }
  for (const char* tensor :
       {"blk.3.ffn_up.weight", "blk.30.ffn_up_exps.weight", "blk.1.ffn_up_exps.weight",
        "blk.3.attn_q.weight", "blk.3.ffn_up_shexp.weight"}) {
    EXPECT_FALSE(std::regex_search(tensor, third)) << tensor;
  }
}

// A tensor whose place is named goes past the kernels that repack for the processor: what asks for
// a GPU must not slow down a build that has none.
TEST(Placement, OfABuildForTheCpuAloneNothingIsAsked) {
  if (llama_supports_gpu_offload()) GTEST_SKIP() << "a build for GPUs";
  StartBackend();
  const Placement placement = Placement::Of(
      testing::StoriesPath(), {.gpu_layers = 8, .tensor_split = {1, 1}, .cpu_moe_layers = 4});
  llama_model_params params = llama_model_default_params();
  placement.Apply(params);
  EXPECT_EQ(params.tensor_split, nullptr);
  EXPECT_EQ(params.tensor_buft_overrides, nullptr);
  EXPECT_TRUE(Gpus().empty());
}

}  // namespace
}  // namespace weir::llama

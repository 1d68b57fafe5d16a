#include "models/footprint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::models {
namespace {

using testing::AllOf;
using testing::Gt;
using testing::HasSubstr;
using testing::Lt;
using testing::Not;

constexpr uint64_t kMiB = uint64_t{1} << 20;

// qwen2.5-coder:1.5b as its file has it.
gguf::Info Coder() {
  gguf::Info info;
  info.quantisation = "Q4_K_M";
  info.parameters = 1'777'088'000;
  info.tensor_bytes = 1'111'376'000;
  info.context_length = 32'768;
  info.embedding_length = 1536;
  info.heads = 12;
  info.key_length = info.value_length = 128;
  info.kv_bytes_per_token = 28'672;
  info.tokenizer.tokens = 151'936;
  return info;
}

// Without what embeds, an engine was measured at 2,442 MiB after a prompt of 700 tokens.
TEST(Footprint, OfAChatModelIsWithinAFifthOfWhatWasMeasured) {
  const Footprint footprint = FootprintOf(Coder(), {});
  EXPECT_EQ(footprint.context_tokens, 16'384);
  EXPECT_EQ(footprint.cache, 448 * kMiB);
  EXPECT_THAT(footprint.likely(), AllOf(Gt(1954 * kMiB), Lt(2930 * kMiB)));
  EXPECT_LT(footprint.least(), 2442 * kMiB);
}

// all-minilm:l6 was measured at 109 MiB.
TEST(Footprint, OfAnEmbeddingModelHasNoCacheAndNoLogits) {
  gguf::Info info;
  info.quantisation = "F16";
  info.tensor_bytes = 45'130'752;
  info.context_length = 512;
  info.embedding_length = 384;
  info.tokenizer.tokens = 30'522;
  info.causal = false;
  info.capabilities.embedding = true;
  const Footprint footprint = FootprintOf(info, {});
  EXPECT_EQ(footprint.cache, 0u);
  EXPECT_LT(footprint.more, 20 * kMiB);
  EXPECT_THAT(footprint.likely(), AllOf(Gt(76 * kMiB), Lt(131 * kMiB)));
}

TEST(Footprint, FollowsTheSettings) {
  const Footprint usual = FootprintOf(Coder(), {});
  EXPECT_EQ(FootprintOf(Coder(), {.context_tokens = 4096}).cache, usual.cache / 4);
  EXPECT_EQ(FootprintOf(Coder(), {.kv_type_k = "q8_0", .kv_type_v = "q8_0"}).cache,
            usual.cache * 34 / 64);
  EXPECT_EQ(FootprintOf(Coder(), {.kv_type_k = "q8_0"}).cache, usual.cache * 49 / 64);
  EXPECT_LT(FootprintOf(Coder(), {.micro_batch_tokens = 64}).compute, usual.compute);
  EXPECT_GT(FootprintOf(Coder(), {.flash_attention = wire::Switch::kOff}).compute, usual.compute);
}

TEST(Footprint, OfAModelTrainedForLessHasLess) {
  gguf::Info info = Coder();
  info.context_length = 2048;
  EXPECT_EQ(FootprintOf(info, {}).context_tokens, 2048);
  EXPECT_EQ(FootprintOf(info, {}).cache, 56 * kMiB);
}

TEST(WhatWouldFit, EachRemedyIsEnoughAlone) {
  const uint64_t least = FootprintOf(Coder(), {}).least();
  const std::string all = WhatWouldFit(Coder(), {}, least - 100 * kMiB);
  EXPECT_EQ(all, "context = 12544, or kv_type_k and kv_type_v = \"q8_0\", or the model as Q3_K_M");
  EXPECT_LE(FootprintOf(Coder(), {.context_tokens = 12'544}).least(), least - 100 * kMiB);
  EXPECT_LE(FootprintOf(Coder(), {.kv_type_k = "q8_0", .kv_type_v = "q8_0"}).least(),
            least - 100 * kMiB);
}

TEST(WhatWouldFit, NamesNothingThatIsNotEnough) {
  const uint64_t least = FootprintOf(Coder(), {}).least();
  const std::string strong = WhatWouldFit(Coder(), {}, least - 300 * kMiB);
  EXPECT_THAT(strong, HasSubstr("\"q4_0\""));
  EXPECT_THAT(strong, Not(HasSubstr("q8_0")));
  EXPECT_EQ(WhatWouldFit(Coder(), {}, least - 380 * kMiB), "context = 2304, or the model as Q2_K");
  EXPECT_EQ(WhatWouldFit(Coder(), {}, least - 410 * kMiB), "context = 1280");
  EXPECT_EQ(WhatWouldFit(Coder(), {}, 100 * kMiB), "");
  EXPECT_THAT(WhatWouldFit(Coder(), {.kv_type_k = "q4_0", .kv_type_v = "q4_0"}, 1200 * kMiB),
              Not(HasSubstr("kv_type")));
}

TEST(WhatWouldFit, TheWholeSentenceHasTheFigures) {
  EXPECT_EQ(TooLargeText(Coder(), {.context_tokens = 8192}, 100 * kMiB),
            "it needs 1.4 GiB (weights 1.0 GiB, KV cache 224.0 MiB for 8192 tokens, computing "
            "146.2 MiB); no setting makes it fit");
  EXPECT_THAT(TooLargeText(Coder(), {}, 1600 * kMiB), HasSubstr("; what would fit: context = "));
}

TEST(DefaultMemoryBudget, IsThreeQuartersOfTheLesserOfMachineAndControlGroup) {
  Machine machine;
  EXPECT_EQ(DefaultMemoryBudget(machine), UINT64_MAX);
  machine.memory_bytes = 16 << 20;
  EXPECT_EQ(DefaultMemoryBudget(machine), uint64_t{12} << 20);
  machine.memory_limit_bytes = 4 << 20;
  EXPECT_EQ(DefaultMemoryBudget(machine), uint64_t{3} << 20);
}

}  // namespace
}  // namespace weir::models

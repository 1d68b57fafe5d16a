// Prefixes that leave the KV cache and come back from host memory, by a real model's cells.
#include <gtest/gtest.h>

#include "engine/test_numerics.h"

namespace weir::engine {
namespace {

using llama::testing::GemmaPath;
using llama::testing::RandomPath;
using llama::testing::TinyPath;
using testing::Conversation;
using testing::Endless;
using testing::SmallSettings;
using testing::Story;

// More than may stay idle in the cache while another runs, and three of them of gemma3:270m are no
// more than the host memory of these tests.
constexpr int32_t kLong = 1100;

wire::EngineSettings Settings(const std::string& path = RandomPath()) {
  wire::EngineSettings settings = SmallSettings(path);
  settings.context_tokens = 4096;
  return settings;
}

chat::GenerateRequest Talk(int32_t seed, int32_t length = kLong) {
  chat::GenerateRequest request = Endless("", 12);
  std::vector<int32_t> tokens;
  for (int32_t i = 0; i < length; ++i) tokens.push_back(300 + (i * 7 + seed * 31 + i / 5) % 100);
  request.prompts = {{.tokens = std::move(tokens)}};
  return request;
}

TEST(HostMemory, ConversationsTakingTurnsGetTheirCellsBackAndAnswerAsBefore) {
  WEIR_ENGINE_OR_SKIP(engine, Settings());
  Story first[3];
  // The first copy only tells how large copies are, so the cache is left from the second on.
  for (int32_t who = 0; who < 3; ++who) {
    first[who] = engine.Run(Talk(who));
    ASSERT_FALSE(first[who].text().empty());
  }
  for (int round = 0; round < 2; ++round) {
    for (int32_t who = 0; who < 3; ++who) {
      const Story again = engine.Run(Talk(who));
      EXPECT_EQ(again.cached_tokens(), kLong - 1);
      EXPECT_EQ(again.text(), first[who].text());
      EXPECT_LT(engine.Stats().cells_used, 2 * kLong);
    }
  }
}

TEST(HostMemory, APartOfACopyIsEnough) {
  WEIR_ENGINE_OR_SKIP(engine, Settings());
  for (int32_t who = 0; who < 3; ++who) engine.Run(Talk(who));
  chat::GenerateRequest branched = Talk(0, 700);
  branched.prompts[0].tokens.push_back(299);
  Conversation fresh(Settings());
  const Story expected = fresh.Run(branched);
  const Story story = engine.Run(branched);
  EXPECT_EQ(story.cached_tokens(), 700);
  EXPECT_EQ(expected.cached_tokens(), 0);
  ASSERT_FALSE(expected.text().empty());
  EXPECT_EQ(story.text(), expected.text());
}

void ExpectCellsOfAWindowToComeBack(const std::string& path, float numerics) {
  WEIR_ENGINE_OR_SKIP(engine, Settings(path));
  EXPECT_EQ(engine.info()->prefix_reuse, wire::PrefixReuse::kFull);
  Story first[3];
  for (int32_t who = 0; who < 3; ++who) {
    first[who] = engine.Run(testing::WithCandidates(Talk(who)));
  }
  for (int32_t who = 0; who < 3; ++who) {
    const Story again = engine.Run(testing::WithCandidates(Talk(who)));
    EXPECT_EQ(again.cached_tokens(), kLong - 1);
    EXPECT_EQ(testing::Compare(first[who].tokens[0], again.tokens.at(0), numerics).difference, "");
  }
  EXPECT_GT(engine.Stats().hits_host, 0u);
}

TEST(HostMemory, CellsOfASlidingWindowComeBackToo) {
  ExpectCellsOfAWindowToComeBack(TinyPath("gemma3"), testing::kNumerics);
}

TEST(HostMemory, SoTheyDoInARealModel) {
  ExpectCellsOfAWindowToComeBack(GemmaPath(), testing::kNumericsOfQuantised);
}

TEST(HostMemory, AnotherTenantGetsNoCopy) {
  WEIR_ENGINE_OR_SKIP(engine, Settings());
  for (int32_t who = 0; who < 3; ++who) engine.Run(Talk(who), {.tenant_salt = 1});
  EXPECT_EQ(engine.Run(Talk(0), {.tenant_salt = 2}).cached_tokens(), 0);
  EXPECT_EQ(engine.Run(Talk(0), {.tenant_salt = 1}).cached_tokens(), kLong - 1);
}

}  // namespace
}  // namespace weir::engine

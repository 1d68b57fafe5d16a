#include "llama/context.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <vector>

#include "base/one_processor_for_test.h"
#include "llama/test_models.h"

namespace weir::llama {
namespace {

using testing::StoriesPath;
using testing::TinyPath;

std::vector<Row> RowsOf(const std::vector<Token>& tokens, int32_t sequence, int32_t first = 0) {
  std::vector<Row> rows;
  for (const Token token : tokens) {
    rows.push_back({.token = token,
                    .position = first + static_cast<int32_t>(rows.size()),
                    .sequence = sequence});
  }
  if (!rows.empty()) rows.back().output = true;
  return rows;
}

Token Likeliest(std::span<const float> logits) {
  return static_cast<Token>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

std::unique_ptr<Context> MakeContext(const Model& model, int32_t cells = 256, int32_t threads = 1) {
  ContextSettings settings;
  settings.cells = cells;
  settings.batch_rows = 128;
  settings.micro_rows = 64;
  settings.sequences = 8;
  settings.threads = threads;
  settings.threads_batch = threads;
  auto context = Context::Create(model, settings);
  EXPECT_TRUE(context);
  return context ? std::move(*context) : nullptr;
}

std::vector<Token> Prompt(const Model& model) {
  return *model.vocabulary().Tokenize("Once upon a time, there was", false, true);
}

std::string Greedy(Context& context, int32_t sequence, int count) {
  const Vocabulary& vocabulary = context.model().vocabulary();
  std::string text;
  auto rows = RowsOf(Prompt(context.model()), sequence);
  EXPECT_EQ(context.Decode(rows), DecodeOutcome::kOk);
  int32_t output = static_cast<int32_t>(rows.size()) - 1;
  for (int i = 0; i < count; ++i) {
    const Token token = Likeliest(context.Logits(output));
    text += vocabulary.Piece(token);
    const auto row = RowsOf({token}, sequence, context.LastPosition(sequence) + 1);
    EXPECT_EQ(context.Decode(row), DecodeOutcome::kOk);
    output = 0;
  }
  return text;
}

TEST(Context, AStepMayHaveFewerRowsThanThereAreSequences) {
  WEIR_MODEL_OR_SKIP(model, StoriesPath());
  ContextSettings settings;
  settings.cells = 256;
  settings.batch_rows = settings.micro_rows = 8;
  settings.sequences = 32;
  settings.threads = settings.threads_batch = 1;
  const auto context = Context::Create(model, settings);
  ASSERT_TRUE(context);
  const auto rows = RowsOf({1, 2, 3}, 31);
  EXPECT_EQ((*context)->Decode(rows), DecodeOutcome::kOk);
}

TEST(Context, ContinuesAStory) {
  WEIR_MODEL_OR_SKIP(model, StoriesPath());
  auto context = MakeContext(model);
  const std::string text = Greedy(*context, 0, 12);
  EXPECT_NE(text.find("little girl named Lily"), std::string::npos) << text;
}

TEST(Context, ASharedPrefixGivesTheSameLogitsAsOneComputedAgain) {
  WEIR_MODEL_OR_SKIP(model, StoriesPath());
  auto context = MakeContext(model);
  const auto prompt = Prompt(model);
  const auto rows = RowsOf(prompt, 0);
  ASSERT_EQ(context->Decode(rows), DecodeOutcome::kOk);
  const auto span = context->Logits(static_cast<int32_t>(rows.size()) - 1);
  const std::vector<float> expected(span.begin(), span.end());

  const int32_t shared = static_cast<int32_t>(prompt.size()) - 1;
  context->Copy(0, 3, 0, shared);
  EXPECT_EQ(context->LastPosition(3), shared - 1);
  ASSERT_EQ(context->Decode(RowsOf({prompt.back()}, 3, shared)), DecodeOutcome::kOk);
  const auto again = context->Logits(0);
  for (size_t i = 0; i < expected.size(); ++i) ASSERT_NEAR(expected[i], again[i], 1e-3);
}

TEST(Context, ReportsNoRoomAndLosesNothing) {
  WEIR_MODEL_OR_SKIP(model, StoriesPath());
  auto context = MakeContext(model, 256);
  std::vector<Row> full;
  for (int32_t i = 0; i < 120; ++i) full.push_back({.token = 5, .position = i, .sequence = 0});
  full.back().output = true;
  ASSERT_EQ(context->Decode(full), DecodeOutcome::kOk);
  for (Row& row : full) row.sequence = 1;
  ASSERT_EQ(context->Decode(full), DecodeOutcome::kOk);
  for (Row& row : full) row.sequence = 2;
  ASSERT_EQ(context->Decode(full), DecodeOutcome::kNoRoom);
  EXPECT_EQ(context->LastPosition(0), 119);
  EXPECT_EQ(context->LastPosition(2), -1);
  EXPECT_TRUE(context->Remove(1, -1, -1));
  EXPECT_EQ(context->Decode(full), DecodeOutcome::kOk);
}

TEST(Context, AGapInPositionsIsBadInput) {
  WEIR_MODEL_OR_SKIP(model, StoriesPath());
  auto context = MakeContext(model);
  ASSERT_EQ(context->Decode(RowsOf(Prompt(model), 0)), DecodeOutcome::kOk);
  EXPECT_EQ(context->Decode(RowsOf({5}, 0, 90)), DecodeOutcome::kBadInput);
}

TEST(Context, AnAbortEndsAStepAndMemoryTellsHowFarItCame) {
  WEIR_MODEL_OR_SKIP(model, StoriesPath());
  auto context = MakeContext(model);
  context->RequestAbort();
  EXPECT_EQ(context->Decode(RowsOf(Prompt(model), 0)), DecodeOutcome::kAborted);
  context->ClearAbort();
  const int32_t last = context->LastPosition(0);
  EXPECT_LT(last, static_cast<int32_t>(Prompt(model).size()));
  ASSERT_TRUE(context->Remove(0, -1, -1));
  EXPECT_EQ(context->Decode(RowsOf(Prompt(model), 0)), DecodeOutcome::kOk);
}

// libllama counts the rows of an aborted step as computed there: it cannot take them back.
TEST(Context, AStateThatCannotBeCutIsNeverHalfComputed) {
  for (const char* kind : {"mamba", "lfm2"}) {
    SCOPED_TRACE(kind);
    WEIR_MODEL_OR_SKIP(model, TinyPath(kind));
    auto context = MakeContext(model);
    ASSERT_NE(context, nullptr);
    EXPECT_FALSE(context->can_cut());
    const auto first = RowsOf({300, 310, 320}, 0), second = RowsOf({330, 340}, 0, 3);
    const auto logits = [&](bool abort) {
      EXPECT_EQ(context->Decode(first), DecodeOutcome::kOk);
      if (abort) context->RequestAbort();
      EXPECT_EQ(context->Decode(second), DecodeOutcome::kOk);
      context->ClearAbort();
      const auto span = context->Logits(1);
      return std::vector<float>(span.begin(), span.end());
    };
    const auto expected = logits(false);
    ASSERT_TRUE(context->Remove(0, -1, -1));
    EXPECT_EQ(logits(true), expected);
  }
}

TEST(Context, ATailCanBeCutAndComputedAgain) {
  WEIR_MODEL_OR_SKIP(model, StoriesPath());
  auto context = MakeContext(model);
  EXPECT_TRUE(context->can_cut());
  ASSERT_EQ(context->Decode(RowsOf(Prompt(model), 0)), DecodeOutcome::kOk);
  ASSERT_TRUE(context->Remove(0, 3, -1));
  EXPECT_EQ(context->LastPosition(0), 2);
  EXPECT_EQ(context->Decode(RowsOf({7}, 0, 3)), DecodeOutcome::kOk);
}

TEST(Context, ASavedSequenceContinuesAsIfNothingHadHappened) {
  WEIR_MODEL_OR_SKIP(model, StoriesPath());
  auto context = MakeContext(model);
  const auto prompt = Prompt(model);
  ASSERT_EQ(context->Decode(RowsOf(prompt, 0)), DecodeOutcome::kOk);
  const auto saved = context->Save(0, 1 << 20);
  ASSERT_TRUE(saved);
  ASSERT_EQ(context->Decode(RowsOf({9}, 0, static_cast<int32_t>(prompt.size()))),
            DecodeOutcome::kOk);
  const auto span = context->Logits(0);
  const std::vector<float> expected(span.begin(), span.end());
  context->Clear();
  ASSERT_TRUE(context->Restore(5, *saved));
  ASSERT_EQ(context->Decode(RowsOf({9}, 5, static_cast<int32_t>(prompt.size()))),
            DecodeOutcome::kOk);
  const auto again = context->Logits(0);
  for (size_t i = 0; i < expected.size(); ++i) ASSERT_NEAR(expected[i], again[i], 1e-3);
  EXPECT_EQ(context->Save(5, 10).error().code, Code::kTooLarge);
}

// A step has some hundred barriers. Where the one that waits kept the core until its slice ended,
// the answer below took 23 s of the processor; where it gives way, less than one.
// Vectors in the places of six tokens, as those of an image.
struct Vectors {
  explicit Vectors(const Model& model)
      : size(static_cast<size_t>(model.facts().embedding_size)), numbers(6 * size) {
    for (size_t i = 0; i < numbers.size(); ++i)
      numbers[i] = static_cast<float>((i * 37) % 101) / 50 - 1;
  }
  void Take(std::vector<Row>& rows, size_t from) const {
    for (size_t i = 0; i < 6; ++i) {
      rows[from + i].token = -7;
      rows[from + i].embedding = &numbers[i * size];
    }
  }
  size_t size;
  std::vector<float> numbers;
};

TEST(Context, TokensAndVectorsShareAStepAndItsOutputs) {
  WEIR_MODEL_OR_SKIP(model, StoriesPath());
  const Vectors vectors(model);
  auto prompt = RowsOf(std::vector<Token>(20, 300), 0);
  vectors.Take(prompt, 5);
  auto other = RowsOf(Prompt(model), 1);
  const auto logits_of = [](const std::span<const float> logits) {
    return std::vector<float>(logits.begin(), logits.end());
  };
  const auto alone = MakeContext(model);
  ASSERT_EQ(alone->Decode(prompt), DecodeOutcome::kOk);
  const auto last = logits_of(alone->Logits(19));
  ASSERT_EQ(alone->Decode(other), DecodeOutcome::kOk);
  const auto text = logits_of(alone->Logits(static_cast<int32_t>(other.size()) - 1));

  prompt[4].output = prompt[7].output = true;
  std::vector<Row> both = other;
  both.insert(both.end(), prompt.begin(), prompt.end());
  const auto context = MakeContext(model);
  ASSERT_EQ(context->Decode(both), DecodeOutcome::kOk);
  const auto difference = [](std::span<const float> a, std::span<const float> b) {
    float largest = 0;
    for (size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::abs(a[i] - b[i]));
    return largest;
  };
  const auto at = static_cast<int32_t>(other.size());
  EXPECT_LT(difference(context->Logits(at - 1), text), 0.01F);
  EXPECT_LT(difference(context->Logits(at + 19), last), 0.01F);
  EXPECT_GT(difference(context->Logits(at + 4), last), 0.1F);
  EXPECT_GT(difference(context->Logits(at + 7), context->Logits(at + 4)), 0.1F);
}

TEST(Context, AStepInTurnsWithoutRoomForTheLastChangesNothing) {
  WEIR_MODEL_OR_SKIP(model, StoriesPath());
  const Vectors vectors(model);
  const auto context = MakeContext(model);
  ASSERT_EQ(context->Decode(RowsOf(std::vector<Token>(120, 300), 0)), DecodeOutcome::kOk);
  ASSERT_EQ(context->Decode(RowsOf(std::vector<Token>(120, 300), 1)), DecodeOutcome::kOk);
  auto rows = RowsOf({5, 6}, 0, 120);
  const auto prompt = RowsOf(std::vector<Token>(20, 300), 2);
  rows.insert(rows.end(), prompt.begin(), prompt.end());
  vectors.Take(rows, 12);
  EXPECT_EQ(context->Decode(rows), DecodeOutcome::kNoRoom);
  EXPECT_EQ(context->LastPosition(0), 119);
  EXPECT_EQ(context->LastPosition(2), -1);
  context->Remove(1, 0, -1);
  EXPECT_EQ(context->Decode(rows), DecodeOutcome::kOk);
  EXPECT_EQ(context->LastPosition(2), 19);
}

TEST(Context, ThreadsThatWaitForEachOtherGiveWay) {
  WEIR_MODEL_OR_SKIP(model, StoriesPath());
  const OnOneProcessor one;
  const std::clock_t began = std::clock();
  auto context = MakeContext(model, 256, 2);
  ASSERT_NE(context, nullptr);
  Greedy(*context, 0, 40);
  EXPECT_LT(std::clock() - began, 3 * CLOCKS_PER_SEC);
}

}  // namespace
}  // namespace weir::llama

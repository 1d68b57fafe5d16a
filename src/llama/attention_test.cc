// The attention kernels against each other: ggml's plain matrix products are the reference for its
// flash attention, which takes other paths for one row, for few and for many (tools/patches).
#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <utility>
#include <vector>

#include "llama/context.h"
#include "llama/test_models.h"

namespace weir::llama {
namespace {

constexpr int32_t kStreams = 8;

struct Shape {
  int32_t prefix;  // tokens that all streams share
  int32_t rows;    // of each stream, behind it, in one step
  int32_t streams;
};

void PrintTo(const Shape& shape, std::ostream* out) {
  *out << shape.prefix << " shared, " << shape.streams << " streams of " << shape.rows << " rows";
}

Token Drawn(int32_t position, int32_t stream) { return 260 + (position * 37 + stream * 101) % 200; }

std::unique_ptr<Context> MakeContext(const Model& model, FlashAttention attention) {
  ContextSettings settings;
  settings.cells = 2048;
  settings.batch_rows = 1024;
  settings.micro_rows = 512;
  settings.sequences = kStreams;
  settings.threads = 2;
  settings.threads_batch = 2;
  settings.flash_attention = attention;
  auto context = Context::Create(model, settings);
  EXPECT_TRUE(context);
  return std::move(*context);
}

// Decodes a step; the logits of its output rows.
std::vector<float> StepLogits(Context& context, const std::vector<Row>& step) {
  EXPECT_EQ(context.Decode(step), DecodeOutcome::kOk);
  std::vector<float> logits;
  for (size_t i = 0; i < step.size(); ++i) {
    if (!step[i].output) continue;
    const auto row = context.Logits(static_cast<int32_t>(i));
    logits.insert(logits.end(), row.begin(), row.end());
  }
  return logits;
}

// The logits of the last row of every stream.
std::vector<float> LastLogits(const Model& model, FlashAttention attention, const Shape& shape) {
  const auto context = MakeContext(model, attention);
  std::vector<Row> prefix;
  for (int32_t i = 0; i < shape.prefix; ++i) prefix.push_back({Drawn(i, 0), i, 0, false});
  EXPECT_EQ(context->Decode(prefix), DecodeOutcome::kOk);
  std::vector<Row> step;
  for (int32_t stream = 0; stream < shape.streams; ++stream) {
    if (stream > 0) context->Copy(0, stream, 0, shape.prefix);
    for (int32_t i = 0; i < shape.rows; ++i) {
      const int32_t position = shape.prefix + i;
      step.push_back({Drawn(position, stream), position, stream, i + 1 == shape.rows});
    }
  }
  return StepLogits(*context, step);
}

// Streams with nothing in common, whose cells lie in runs of their own and, at the end, mixed: most
// tiles of cells concern some rows of the step and not others.
std::vector<float> LogitsOfStrangers(const Model& model, FlashAttention attention) {
  constexpr int32_t kPrompts[] = {5, 300, 64, 129, 200, 1};  // tokens of each stream
  const auto context = MakeContext(model, attention);
  int32_t stream = 0;
  for (const int32_t prompt : kPrompts) {
    std::vector<Row> rows;
    for (int32_t i = 0; i < prompt; ++i) rows.push_back({Drawn(i, stream), i, stream, false});
    EXPECT_EQ(context->Decode(rows), DecodeOutcome::kOk);
    ++stream;
  }
  std::vector<float> logits;
  for (int32_t step = 0; step < 70; ++step) {
    std::vector<Row> rows;
    for (int32_t i = 0; i < stream; ++i) {
      const int32_t position = kPrompts[i] + step;
      rows.push_back({Drawn(position, i), position, i, step % 23 == 0});
    }
    const auto some = StepLogits(*context, rows);
    logits.insert(logits.end(), some.begin(), some.end());
  }
  return logits;
}

void ExpectNear(const std::vector<float>& plain, const std::vector<float>& flash) {
  ASSERT_EQ(plain.size(), flash.size());
  double worst = 0;
  double scale = 0;
  for (size_t i = 0; i < plain.size(); ++i) {
    ASSERT_TRUE(std::isfinite(flash[i]));
    worst = std::max(worst, static_cast<double>(std::abs(plain[i] - flash[i])));
    scale = std::max(scale, static_cast<double>(std::abs(plain[i])));
  }
  EXPECT_LT(worst, 0.01 * scale);
}

class Attention : public ::testing::TestWithParam<Shape> {};

TEST_P(Attention, GivesTheLogitsOfPlainMatrixProducts) {
  WEIR_MODEL_OR_SKIP(model, testing::StoriesPath());
  ExpectNear(LastLogits(model, FlashAttention::kOff, GetParam()),
             LastLogits(model, FlashAttention::kOn, GetParam()));
}

TEST(AttentionOfStrangers, GivesTheLogitsOfPlainMatrixProducts) {
  WEIR_MODEL_OR_SKIP(model, testing::StoriesPath());
  ExpectNear(LogitsOfStrangers(model, FlashAttention::kOff),
             LogitsOfStrangers(model, FlashAttention::kOn));
}

INSTANTIATE_TEST_SUITE_P(OneFewAndManyRows, Attention,
                         ::testing::Values(Shape{20, 1, 1}, Shape{700, 1, 1}, Shape{700, 1, 2},
                                           Shape{700, 1, 8}, Shape{700, 3, 1}, Shape{700, 5, 3},
                                           Shape{700, 45, 1}, Shape{700, 63, 1}, Shape{700, 64, 1},
                                           Shape{700, 65, 2}, Shape{700, 100, 8},
                                           Shape{1, 300, 1}));

}  // namespace
}  // namespace weir::llama

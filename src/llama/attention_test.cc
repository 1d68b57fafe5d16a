// The attention kernels against each other: ggml's plain matrix products are the reference for its
// flash attention, which takes other paths for one row, for few and for many (tools/patches).
#include <gtest/gtest.h>

#include <cmath>
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

// The logits of the last row of every stream.
std::vector<float> LastLogits(const Model& model, FlashAttention attention, const Shape& shape) {
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
  std::vector<Row> prefix;
  for (int32_t i = 0; i < shape.prefix; ++i) prefix.push_back({Drawn(i, 0), i, 0, false});
  EXPECT_EQ((*context)->Decode(prefix), DecodeOutcome::kOk);
  std::vector<Row> step;
  for (int32_t stream = 0; stream < shape.streams; ++stream) {
    if (stream > 0) (*context)->Copy(0, stream, 0, shape.prefix);
    for (int32_t i = 0; i < shape.rows; ++i) {
      const int32_t position = shape.prefix + i;
      step.push_back({Drawn(position, stream), position, stream, i + 1 == shape.rows});
    }
  }
  EXPECT_EQ((*context)->Decode(step), DecodeOutcome::kOk);
  std::vector<float> logits;
  for (size_t i = 0; i < step.size(); ++i) {
    if (!step[i].output) continue;
    const auto row = (*context)->Logits(static_cast<int32_t>(i));
    logits.insert(logits.end(), row.begin(), row.end());
  }
  return logits;
}

class Attention : public ::testing::TestWithParam<Shape> {};

TEST_P(Attention, GivesTheLogitsOfPlainMatrixProducts) {
  WEIR_MODEL_OR_SKIP(model, testing::StoriesPath());
  const auto plain = LastLogits(model, FlashAttention::kOff, GetParam());
  const auto flash = LastLogits(model, FlashAttention::kOn, GetParam());
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

INSTANTIATE_TEST_SUITE_P(OneFewAndManyRows, Attention,
                         ::testing::Values(Shape{20, 1, 1}, Shape{700, 1, 1}, Shape{700, 1, 2},
                                           Shape{700, 1, 8}, Shape{700, 3, 1}, Shape{700, 5, 3},
                                           Shape{700, 45, 1}, Shape{700, 63, 1}, Shape{700, 64, 1},
                                           Shape{700, 65, 2}, Shape{700, 100, 8},
                                           Shape{1, 300, 1}));

}  // namespace
}  // namespace weir::llama

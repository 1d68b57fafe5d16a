#include "llama/embedder.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace weir::llama {
namespace {

constexpr int32_t kInputTokensMax = 8192;
// Inputs that share a step; each is a sequence of its own.
constexpr size_t kStepInputsMax = 64;

void Normalise(std::span<float> vector) {
  double sum = 0;
  for (const float x : vector) sum += static_cast<double>(x) * static_cast<double>(x);
  if (!(sum > 0)) return;
  const auto scale = static_cast<float>(1 / std::sqrt(sum));
  for (float& x : vector) x *= scale;
}

}  // namespace

Result<std::unique_ptr<Embedder>> Embedder::Create(const Model& model,
                                                   const EmbedderSettings& settings) {
  const ModelFacts& facts = model.facts();
  if (facts.pooling == Pooling::kNone || facts.pooling == Pooling::kRank) {
    return Fail(Code::kUnprocessable, "this model makes no embeddings", "model",
                "embeddings_unsupported");
  }
  const int32_t trained = std::max(1, facts.context_tokens_trained);
  const int32_t wanted = settings.input_tokens_max > 0 ? settings.input_tokens_max : trained;
  const int32_t longest = std::min({wanted, trained, kInputTokensMax});
  ContextSettings context_settings;
  // A sequence must fit into one micro batch when attention looks both ways, so all are that large.
  const int32_t rows = std::max(settings.step_rows, longest);
  context_settings.cells = rows;
  context_settings.batch_rows = rows;
  context_settings.micro_rows = rows;
  context_settings.sequences = static_cast<int32_t>(kStepInputsMax);
  context_settings.threads = settings.threads;
  context_settings.threads_batch = settings.threads;
  context_settings.embeddings = true;
  auto context = Context::Create(model, context_settings);
  if (!context) return Fail(context.error());
  return std::unique_ptr<Embedder>(new Embedder(model, std::move(*context), longest));
}

Embedder::Embedder(const Model& model, std::unique_ptr<Context> context, int32_t input_tokens_max)
    : model_(model), context_(std::move(context)), input_tokens_max_(input_tokens_max) {
  size_ = model.facts().embedding_size;
}

Result<std::vector<Token>> Embedder::Prepare(std::string_view text) const {
  // Tokenised with the model's own beginning and separator; user-defined tokens of an embedding
  // model are words, not controls.
  auto tokens = model_.vocabulary().Tokenize(text, /*parse_special=*/false, /*add_special=*/true);
  if (!tokens) return tokens;
  if (text.empty() || tokens->empty()) {
    return Fail(Code::kInvalidArgument, "an input is empty", "input");
  }
  if (tokens->size() > static_cast<size_t>(input_tokens_max_)) {
    return Fail(Code::kInvalidArgument,
                fmt::format("an input has {} tokens; this model takes at most {}", tokens->size(),
                            input_tokens_max_),
                "input", "context_length_exceeded");
  }
  return tokens;
}

Result<std::vector<std::vector<float>>> Embedder::Embed(std::span<const std::vector<Token>> inputs,
                                                        const std::function<bool()>& stop) {
  std::vector<std::vector<float>> vectors(inputs.size());
  size_t first = 0;
  while (first < inputs.size()) {
    if (stop && stop()) return Fail(Code::kCancelled, "the request was cancelled");
    size_t count = 0;
    size_t rows = 0;
    while (first + count < inputs.size() && count < kStepInputsMax) {
      const size_t tokens = inputs[first + count].size();
      if (tokens == 0 || tokens > static_cast<size_t>(input_tokens_max_)) {
        return Fail(Code::kInvalidArgument,
                    fmt::format("an input has 1 to {} tokens", input_tokens_max_), "input",
                    "context_length_exceeded");
      }
      if (count > 0 && rows + tokens > static_cast<size_t>(context_->micro_rows())) break;
      rows += tokens;
      ++count;
    }
    if (auto step = Step(inputs, first, count, vectors); !step) return Fail(step.error());
    first += count;
  }
  return vectors;
}

Result<void> Embedder::Step(std::span<const std::vector<Token>> inputs, size_t first, size_t count,
                            std::vector<std::vector<float>>& vectors) {
  rows_.clear();
  for (size_t i = 0; i < count; ++i) {
    int32_t position = 0;
    for (const Token token : inputs[first + i]) {
      if (!model_.vocabulary().Contains(token)) {
        return Fail(Code::kInvalidArgument,
                    fmt::format("an input holds token {}, but this model's tokens are 0 to {}",
                                token, model_.vocabulary().size() - 1),
                    "input");
      }
      rows_.push_back({.token = token,
                       .position = position++,
                       .sequence = static_cast<int32_t>(i),
                       .output = true});
    }
  }
  context_->Clear();
  if (context_->Decode(rows_) != DecodeOutcome::kOk) {
    return Fail(Code::kBackendFailed, "the engine could not compute the embeddings");
  }
  for (size_t i = 0; i < count; ++i) {
    const std::span<const float> raw = context_->SequenceEmbedding(static_cast<int32_t>(i));
    if (raw.empty()) return Fail(Code::kBackendFailed, "the model gave no pooled vector");
    std::vector<float>& vector = vectors[first + i];
    vector.assign(raw.begin(), raw.end());
    Normalise(vector);
  }
  return {};
}

std::vector<float> Shortened(std::span<const float> vector, int32_t dimensions) {
  CHECK(dimensions > 0 && static_cast<size_t>(dimensions) <= vector.size(),
        "fewer dimensions than the vector has");
  std::vector<float> shorter(vector.begin(), vector.begin() + dimensions);
  Normalise(shorter);
  return shorter;
}

}  // namespace weir::llama

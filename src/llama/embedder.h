// Vectors of texts from an embedding model: pooled as the model says, of unit length, many inputs
// in one step. Has a context of its own, so that it can live beside one for chat over the same
// weights.
//
// Threads: one at a time (the engine thread). Ownership: the Model must outlive it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "llama/context.h"
#include "llama/model.h"

namespace weir::llama {

struct EmbedderSettings {
  int32_t input_tokens_max = 0;  // 0: as trained, at most 8192
  int32_t step_rows = 2048;      // tokens of one step, over all its inputs
  int32_t threads = 0;
};

class Embedder {
 public:
  static Result<std::unique_ptr<Embedder>> Create(const Model& model,
                                                  const EmbedderSettings& settings);

  int32_t size() const { return size_; }  // of a vector
  int32_t input_tokens_max() const { return input_tokens_max_; }

  // A text as the model's input, beginning and separator tokens included; text of a client, so no
  // control tokens in it. kInvalidArgument when it is longer than input_tokens_max or empty.
  Result<std::vector<Token>> Prepare(std::string_view text) const;
  // One vector for each input, in order. `stop` is asked before each step: kCancelled when it says
  // so; may be empty.
  Result<std::vector<std::vector<float>>> Embed(std::span<const std::vector<Token>> inputs,
                                                const std::function<bool()>& stop = {});

 private:
  Embedder(const Model& model, std::unique_ptr<Context> context, int32_t input_tokens_max);
  Result<void> Step(std::span<const std::vector<Token>> inputs, size_t first, size_t count,
                    std::vector<std::vector<float>>& vectors);

  const Model& model_;
  std::unique_ptr<Context> context_;
  int32_t size_ = 0;
  int32_t input_tokens_max_ = 0;
  std::vector<Row> rows_ = {};
};

// The first `dimensions` numbers of a vector, of unit length again.
std::vector<float> Shortened(std::span<const float> vector, int32_t dimensions);

}  // namespace weir::llama

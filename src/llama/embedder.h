// Vectors of texts, of unit length, many inputs in one step: pooled as the model says, or for a
// generative model the mean of its last layer over all tokens. Has a context of its own, so that it
// can live beside one for chat over the same weights. A model that ranks gives one number for each
// input instead, which is a query and a document: how well they fit, from 0 to 1.
//
// Threads: one at a time (the engine thread); Prepare on any. Ownership: the Model must outlive it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "llama/context.h"
#include "llama/model.h"

namespace weir::llama {

struct EmbedderSettings {
  int32_t input_tokens_max = 0;  // 0: as trained, at most 8192; of a generative model at most 2048
  int32_t threads = 0;
  bool on_first_use = false;  // the context is made by the first Embed, and stays
};

class Embedder {
 public:
  // kUnprocessable for a model that generates from an encoder, or that classifies into more than
  // fits or not.
  static Result<std::unique_ptr<Embedder>> Create(const Model& model,
                                                  const EmbedderSettings& settings);

  bool ranks() const { return ranks_; }
  int32_t size() const { return size_; }  // of a vector
  int32_t input_tokens_max() const { return input_tokens_max_; }
  int32_t threads() const { return context_ == nullptr ? 0 : context_->threads(); }

  // A text as the model's input, beginning and separator tokens included; text of a client, so no
  // control tokens in it. kInvalidArgument when it is longer than input_tokens_max or empty; with
  // `cut_to` it is cut at its end instead, to so many tokens at most.
  Result<std::vector<Token>> Prepare(std::string_view text,
                                     std::optional<int32_t> cut_to = {}) const;
  // The same for a model that ranks; the document is what is cut.
  Result<std::vector<Token>> PreparePair(std::string_view query, std::string_view document,
                                         std::optional<int32_t> cut_to = {}) const;
  // One vector for each input, in order. `stop` is asked before each step: kCancelled when it says
  // so; may be empty. kUnprocessable when there is no memory for the context.
  Result<std::vector<std::vector<float>>> Embed(std::span<const std::vector<Token>> inputs,
                                                const std::function<bool()>& stop = {});

 private:
  Embedder(const Model& model, ContextSettings settings, int32_t input_tokens_max,
           int32_t step_rows);
  Result<void> MakeContext();
  Result<void> CheckMayFit(std::string_view text) const;
  std::string_view Readable(std::string_view text) const;
  void Cut(std::vector<Token>& tokens, int32_t most) const;
  Result<std::vector<Token>> Checked(Result<std::vector<Token>> tokens) const;
  // So many inputs from `first` on, whose tokens fit into a step together; at least one.
  Result<size_t> CountTogether(std::span<const std::vector<Token>> inputs, size_t first) const;
  Result<void> Fill(std::span<const std::vector<Token>> inputs);
  Result<void> EmbedPooled(std::span<std::vector<float>> vectors);
  Result<void> EmbedMean(std::span<std::vector<float>> vectors, const std::function<bool()>& stop);

  const Model& model_;
  const ContextSettings settings_;
  std::unique_ptr<Context> context_ = nullptr;
  int32_t size_ = 0;
  int32_t input_tokens_max_ = 0;
  int32_t step_rows_ = 0;
  bool mean_ = false;  // the model does not pool, we do
  bool ranks_ = false;
  std::vector<Row> rows_ = {};
};

// The first `dimensions` numbers of a vector, of unit length again.
std::vector<float> Shortened(std::span<const float> vector, int32_t dimensions);

}  // namespace weir::llama

// An image as a prompt holds it: tokens that stand before, between and behind its pieces, and rows,
// which are vectors in the place of tokens' embeddings. A row has a virtual id, so that whoever
// works with tokens alone (the scheduler, its prefixes) can tell rows apart: equal ids are equal
// rows, of this process. Virtual ids are no tokens: nothing draws, prints or counts them as such.
//
// Immutable and shared by the prompts that have it; any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "llama/model.h"

namespace weir::llama {

// kNoToken is none of them.
inline bool IsImageRow(Token token) { return token < kNoToken; }

// Counts the bytes of all that lives.
using BytesAlive = std::shared_ptr<std::atomic<size_t>>;

class EncodedImage {
 public:
  // `rows`: of each virtual id in `tokens`, in order.
  EncodedImage(std::vector<Token> tokens, std::vector<float> rows, BytesAlive alive);
  ~EncodedImage();
  EncodedImage(const EncodedImage&) = delete;
  EncodedImage& operator=(const EncodedImage&) = delete;

  const std::vector<Token>& tokens() const { return tokens_; }
  // Of the token at `index`, which must be a virtual id.
  std::span<const float> Row(size_t index) const;
  size_t bytes() const { return rows_.size() * sizeof(float); }

 private:
  std::vector<Token> tokens_;
  std::vector<float> rows_;
  std::vector<size_t> row_of_ = {};  // of each token: rows before it
  size_t row_size_ = 0;
  BytesAlive alive_;
};

// Where it stands in a prompt: its tokens begin at position `at`.
struct PlacedImage {
  int32_t at = 0;
  std::shared_ptr<const EncodedImage> image = nullptr;
};

// The row at `position` of a prompt with these images, in their order.
std::span<const float> RowAt(std::span<const PlacedImage> images, int32_t position);

}  // namespace weir::llama

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
#include <optional>
#include <span>
#include <vector>

#include "llama/context.h"
#include "llama/model.h"

namespace weir::llama {

// kNoToken is none of them.
inline bool IsImageRow(Token token) { return token < kNoToken; }

// Counts the bytes of all that lives.
using BytesAlive = std::shared_ptr<std::atomic<size_t>>;

class EncodedImage {
 public:
  // For a model that counts in several directions: where each token stands from where the image
  // begins, and how far on it is what comes behind.
  struct Layout {
    std::vector<Place> places = {};
    int32_t steps = 0;
  };

  // `rows`: of each virtual id in `tokens`, in order. `mutual`: rows that stand together see each
  // other, those behind them too, so that they are computed together.
  EncodedImage(std::vector<Token> tokens, std::vector<float> rows, bool mutual, BytesAlive alive,
               std::optional<Layout> layout = {});
  ~EncodedImage();
  EncodedImage(const EncodedImage&) = delete;
  EncodedImage& operator=(const EncodedImage&) = delete;

  const std::vector<Token>& tokens() const { return tokens_; }
  // Of the token at `index`, which must be a virtual id.
  std::span<const float> Row(size_t index) const;
  // Where rows that are computed together begin and how many they are; none where each comes alone.
  struct Together {
    int32_t from = 0;
    int32_t count = 0;
  };
  const std::vector<Together>& together() const { return together_; }
  const std::optional<Layout>& layout() const { return layout_; }
  size_t bytes() const { return rows_.size() * sizeof(float); }

 private:
  std::vector<Token> tokens_;
  std::vector<float> rows_;
  std::vector<size_t> row_of_ = {};  // of each token: rows before it
  std::vector<Together> together_ = {};
  std::optional<Layout> layout_;
  size_t row_size_ = 0;
  BytesAlive alive_;
};

// Where it stands in a prompt: its tokens begin at position `at`.
struct PlacedImage {
  int32_t at = 0;
  std::shared_ptr<const EncodedImage> image = nullptr;
};

struct PlacedRow {
  std::span<const float> vector = {};
  int32_t together = -1;  // position of the first row that it is computed together with
};
// The row at `position` of a prompt with these images, in their order.
PlacedRow RowAt(std::span<const PlacedImage> images, int32_t position);
// Where a token or row at `position` stands, of the prompt or of its answer. Nothing where that is
// its position: no image with a layout stands before it or there.
std::optional<Place> PlaceAt(std::span<const PlacedImage> images, int32_t position);

}  // namespace weir::llama

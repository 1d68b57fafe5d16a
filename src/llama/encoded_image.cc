#include "llama/encoded_image.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace weir::llama {

EncodedImage::EncodedImage(std::vector<Token> tokens, std::vector<float> rows, BytesAlive alive)
    : tokens_(std::move(tokens)), rows_(std::move(rows)), alive_(std::move(alive)) {
  size_t count = 0;
  row_of_.reserve(tokens_.size());
  for (const Token token : tokens_) {
    row_of_.push_back(count);
    count += IsImageRow(token) ? 1 : 0;
  }
  CHECK(count > 0 && rows_.size() % count == 0, "each virtual id has a row");
  row_size_ = rows_.size() / count;
  *alive_ += bytes();
}

EncodedImage::~EncodedImage() { *alive_ -= bytes(); }

std::span<const float> EncodedImage::Row(size_t index) const {
  CHECK(index < tokens_.size() && IsImageRow(tokens_[index]), "a row of this image");
  return std::span(rows_).subspan(row_of_[index] * row_size_, row_size_);
}

std::span<const float> RowAt(std::span<const PlacedImage> images, int32_t position) {
  const auto behind = std::ranges::upper_bound(images, position, {}, &PlacedImage::at);
  CHECK(behind != images.begin(), "an image stands at this position");
  const PlacedImage& placed = *std::prev(behind);
  return placed.image->Row(static_cast<size_t>(position - placed.at));
}

}  // namespace weir::llama

#include "llama/encoded_image.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace weir::llama {

EncodedImage::EncodedImage(std::vector<Token> tokens, std::vector<float> rows, bool mutual,
                           BytesAlive alive, std::optional<Layout> layout)
    : tokens_(std::move(tokens)),
      rows_(std::move(rows)),
      layout_(std::move(layout)),
      alive_(std::move(alive)) {
  CHECK(!layout_ || layout_->places.size() == tokens_.size(), "each token has a place");
  size_t count = 0;
  row_of_.reserve(tokens_.size());
  for (size_t i = 0; i < tokens_.size(); ++i) {
    row_of_.push_back(count);
    if (!IsImageRow(tokens_[i])) continue;
    ++count;
    if (!mutual) continue;
    const bool goes_on = i > 0 && IsImageRow(tokens_[i - 1]);
    if (!goes_on) together_.push_back({.from = static_cast<int32_t>(i)});
    ++together_.back().count;
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

PlacedRow RowAt(std::span<const PlacedImage> images, int32_t position) {
  const auto behind = std::ranges::upper_bound(images, position, {}, &PlacedImage::at);
  CHECK(behind != images.begin(), "an image stands at this position");
  const PlacedImage& placed = *std::prev(behind);
  const int32_t index = position - placed.at;
  PlacedRow row{.vector = placed.image->Row(static_cast<size_t>(index))};
  const auto& runs = placed.image->together();
  const auto next = std::ranges::upper_bound(runs, index, {}, &EncodedImage::Together::from);
  if (next != runs.begin()) row.together = placed.at + std::prev(next)->from;
  return row;
}

std::optional<Place> PlaceAt(std::span<const PlacedImage> images, int32_t position) {
  std::optional<Place> place;
  int32_t place_of_text = position;
  for (const PlacedImage& placed : images) {
    const auto& layout = placed.image->layout();
    if (!layout || placed.at > position) break;
    const auto index = static_cast<size_t>(position - placed.at);
    if (index < layout->places.size()) {
      const int32_t from = place_of_text - static_cast<int32_t>(index);
      const Place& own = layout->places[index];
      return Place{from + own.time, from + own.down, from + own.across};
    }
    place_of_text += layout->steps - static_cast<int32_t>(layout->places.size());
    place = Place{place_of_text, place_of_text, place_of_text};
  }
  return place;
}

}  // namespace weir::llama

#include "vectors/row_builder.h"

#include <algorithm>
#include <cstring>
#include <functional>

#include "base/check.h"
#include "vectors/bit_codes.h"
#include "vectors/codes.h"
#include "vectors/distance.h"

namespace weir::vectors {

// Ids one behind the other in pages that never move.
class RowBuilder::Arena {
 public:
  const char* Add(std::string_view id) {
    const auto size = static_cast<uint16_t>(id.size());
    if (used_ + sizeof(size) + id.size() > page_bytes_) {
      // Small collections, of which there may be thousands, get small pages.
      page_bytes_ = pages_.empty() ? kFirstPageBytes : kPageBytes;
      pages_.push_back(std::make_unique<char[]>(page_bytes_));
      used_ = 0;
    }
    char* place = pages_.back().get() + used_;
    std::memcpy(place, &size, sizeof(size));
    std::memcpy(place + sizeof(size), id.data(), id.size());
    used_ += sizeof(size) + id.size();
    return place;
  }

 private:
  static constexpr size_t kFirstPageBytes = size_t{4} << 10;
  static constexpr size_t kPageBytes = size_t{256} << 10;
  static_assert(kFirstPageBytes > Limits::kIdBytes + sizeof(uint16_t));

  std::vector<std::unique_ptr<char[]>> pages_;
  size_t page_bytes_ = 0;
  size_t used_ = 0;
};

void RowBuilder::SharedBits::Set(uint32_t row, uint32_t rows) {
  if (!bits_) {
    bits_ = std::make_shared<Bitmap>(rows);
  } else if (shown_) {
    bits_ = std::make_shared<Bitmap>(*bits_);
  }
  shown_ = false;
  if (bits_->size() < rows) bits_->Resize(rows);
  bits_->Set(row);
}

std::shared_ptr<const Bitmap> RowBuilder::SharedBits::Look() {
  shown_ = true;
  return bits_;
}

RowBuilder::RowBuilder(std::span<const Space> spaces, const std::filesystem::path& folder)
    : slots_(sizeof(View::Slot)), ids_(std::make_shared<Arena>()) {
  for (const Space& space : spaces) spaces_.push_back(NoRows(space, folder));
}

RowBuilder::SpaceRows RowBuilder::NoRows(const Space& space, const std::filesystem::path& folder) {
  const RowVectors rows(space);
  const bool bits = space.codes == Codes::kBits;
  return {space,
          rows,
          RowArray(rows.bytes(), folder),
          RowArray(bits ? BitRecordBytes(space.dimensions) : RecordBytes(space.dimensions)),
          {}};
}

void RowBuilder::AddRow(int64_t seq, std::string_view id, const json::Value& payload,
                        std::string_view text, std::span<const Vector> vectors, Expiry expires) {
  CHECK(vectors.size() == spaces_.size(), "one vector for each space");
  auto* slot = reinterpret_cast<View::Slot*>(slots_.Append());
  *slot = {seq, ids_->Add(id)};
  const uint32_t row = rows_++;
  ++live_;
  Expire(row, expires);
  payloads_.Add(payload);
  words_.Add(text);
  for (size_t i = 0; i < spaces_.size(); ++i) AddTo(spaces_[i], row, vectors[i]);
}

void RowBuilder::Arrange(std::span<const Space> spaces, std::span<const std::optional<size_t>> from,
                         const std::filesystem::path& folder) {
  CHECK(spaces.size() == from.size(), "each space has a place where it comes from");
  std::vector<SpaceRows> arranged;
  for (size_t i = 0; i < spaces.size(); ++i) {
    if (from[i]) {
      arranged.push_back(std::move(spaces_[*from[i]]));
      arranged.back().space = spaces[i];
      continue;
    }
    arranged.push_back(NoRows(spaces[i], folder));
    for (uint32_t row = 0; row < rows_; ++row) AddTo(arranged.back(), row, {});
  }
  spaces_ = std::move(arranged);
}

void RowBuilder::AddTo(SpaceRows& space, uint32_t row, const Vector& vector) {
  const uint32_t rows = row + 1;
  if (space.space.sparse) {
    if (vector.sparse == nullptr) space.absent.Set(row, rows);
    space.sparse.last().Add(vector.sparse);
    space.sparse.Grown();
    return;
  }
  if (space.space.multi) {
    if (vector.multi == nullptr) space.absent.Set(row, rows);
    AddMulti(space, vector.multi != nullptr ? *vector.multi : MultiVector());
    return;
  }
  std::byte* out = space.vectors.Append();
  std::byte* record = space.codes.Append();
  if (vector.dense.empty()) {
    space.absent.Set(row, rows);
  } else {
    space.rows.Write(vector.dense, out);
    EncodeRow(space, out, record);
  }
}

void RowBuilder::AddMulti(SpaceRows& space, const MultiVector& vectors) {
  // Terabytes of them; memory ends before.
  if (space.vectors.rows() > UINT32_MAX - vectors.size()) throw std::bad_alloc();
  auto* span = reinterpret_cast<SpaceView::Span*>(space.spans.Append());
  *span = {space.vectors.rows(), static_cast<uint32_t>(vectors.size())};
  for (const std::vector<float>& vector : vectors) space.rows.Write(vector, space.vectors.Append());
}

void RowBuilder::EncodeRow(const SpaceRows& space, const std::byte* row, std::byte* record) {
  const size_t dimensions = space.space.dimensions;
  if (space.space.components == Components::kF32 && space.space.codes == Codes::kBytes) {
    Encode({reinterpret_cast<const float*>(row), Padded(dimensions)}, dimensions, record);
    return;
  }
  // Of what is kept, not of what was given.
  std::vector<float> prepared(Padded(dimensions));
  Prepare(space.space.metric, space.rows.Read(row), prepared.data());
  if (space.space.codes == Codes::kBits) {
    EncodeBits(prepared, dimensions, record);
  } else {
    Encode(prepared, dimensions, record);
  }
}

void RowBuilder::Expire(uint32_t row, Expiry expires) {
  if (expires == kNoExpiry && expiries_.rows() == 0) return;
  while (expiries_.rows() < row) expiries_.Append();  // zero, which is kNoExpiry
  *reinterpret_cast<Expiry*>(expiries_.Append()) = expires;
  if (expires == kNoExpiry) return;
  ends_.emplace_back(expires, row);
  std::ranges::push_heap(ends_, std::greater());
}

Expiry RowBuilder::NextExpiry() {
  while (!ends_.empty() && dead_.get() != nullptr && dead_.get()->Test(ends_.front().second)) {
    std::ranges::pop_heap(ends_, std::greater());
    ends_.pop_back();
  }
  return ends_.empty() ? kNever : ends_.front().first;
}

void RowBuilder::Kill(int64_t seq) {
  View rows;
  rows.rows = rows_;
  rows.slots = slots_.Look();
  const uint32_t row = rows.FindSeq(seq);
  CHECK(row < rows_ && (dead_.get() == nullptr || !dead_.get()->Test(row)),
        "a point of the tables that is not in memory");
  dead_.Set(row, rows_);
  words_.Kill(row);
  --live_;
}

std::shared_ptr<const View> RowBuilder::Look() {
  auto view = std::make_shared<View>();
  view->rows = rows_;
  view->live = live_;
  view->slots = slots_.Look();
  view->ids = ids_;
  view->dead = dead_.Look();
  for (SpaceRows& space : spaces_) {
    view->spaces.push_back({space.vectors.Look(), space.codes.Look(), space.absent.Look(),
                            space.sparse.Look(), space.spans.Look()});
  }
  view->payloads = payloads_.Look();
  view->words = words_.Look();
  view->expiries = expiries_.Look();
  view->next_expiry = NextExpiry();
  return view;
}

}  // namespace weir::vectors

#include "vectors/scan_search.h"

#include <algorithm>
#include <array>

#include "vectors/bit_codes.h"

namespace weir::vectors {
namespace {

constexpr size_t kBatch = 64;

std::vector<float> Prepared(Metric metric, std::span<const float> vector) {
  std::vector<float> out(Padded(vector.size()));
  Prepare(metric, vector, out.data());
  return out;
}

CodeQuery CodedQuery(const Space& space, std::span<const float> prepared) {
  if (space.codes == Codes::kBytes) return {space.metric, prepared, space.dimensions};
  return {space.metric, Rotated(prepared, space.dimensions), space.dimensions};
}

// Collects rows until there are enough to be worth a call of the kernel.
class Batch {
 public:
  Batch(const SpaceView& space, const Target& target, Best& best)
      : space_(space), target_(target), best_(best) {}

  void Add(uint32_t row) {
    const std::byte* record = space_.codes.At(row);
    __builtin_prefetch(record);
    records_[size_] = record;
    rows_[size_++] = row;
    if (size_ == kBatch) Score();
  }
  void Score() {
    std::array<int32_t, kBatch> products;
    products_(target_.code, records_.data(), size_, products.data());
    for (size_t i = 0; i < size_; ++i) {
      best_.Show(target_.code.Estimate(HeadOf(records_[i]), products[i]), rows_[i]);
    }
    size_ = 0;
  }

 private:
  const SpaceView& space_;
  const Target& target_;
  Best& best_;
  const decltype(CodeKernels::products) products_ = target_.codes == Codes::kBytes
                                                        ? CodeKernelsHere().front().products
                                                        : BitKernelsHere().front().products;
  size_t size_ = 0;
  std::array<const std::byte*, kBatch> records_;
  std::array<uint32_t, kBatch> rows_;
};

}  // namespace

Target::Target(const Space& space, std::span<const float> vector)
    : rows(space),
      codes(space.codes),
      prepared(Prepared(space.metric, vector)),
      code(CodedQuery(space, prepared)) {}

size_t RefineCount(size_t count, Codes codes) {
  if (codes == Codes::kBits) return count + std::clamp<size_t>(20 * count, 300, 4'096);
  return count + std::clamp<size_t>(3 * count, 30, 512);
}

void ScanCodes(const SpaceView& space, const Target& target, const Bitmap* eligible, uint32_t from,
               uint32_t to, Best& best) {
  Batch batch(space, target, best);
  if (eligible == nullptr) {
    for (uint32_t row = from; row < to; ++row) batch.Add(row);
  } else {
    eligible->ForEachIn(from, to, [&](size_t row) { batch.Add(static_cast<uint32_t>(row)); });
  }
  batch.Score();
}

std::vector<Candidate> SearchExactly(const SpaceView& space, const Target& target,
                                     const Bitmap* eligible, uint32_t rows, size_t count) {
  Best best(count);
  const auto show = [&](size_t bit) {
    const auto row = static_cast<uint32_t>(bit);
    best.Show(target.rows.Distance(target.prepared.data(), space.vectors.At(row)), row);
  };
  if (eligible != nullptr) {
    eligible->ForEach(show);
  } else {
    for (uint32_t row = 0; row < rows; ++row) show(row);
  }
  return best.Take();
}

std::vector<Candidate> Refine(const SpaceView& space, const Target& target,
                              std::span<const Candidate> candidates, size_t count) {
  Best best(count);
  for (size_t i = 0; i < candidates.size(); ++i) {
    constexpr size_t kAhead = 4;
    if (i + kAhead < candidates.size()) {
      __builtin_prefetch(space.vectors.At(candidates[i + kAhead].row));
    }
    const uint32_t row = candidates[i].row;
    best.Show(target.rows.Distance(target.prepared.data(), space.vectors.At(row)), row);
  }
  return best.Take();
}

}  // namespace weir::vectors

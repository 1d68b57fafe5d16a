#include "vectors/stored_vector.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "vectors/distance.h"

namespace weir::vectors {
namespace {

template <class T>
void Put(std::span<const T> values, VectorBytes& out) {
  const auto bytes = std::as_bytes(values);
  out.insert(out.end(), bytes.begin(), bytes.end());
}

template <class T>
void Take(std::span<const std::byte> bytes, std::vector<T>& values) {
  values.resize(bytes.size() / sizeof(T));
  if (!values.empty()) std::memcpy(values.data(), bytes.data(), values.size() * sizeof(T));
}

VectorBytes PrintSparse(const SparseVector& vector) {
  std::vector<size_t> order(vector.indices.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::sort(order, {}, [&](size_t i) { return vector.indices[i]; });
  VectorBytes bytes;
  for (const size_t i : order) Put(std::span(&vector.indices[i], 1), bytes);
  for (const size_t i : order) Put(std::span(&vector.values[i], 1), bytes);
  return bytes;
}

size_t BytesOf(const Space& space) {
  if (space.components == Components::kU8) return space.dimensions;
  return space.dimensions * (space.components == Components::kF16 ? 2 : sizeof(float));
}

void PutDense(const Space& space, const std::vector<float>& vector, VectorBytes& bytes) {
  if (space.components == Components::kF16) {
    std::vector<uint16_t> halves(vector.size());
    std::ranges::transform(vector, halves.begin(), ToHalf);
    Put<uint16_t>(halves, bytes);
  } else if (space.components == Components::kU8) {
    for (const float x : vector) bytes.push_back(static_cast<std::byte>(static_cast<uint8_t>(x)));
  } else {
    Put<float>(vector, bytes);
  }
}

void TakeDense(const Space& space, std::span<const std::byte> bytes, std::vector<float>& vector) {
  if (space.components == Components::kF16) {
    std::vector<uint16_t> halves;
    Take(bytes, halves);
    vector.resize(halves.size());
    std::ranges::transform(halves, vector.begin(), FromHalf);
  } else if (space.components == Components::kU8) {
    vector.resize(bytes.size());
    std::ranges::transform(bytes, vector.begin(), [](std::byte byte) {
      return static_cast<float>(std::to_integer<uint8_t>(byte));
    });
  } else {
    Take(bytes, vector);
  }
}

bool FitsIn(const Space& space, size_t bytes) {
  if (space.sparse) return bytes % (sizeof(uint32_t) + sizeof(float)) == 0;
  const size_t one = BytesOf(space);
  return space.multi ? bytes > 0 && bytes % one == 0 : bytes == one;
}

}  // namespace

std::optional<VectorBytes> PrintVector(const Space& space, const Point& point) {
  if (space.sparse) {
    const auto found = point.sparse.find(space.name);
    if (found == point.sparse.end()) return std::nullopt;
    return PrintSparse(found->second);
  }
  VectorBytes bytes;
  if (space.multi) {
    const auto found = point.multi.find(space.name);
    if (found == point.multi.end()) return std::nullopt;
    bytes.reserve(found->second.size() * BytesOf(space));
    for (const std::vector<float>& vector : found->second) PutDense(space, vector, bytes);
    return bytes;
  }
  const auto found = point.vectors.find(space.name);
  if (found == point.vectors.end()) return std::nullopt;
  PutDense(space, found->second, bytes);
  return bytes;
}

Result<void> ParseVector(const Space& space, std::span<const std::byte> bytes, Point& point) {
  if (!FitsIn(space, bytes.size())) {
    return Fail(Code::kInternal, "a stored vector has the wrong length; restore a backup", {},
                "storage_corrupt");
  }
  if (space.sparse) {
    SparseVector& vector = point.sparse[space.name];
    Take(bytes.first(bytes.size() / 2), vector.indices);
    Take(bytes.last(bytes.size() / 2), vector.values);
  } else if (space.multi) {
    MultiVector& vectors = point.multi[space.name];
    const size_t one = BytesOf(space);
    vectors.resize(bytes.size() / one);
    for (size_t i = 0; i < vectors.size(); ++i)
      TakeDense(space, bytes.subspan(i * one, one), vectors[i]);
  } else {
    TakeDense(space, bytes, point.vectors[space.name]);
  }
  return {};
}

}  // namespace weir::vectors

// How a point's vectors are written in the tables: the components as the space keeps them, those
// of several vectors one behind the other, or of a sparse one its indices, ascending, and then its
// values; numbers are little-endian.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "base/result.h"
#include "vectors/rows.h"
#include "vectors/types.h"

namespace weir::vectors {

using VectorBytes = std::vector<std::byte>;

// Nothing where the point has no vector in this space.
std::optional<VectorBytes> PrintVector(const Space& space, const Point& point);
// Into the point's vector of the space. storage_corrupt where it cannot be one.
Result<void> ParseVector(const Space& space, std::span<const std::byte> bytes, Point& point);

// All vectors of a point that `rows` (Rows or a RowReader) has; how many.
template <class From>
Result<size_t> ReadVectors(From& rows, int64_t seq, const CollectionRow& collection, Point& point) {
  const std::vector<Space>& spaces = collection.spec.spaces;
  size_t read = 0;
  for (size_t space = 0; space < spaces.size(); ++space) {
    Result<void> parsed;
    const auto found =
        rows.ReadVector(seq, collection.SlotOf(space), [&](std::span<const std::byte> bytes) {
          parsed = ParseVector(spaces[space], bytes, point);
        });
    if (!found) return Fail(found.error());
    if (!parsed) return Fail(std::move(parsed.error()));
    read += *found ? 1 : 0;
  }
  return read;
}

// All vectors of a point.
template <class To>
Result<void> AddVectors(To& rows, int64_t seq, const CollectionRow& collection,
                        const Point& point) {
  const std::vector<Space>& spaces = collection.spec.spaces;
  for (size_t space = 0; space < spaces.size(); ++space) {
    const auto bytes = PrintVector(spaces[space], point);
    if (!bytes) continue;
    if (auto added = rows.AddVector(seq, collection.SlotOf(space), *bytes); !added) return added;
  }
  return {};
}

}  // namespace weir::vectors

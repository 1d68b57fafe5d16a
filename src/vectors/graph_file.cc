#include "vectors/graph_file.h"

#include <fmt/format.h>

#include <array>
#include <cstring>

#include "vectors/checked_file.h"
#include "vectors/codes.h"

namespace weir::vectors {
namespace {

constexpr uint32_t kGraphKind = 1;

// A file is only of use for the same space of the same collection.
std::array<int64_t, 5> IdentityOf(const GraphPlace& place, const Space& space) {
  return {place.collection, static_cast<int64_t>(place.slot), space.dimensions,
          static_cast<int64_t>(space.metric), Graph::kLinks};
}

uint32_t CodeCrc(const View& view, size_t space, uint32_t row) {
  const RowArray::View& codes = view.spaces[space].codes;
  return Crc32c(0, {codes.At(row), codes.stride()});
}

template <class T>
std::vector<T> As(std::span<const std::byte> bytes) {
  std::vector<T> values(bytes.size() / sizeof(T));
  if (!values.empty()) std::memcpy(values.data(), bytes.data(), values.size() * sizeof(T));
  return values;
}

std::unexpected<Error> OfOtherRows() {
  return Fail(Code::kInternal, "an index file is of other points", {}, "index_damaged");
}

}  // namespace

std::filesystem::path GraphPlace::File() const {
  return folder / fmt::format("{}-{}.graph", collection, slot);
}

Result<void> WriteGraph(const GraphPlace& place, const Space& space, const View& view,
                        const Graph& graph) {
  const auto identity = IdentityOf(place, space);
  std::vector<int64_t> seqs;
  std::vector<uint32_t> codes;
  for (uint32_t row = 0; row < graph.rows(); ++row) {
    seqs.push_back(view.SeqOf(row));
    codes.push_back(CodeCrc(view, place.space, row));
  }
  const auto links = graph.Pack();
  const std::array<std::span<const std::byte>, 4> parts = {std::as_bytes(std::span(identity)),
                                                           std::as_bytes(std::span(seqs)),
                                                           std::as_bytes(std::span(codes)), links};
  return WriteCheckedFile(place.File(), kGraphKind, parts);
}

Result<Graph> ReadGraph(const GraphPlace& place, const Space& space, const View& view) {
  const auto parts = ReadCheckedFile(place.File(), kGraphKind);
  if (!parts) return Fail(parts.error());
  const auto identity = IdentityOf(place, space);
  if (parts->size() != 4 ||
      As<int64_t>((*parts)[0]) != std::vector<int64_t>(identity.begin(), identity.end())) {
    return OfOtherRows();
  }
  const auto seqs = As<int64_t>((*parts)[1]);
  const auto codes = As<uint32_t>((*parts)[2]);
  Graph graph;
  if (!graph.Unpack((*parts)[3]) || graph.rows() != seqs.size() || codes.size() != seqs.size()) {
    return OfOtherRows();
  }
  // Both are in the order of seq. A row of the tables that the file lacks, or that has another
  // code, shows that the tables are not those that the file was made from.
  std::vector<uint32_t> now(seqs.size(), Graph::kNone);
  uint32_t row = 0;
  for (size_t i = 0; i < seqs.size(); ++i) {
    if (i > 0 && seqs[i] <= seqs[i - 1]) return OfOtherRows();
    if (row < view.rows && view.SeqOf(row) < seqs[i]) return OfOtherRows();
    if (row == view.rows || view.SeqOf(row) != seqs[i]) continue;
    if (CodeCrc(view, place.space, row) != codes[i]) return OfOtherRows();
    now[i] = row++;
  }
  return graph.Renamed(now, row);
}

std::vector<uint32_t> NewNumbers(const View& from, const View& to) {
  std::vector<uint32_t> now(from.rows, Graph::kNone);
  uint32_t row = 0;
  for (uint32_t old = 0; old < from.rows; ++old) {
    while (row < to.rows && to.SeqOf(row) < from.SeqOf(old)) ++row;
    if (row < to.rows && to.SeqOf(row) == from.SeqOf(old)) now[old] = row;
  }
  return now;
}

}  // namespace weir::vectors

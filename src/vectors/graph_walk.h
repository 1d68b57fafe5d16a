// The inner loop of searching a graph, shared by searches (which read lists in place) and building
// (which copies each list under its row's lock). Private to graph.cc and graph_builder.cc.
#pragma once

#include <array>

#include "vectors/graph.h"

namespace weir::vectors {

// Distances of a query to rows, many at a time.
class Scorer {
 public:
  Scorer(const RowArray::View& codes, const CodeQuery& query) : codes_(codes), query_(query) {}

  void Prefetch(uint32_t row) const {
    const std::byte* record = codes_.At(row);
    for (size_t i = 0; i < codes_.stride(); i += 64) __builtin_prefetch(record + i);
  }
  // At most Graph::kBaseLinks rows.
  void Score(std::span<const uint32_t> rows, float* distances) const {
    std::array<const std::byte*, Graph::kBaseLinks + 1> records;
    std::array<int32_t, Graph::kBaseLinks + 1> products;
    for (size_t i = 0; i < rows.size(); ++i) records[i] = codes_.At(rows[i]);
    kernels_.products(query_, records.data(), rows.size(), products.data());
    for (size_t i = 0; i < rows.size(); ++i) {
      distances[i] = query_.Estimate(HeadOf(records[i]), products[i]);
    }
  }
  float ScoreOne(uint32_t row) const {
    float distance = 0;
    Score({&row, 1}, &distance);
    return distance;
  }

 private:
  const RowArray::View& codes_;
  const CodeQuery& query_;
  const CodeKernels& kernels_ = CodeKernelsHere().front();
};

// Walks from `start` to whatever is nearer until nothing is, on one level. links(row) gives a list.
template <class Links>
uint32_t Descend(const Scorer& scorer, const Links& links, uint32_t start) {
  uint32_t here = start;
  float best = scorer.ScoreOne(here);
  std::array<float, Graph::kBaseLinks + 1> distances;
  for (bool nearer = true; nearer;) {
    nearer = false;
    const auto list = links(here);
    for (const uint32_t row : list) scorer.Prefetch(row);
    scorer.Score(list, distances.data());
    for (size_t i = 0; i < list.size(); ++i) {
      if (distances[i] < best) {
        best = distances[i];
        here = list[i];
        nearer = true;
      }
    }
  }
  return here;
}

// Fills `beam` from `start` on; show(distance, row) is called for each row met. links(row) gives a
// list, ahead(row) may fetch one. How many rows were met.
template <class Links, class Ahead, class Show>
size_t Widen(const Scorer& scorer, const Links& links, const Ahead& ahead, uint32_t start,
             Visited& visited, Beam& beam, const Show& show) {
  std::array<uint32_t, Graph::kBaseLinks + 1> fresh;
  std::array<float, Graph::kBaseLinks + 1> distances;
  visited.Mark(start);
  const float first = scorer.ScoreOne(start);
  beam.Add(first, start);
  show(first, start);
  size_t met = 1;
  for (uint32_t row = beam.Expand(); row != Graph::kNone; row = beam.Expand()) {
    size_t count = 0;
    for (const uint32_t link : links(row)) {
      if (!visited.Mark(link)) continue;
      scorer.Prefetch(link);
      fresh[count++] = link;
    }
    if (const uint32_t next = beam.Next(); next != Graph::kNone) ahead(next);
    scorer.Score({fresh.data(), count}, distances.data());
    for (size_t i = 0; i < count; ++i) {
      show(distances[i], fresh[i]);
      if (beam.Takes(distances[i])) beam.Add(distances[i], fresh[i]);
    }
    met += count;
  }
  return met;
}

// The same over the rows of `eligible` alone: others are never scored, what they link to is reached
// through them. So the walk finds its way along the eligible rows, also where those lie far from
// the query. Begins at what lies around `start` and at rows from all over `eligible`, for around
// `start` there may be none.
template <class Links, class Show>
size_t WidenAmong(const Scorer& scorer, const Links& links, const Bitmap& eligible, uint32_t start,
                  uint32_t rows, Visited& visited, Beam& beam, const Show& show) {
  std::array<uint32_t, Graph::kBaseLinks> fresh;
  std::array<float, Graph::kBaseLinks> distances;
  size_t count = 0;
  size_t met = 0;
  const auto score = [&] {
    scorer.Score({fresh.data(), count}, distances.data());
    for (size_t i = 0; i < count; ++i) {
      show(distances[i], fresh[i]);
      if (beam.Takes(distances[i])) beam.Add(distances[i], fresh[i]);
    }
    met += count;
    count = 0;
  };
  const auto meet = [&](uint32_t row) {
    scorer.Prefetch(row);
    fresh[count++] = row;
    if (count == fresh.size()) score();
  };
  // Rows that are not eligible are looked through until there are enough that are.
  const auto expand = [&](uint32_t row) {
    std::array<uint32_t, Graph::kBaseLinks> others;
    size_t others_count = 0;
    const size_t enough = met + Graph::kBaseLinks;
    for (const uint32_t link : links(row)) {
      if (eligible.Test(link)) {
        if (visited.Mark(link)) meet(link);
      } else {
        __builtin_prefetch(links(link).data());
        others[others_count++] = link;
      }
    }
    for (size_t i = 0; i < others_count && met + count < enough; ++i) {
      if (!visited.Mark(others[i])) continue;
      for (const uint32_t link : links(others[i])) {
        if (eligible.Test(link) && visited.Mark(link)) meet(link);
      }
    }
    score();
  };
  constexpr size_t kSeeds = 32;
  eligible.Spread(rows, kSeeds, [&](size_t row) {
    if (visited.Mark(static_cast<uint32_t>(row))) meet(static_cast<uint32_t>(row));
  });
  if (eligible.Test(start) && visited.Mark(start)) meet(start);
  score();
  expand(start);
  for (uint32_t row = beam.Expand(); row != Graph::kNone; row = beam.Expand()) expand(row);
  return met;
}

}  // namespace weir::vectors

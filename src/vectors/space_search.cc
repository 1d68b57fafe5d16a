#include "vectors/space_search.h"

#include <algorithm>
#include <array>
#include <chrono>

namespace weir::vectors {
namespace {

using Clock = std::chrono::steady_clock;

double NsSince(Clock::time_point start) {
  return std::chrono::duration<double, std::nano>(Clock::now() - start).count();
}

// Where it was not measured what is needed. Vectors that vary freely in 64 directions, 30,000 of
// them, are found again with a recall of .86 at a width of 96, .93 at 160 and .98 at 300; fewer
// directions are easier.
constexpr size_t kWidthUsual = 192;

std::vector<Candidate> Scan(const SpaceSearch& search, const Target& target, size_t among,
                            size_t candidates, SearchCost& cost) {
  const auto start = Clock::now();
  Best best(candidates);
  ScanCodes(search.space, target, search.eligible, 0, search.rows, best);
  cost.Scanned(among, NsSince(start));
  return best.Take();
}

// Fewer eligible rows than one in so many do not hang together in the graph.
constexpr size_t kRarest = 50;

// Of fewer than one row in so many the walk sees only a part of those around, by which it misses
// some: 1 of 90 of the ten nearest of half a million rows, a twentieth of them eligible. It is half
// as wide again there.
constexpr size_t kSparse = 10;

// Whether around the query about as many rows are eligible as everywhere, by a look at the nearest
// few. Where they lie elsewhere, all of them are far and about as far: a walk among them ends at
// whichever of many it came by, and only a scan tells them apart.
bool LieAround(const SpaceSearch& search, const Target& target, size_t among) {
  constexpr size_t kExpected = 12;
  constexpr size_t kWidthOfLook = 32;
  const size_t width = std::max(kWidthOfLook, kExpected * search.rows / among);
  Best best(width);
  SearchGraph(*search.graph, search.space.codes, target.code, nullptr, width, best);
  const auto around = best.Take();
  const auto eligible = static_cast<size_t>(std::ranges::count_if(
      around, [&](const Candidate& candidate) { return search.eligible->Test(candidate.row); }));
  return 2 * eligible * search.rows >= around.size() * among;
}

}  // namespace

std::vector<Candidate> FindNearest(const SpaceSearch& search, const Target& target,
                                   SearchCost& cost) {
  const size_t candidates = RefineCount(search.count, target.codes);
  const size_t among = search.eligible != nullptr ? search.eligible->Count() : search.rows;
  // Where all would be measured in the end, the codes only add work.
  if (search.search == Search::kExact || among <= candidates) {
    return SearchExactly(search.space, target, search.eligible, search.rows, search.count);
  }
  const bool filtered = search.eligible != nullptr;
  const bool may_walk = search.graph != nullptr && search.search != Search::kScan &&
                        search.graph->rows() <= search.rows && among >= search.rows / kRarest;
  const size_t usual = search.usual_width != 0 ? search.usual_width : kWidthUsual;
  const bool sparse = filtered && among < search.rows / kSparse;
  const size_t width = search.width != 0 ? std::max(search.width, search.count)
                                         : std::max(candidates, sparse ? usual * 3 / 2 : usual);
  const bool walk = may_walk && (search.search == Search::kGraph ||
                                 cost.WalkNs(width, filtered) < cost.ScanNs(among));
  const auto start = Clock::now();
  if (!walk || (filtered && !LieAround(search, target, among))) {
    return Refine(search.space, target, Scan(search, target, among, candidates, cost),
                  search.count);
  }
  Best best(candidates);
  SearchGraph(*search.graph, search.space.codes, target.code, search.eligible, width, best);
  cost.Walked(width, filtered, NsSince(start));
  ScanCodes(search.space, target, search.eligible, search.graph->rows(), search.rows, best);
  auto found = best.Take();
  // Fewer than there must be: what is eligible does not hang together.
  if (found.size() < candidates) found = Scan(search, target, among, candidates, cost);
  return Refine(search.space, target, found, search.count);
}

size_t MeasureWidth(const SpaceView& space, const Space& of, const Graph& graph,
                    const Bitmap& left_out) {
  constexpr size_t kWanted = 10;
  constexpr std::array<size_t, 9> kWidths = {40, 56, 80, 120, 180, 270, 400, 600, 900};
  // A scan takes some ten ns for each row.
  constexpr size_t kScannedMost = 100'000'000;
  const size_t samples = std::clamp<size_t>(kScannedMost / graph.rows(), 20, 100);
  Bitmap eligible(graph.rows(), true);
  eligible.AndNot(left_out);
  const RowVectors rows(of);
  struct Sample {
    Target target;
    std::vector<Candidate> nearest;
  };
  std::vector<Sample> all;
  // One more than wanted: each row finds itself.
  eligible.Spread(graph.rows(), samples, [&](size_t row) {
    const auto vector = rows.Read(space.vectors.At(static_cast<uint32_t>(row)));
    Sample sample{Target(of, vector), {}};
    Best best(kWanted + 1);
    ScanCodes(space, sample.target, &eligible, 0, graph.rows(), best);
    sample.nearest = best.Take();
    all.push_back(std::move(sample));
  });
  for (const size_t width : kWidths) {
    size_t found = 0;
    size_t wanted = 0;
    for (const Sample& sample : all) {
      Best best(kWanted + 1);
      SearchGraph(graph, space.codes, sample.target.code, nullptr, width, best);
      const auto near = best.Take();
      // As near as the last of the nearest: of equal ones any will do.
      const float last = sample.nearest.empty() ? 0 : sample.nearest.back().distance;
      found += static_cast<size_t>(std::ranges::count_if(
          near, [&](const Candidate& candidate) { return candidate.distance <= last; }));
      wanted += sample.nearest.size();
    }
    // Questions lie less well than the rows themselves do.
    if (static_cast<double>(found) >= 0.995 * static_cast<double>(wanted)) return width * 3 / 2;
  }
  return kWidths.back() * 3 / 2;
}

}  // namespace weir::vectors

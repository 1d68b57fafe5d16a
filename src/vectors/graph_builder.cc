#include "vectors/graph_builder.h"

#include <algorithm>
#include <cmath>
#include <new>
#include <optional>
#include <thread>

#include "vectors/graph_walk.h"

namespace weir::vectors {
namespace {

// A lock for less than a microsecond, so waiting is spinning.
class Held {
 public:
  explicit Held(std::atomic<uint8_t>& lock) : lock_(lock) {
    while (lock_.exchange(1, std::memory_order_acquire) != 0) {
      while (lock_.load(std::memory_order_relaxed) != 0) std::this_thread::yield();
    }
  }
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;
  ~Held() { lock_.store(0, std::memory_order_release); }

 private:
  std::atomic<uint8_t>& lock_;
};

// The level of a row: each is on a further one with a probability of one in kLinks. From the number
// alone, so that a build can be repeated.
int RandomLevel(uint32_t row) {
  uint64_t x = row + 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  x ^= x >> 31;
  const double uniform = (static_cast<double>(x >> 11) + 1) / 9007199254740993.0;
  return std::min(static_cast<int>(-std::log(uniform) / std::log(Graph::kLinks)),
                  Graph::kLevelsMax);
}

}  // namespace

class GraphBuilder::RowLock {
 public:
  RowLock(GraphBuilder& builder, uint32_t row) : held_(builder.locks_[row]) {}

 private:
  Held held_;
};

// What a thread that inserts has to itself.
struct GraphBuilder::Worker {
  Worker(const GraphBuilder& builder, const std::byte* any_record)
      : query(builder.metric_, any_record, builder.dimensions_), other(query) {}

  Visited visited;
  Beam beam;
  CodeQuery query;  // the row that is being linked
  CodeQuery other;  // one that it is compared with
  std::vector<Candidate> candidates;
  std::vector<uint32_t> chosen;
  std::array<uint32_t, Graph::kBaseLinks + 1> list;
};

GraphBuilder::GraphBuilder(const Graph& graph, RowArray::View codes, Metric metric,
                           size_t dimensions)
    : graph_(graph),
      codes_(std::move(codes)),
      metric_(metric),
      dimensions_(dimensions),
      entry_(graph.entry()) {}

GraphBuilder::~GraphBuilder() = default;

bool GraphBuilder::Extend(uint32_t rows, const Bitmap& left_out, size_t threads,
                          const std::atomic<bool>& stop) {
  if (rows == 0) return true;
  const uint32_t from = graph_.rows();
  for (uint32_t row = from; row < rows; ++row) {
    graph_.AppendRow(left_out.Test(row) ? -1 : RandomLevel(row));
  }
  locks_ = std::make_unique<std::atomic<uint8_t>[]>(rows);
  std::atomic<uint32_t> next = from;
  std::atomic<bool> refused = false;  // memory, to one of them
  const auto work = [&] {
    try {
      Worker worker(*this, codes_.At(0));
      for (uint32_t row = next++; row < rows && !stop && !refused; row = next++) {
        if (graph_.levels_[row] >= 0) Insert(worker, row);
      }
    } catch (const std::bad_alloc&) {
      refused = true;
    }
  };
  {
    std::vector<std::jthread> others;
    for (size_t i = 1; i < threads; ++i) others.emplace_back(work);
    work();
  }
  if (refused) throw std::bad_alloc();
  graph_.entry_ = entry_;
  if (stop) return false;
  if (graph_.entry_ == Graph::kNone) return true;
  Worker worker(*this, codes_.At(0));
  LinkTheUnreached(worker, rows);
  return true;
}

void GraphBuilder::Insert(Worker& worker, uint32_t row) {
  worker.query.Become(codes_.At(row));
  const int level = graph_.LevelOf(row);
  // A row that opens a level of its own keeps the others out of that until it is linked.
  std::optional<Held> opening(std::in_place, entry_lock_);
  const uint32_t entry = entry_;
  const bool opens = entry == Graph::kNone || level > graph_.levels_[entry];
  if (!opens) opening.reset();
  if (entry != Graph::kNone) {
    const Scorer scorer(codes_, worker.query);
    uint32_t here = entry;
    int at = graph_.LevelOf(entry);
    const auto links = [&](uint32_t of) {
      const RowLock lock(*this, of);
      const auto list = graph_.LinksOf(of, at);
      std::copy(list.begin(), list.end(), worker.list.begin());
      return std::span<const uint32_t>(worker.list.data(), list.size());
    };
    for (; at > level; --at) here = Descend(scorer, links, here);
    for (; at >= 0; --at) {
      worker.visited.Begin(graph_.rows());
      worker.beam.Begin(kBuildWidth);
      Widen(
          scorer, links, [](uint32_t) {}, here, worker.visited, worker.beam,
          [](float, uint32_t) {});
      here = worker.beam.entries().front().row;
      Link(worker, row, at);
    }
  }
  if (opens) entry_ = row;
}

// Links `row` with the best of the beam, both ways.
void GraphBuilder::Link(Worker& worker, uint32_t row, int level) {
  worker.candidates.clear();
  for (const Beam::Entry& entry : worker.beam.entries()) {
    if (entry.row != row) worker.candidates.push_back({entry.distance, entry.row});
  }
  Choose(worker, worker.candidates, Graph::kLinks);
  worker.chosen.clear();
  for (const Candidate& candidate : worker.candidates) worker.chosen.push_back(candidate.row);
  {
    const RowLock lock(*this, row);
    uint32_t* list = graph_.ListOf(row, level);
    list[0] = static_cast<uint32_t>(worker.chosen.size());
    std::copy(worker.chosen.begin(), worker.chosen.end(), list + 1);
  }
  const std::vector<uint32_t> chosen = worker.chosen;
  for (const uint32_t other : chosen) AddLink(worker, other, row, level);
}

void GraphBuilder::AddLink(Worker& worker, uint32_t to, uint32_t row, int level) {
  const RowLock lock(*this, to);
  uint32_t* list = graph_.ListOf(to, level);
  if (std::find(list + 1, list + 1 + list[0], row) != list + 1 + list[0]) return;
  const uint32_t room = level == 0 ? Graph::kBaseLinks : Graph::kLinks;
  if (list[0] < room) {
    list[++list[0]] = row;
    return;
  }
  std::array<uint32_t, Graph::kBaseLinks + 1> all;
  std::array<float, Graph::kBaseLinks + 1> distances;
  std::copy(list + 1, list + 1 + room, all.begin());
  all[room] = row;
  worker.other.Become(codes_.At(to));
  Scorer(codes_, worker.other).Score({all.data(), room + 1}, distances.data());
  worker.candidates.clear();
  for (uint32_t i = 0; i <= room; ++i) worker.candidates.push_back({distances[i], all[i]});
  std::sort(worker.candidates.begin(), worker.candidates.end());
  Choose(worker, worker.candidates, room);
  list[0] = static_cast<uint32_t>(worker.candidates.size());
  for (uint32_t i = 0; i < list[0]; ++i) list[i + 1] = worker.candidates[i].row;
}

// Leaves those of the candidates (the nearest first) that lead into different directions: one that
// is nearer to a chosen one than to the row itself can be reached by way of it.
void GraphBuilder::Choose(Worker& worker, std::vector<Candidate>& candidates, size_t room) const {
  if (candidates.size() <= 1) return;
  std::array<uint32_t, Graph::kBaseLinks> kept;
  std::array<float, Graph::kBaseLinks + 1> distances;
  size_t count = 0;
  for (size_t i = 0; i < candidates.size() && count < room; ++i) {
    const Candidate candidate = candidates[i];
    worker.other.Become(codes_.At(candidate.row));
    Scorer(codes_, worker.other).Score({kept.data(), count}, distances.data());
    const bool detour =
        std::any_of(distances.begin(), distances.begin() + static_cast<ptrdiff_t>(count),
                    [&](float distance) { return distance < candidate.distance; });
    if (detour) continue;
    kept[count] = candidate.row;
    candidates[count++] = candidate;
  }
  candidates.resize(count);
}

// Lists that were full have dropped links, and a row may have lost its last one: no search would
// ever find it. Each such row gets a link from the nearest row that has room or can spare one.
void GraphBuilder::LinkTheUnreached(Worker& worker, uint32_t rows) {
  constexpr int kPasses = 4;
  for (int pass = 0; pass < kPasses; ++pass) {
    Bitmap reached(rows);
    std::vector<uint32_t> open = {graph_.entry_};
    reached.Set(graph_.entry_);
    while (!open.empty()) {
      const uint32_t row = open.back();
      open.pop_back();
      for (const uint32_t link : graph_.LinksOf(row, 0)) {
        if (reached.Test(link)) continue;
        reached.Set(link);
        open.push_back(link);
      }
    }
    bool all = true;
    for (uint32_t row = 0; row < rows; ++row) {
      if (graph_.levels_[row] < 0 || reached.Test(row)) continue;
      all = false;
      GiveRoom(worker, row);
    }
    if (all) return;
  }
}

bool GraphBuilder::GiveRoom(Worker& worker, uint32_t row) {
  worker.query.Become(codes_.At(row));
  const Scorer scorer(codes_, worker.query);
  worker.visited.Begin(graph_.rows());
  worker.beam.Begin(kBuildWidth);
  Widen(
      scorer, [&](uint32_t of) { return graph_.LinksOf(of, 0); }, [](uint32_t) {}, graph_.entry_,
      worker.visited, worker.beam, [](float, uint32_t) {});
  for (const Beam::Entry& entry : worker.beam.entries()) {
    uint32_t* list = graph_.ListOf(entry.row, 0);
    if (entry.row == row || list[0] == Graph::kBaseLinks) continue;
    list[++list[0]] = row;
    return true;
  }
  // All are full: the nearest gives up its last link, which the next pass looks after.
  for (const Beam::Entry& entry : worker.beam.entries()) {
    if (entry.row == row) continue;
    graph_.ListOf(entry.row, 0)[Graph::kBaseLinks] = row;
    return true;
  }
  return false;
}

}  // namespace weir::vectors

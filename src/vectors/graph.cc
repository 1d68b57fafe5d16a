#include "vectors/graph.h"

#include <algorithm>
#include <cstring>

#include "vectors/graph_walk.h"

namespace weir::vectors {

void Beam::Add(float distance, uint32_t row) {
  const auto place =
      std::upper_bound(entries_.begin(), entries_.end(), distance,
                       [](float wanted, const Entry& entry) { return wanted < entry.distance; });
  next_ = std::min(next_, static_cast<size_t>(place - entries_.begin()));
  entries_.insert(place, {distance, row, false});
  if (entries_.size() > capacity_) entries_.pop_back();
}

uint32_t Beam::Expand() {
  while (next_ < entries_.size() && entries_[next_].expanded) ++next_;
  if (next_ == entries_.size()) return Graph::kNone;
  entries_[next_].expanded = true;
  return entries_[next_++].row;
}

uint32_t Beam::Next() const {
  for (size_t i = next_; i < entries_.size(); ++i) {
    if (!entries_[i].expanded) return entries_[i].row;
  }
  return Graph::kNone;
}

void Graph::AppendRow(int level) {
  levels_.push_back(static_cast<int8_t>(level));
  base_.resize(base_.size() + kBaseLinks + 1);
  upper_at_.push_back(static_cast<uint32_t>(upper_.size()));
  if (level > 0) upper_.resize(upper_.size() + static_cast<size_t>(level) * (kLinks + 1));
}

Graph Graph::Renamed(std::span<const uint32_t> now, uint32_t rows_now) const {
  std::vector<uint32_t> before(rows_now, kNone);
  for (uint32_t row = 0; row < rows(); ++row) {
    if (now[row] != kNone) before[now[row]] = row;
  }
  Graph graph;
  for (uint32_t row = 0; row < rows_now; ++row) {
    graph.AppendRow(before[row] == kNone ? -1 : levels_[before[row]]);
  }
  for (uint32_t row = 0; row < rows_now; ++row) {
    if (before[row] == kNone) continue;
    for (int level = 0; level <= levels_[before[row]]; ++level) {
      uint32_t* list = graph.ListOf(row, level);
      const uint32_t room = level == 0 ? kBaseLinks : kLinks;
      const auto add = [&](uint32_t old) {
        const uint32_t link = now[old];
        const bool taken = std::find(list + 1, list + 1 + list[0], link) != list + 1 + list[0];
        if (link == kNone || link == row || taken || list[0] == room) return;
        list[++list[0]] = link;
      };
      for (const uint32_t old : LinksOf(before[row], level)) add(old);
      for (const uint32_t old : LinksOf(before[row], level)) {
        if (now[old] != kNone) continue;
        for (const uint32_t further : LinksOf(old, level)) add(further);
      }
    }
    if (graph.entry_ == kNone || graph.levels_[row] > graph.levels_[graph.entry_]) {
      graph.entry_ = row;
    }
  }
  return graph;
}

std::vector<std::byte> Graph::Pack() const {
  std::vector<std::byte> bytes;
  const auto put = [&](const auto& vector) {
    const auto part = std::as_bytes(std::span(vector));
    bytes.insert(bytes.end(), part.begin(), part.end());
  };
  const std::vector<uint32_t> head = {rows(), entry_, static_cast<uint32_t>(upper_.size())};
  bytes.reserve(head.size() * 4 + levels_.size() + (base_.size() + upper_.size()) * 4);
  put(head);
  put(levels_);
  put(base_);
  put(upper_);
  return bytes;
}

bool Graph::Unpack(std::span<const std::byte> bytes) {
  const auto take = [&](auto& vector, size_t count) {
    const size_t size = count * sizeof(vector[0]);
    if (bytes.size() < size) return false;
    vector.resize(count);
    if (size > 0) std::memcpy(vector.data(), bytes.data(), size);
    bytes = bytes.subspan(size);
    return true;
  };
  std::vector<uint32_t> head;
  if (!take(head, 3) || !take(levels_, head[0])) return false;
  if (!take(base_, size_t{head[0]} * (kBaseLinks + 1)) || !take(upper_, head[2])) return false;
  if (!bytes.empty()) return false;
  entry_ = head[1];
  uint32_t upper = 0;
  for (const int8_t level : levels_) {
    if (level < -1 || level > kLevelsMax) return false;
    upper_at_.push_back(upper);
    if (level > 0) upper += static_cast<uint32_t>(level) * (kLinks + 1);
  }
  if (upper != upper_.size()) return false;
  if (entry_ != kNone && (entry_ >= rows() || levels_[entry_] < 0)) return false;
  for (uint32_t row = 0; row < rows(); ++row) {
    for (int level = 0; level <= levels_[row]; ++level) {
      const uint32_t* list = ListOf(row, level);
      if (list[0] > (level == 0 ? kBaseLinks : kLinks)) return false;
      for (const uint32_t link : LinksOf(row, level)) {
        if (link >= rows() || levels_[link] < level) return false;
      }
    }
  }
  return true;
}

size_t SearchGraph(const Graph& graph, const RowArray::View& codes, const CodeQuery& query,
                   const Bitmap* eligible, size_t width, Best& best) {
  if (graph.entry() == Graph::kNone) return 0;
  thread_local Visited visited;
  thread_local Beam beam;
  const Scorer scorer(codes, query);
  uint32_t here = graph.entry();
  for (int level = graph.LevelOf(here); level > 0; --level) {
    here = Descend(scorer, [&](uint32_t row) { return graph.LinksOf(row, level); }, here);
  }
  visited.Begin(graph.rows());
  beam.Begin(width);
  const auto links = [&](uint32_t row) { return graph.LinksOf(row, 0); };
  const auto show = [&](float distance, uint32_t row) { best.Show(distance, row); };
  if (eligible != nullptr) {
    return WidenAmong(scorer, links, *eligible, here, graph.rows(), visited, beam, show);
  }
  return Widen(
      scorer, links,
      [&](uint32_t row) {
        const auto links = graph.LinksOf(row, 0);
        __builtin_prefetch(links.data());
        __builtin_prefetch(links.data() + Graph::kBaseLinks / 2);
      },
      here, visited, beam, show);
}

}  // namespace weir::vectors

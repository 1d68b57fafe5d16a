// The part of OpenCollection that builds graphs, keeps them in files and finds them there again.
#include <algorithm>

#include "base/no_memory.h"
#include "vectors/graph_builder.h"
#include "vectors/open_collection.h"
#include "vectors/space_search.h"

namespace weir::vectors {
namespace {

// A graph takes in new rows when so many of them wait: each time costs a copy of the graph.
uint32_t RowsWaitedFor(uint32_t points_least, uint32_t graph_rows) {
  return std::max(points_least / 16, graph_rows / 32);
}

}  // namespace

GraphPlace OpenCollection::PlaceOf(size_t space) const {
  return {.folder = files_->index_folder(),
          .collection = row_.id,
          .space = space,
          .slot = row_.SlotOf(space)};
}

// After packing the rows have new numbers and the graphs follow them; when the collection is opened
// the files are looked at. Where neither gives one, searches scan until one is built.
std::vector<OpenCollection::SpaceGraph> OpenCollection::GraphsFor(const View& view,
                                                                  const Picture& before) const {
  std::vector<SpaceGraph> graphs(row_.spec.spaces.size());
  if (before.view == nullptr) {
    for (size_t space = 0; space < graphs.size(); ++space) {
      auto read = ReadGraph(PlaceOf(space), row_.spec.spaces[space], view);
      if (read) graphs[space] = {std::make_shared<Graph>(std::move(*read)), /*mend=*/true};
    }
    return graphs;
  }
  const auto now = NewNumbers(*before.view, view);
  for (size_t space = 0; space < graphs.size(); ++space) {
    const SpaceGraph& old = (*before.graphs)[space];
    const Graph* graph = old.graph.get();
    if (graph == nullptr) continue;
    uint32_t rows = 0;
    for (uint32_t row = 0; row < graph->rows(); ++row) {
      if (now[row] != Graph::kNone) rows = now[row] + 1;
    }
    const auto renamed = std::span(now).first(graph->rows());
    graphs[space] = {std::make_shared<Graph>(graph->Renamed(renamed, rows)), /*mend=*/true,
                     old.usual_width, old.measured_rows};
  }
  return graphs;
}

bool OpenCollection::IsDue(const View& view, size_t space, const SpaceGraph& graph) const {
  const Space& of = row_.spec.spaces[space];
  if (of.codes == Codes::kBits || of.sparse || of.multi) return false;
  if (graph.graph == nullptr) return view.live >= options_.graph_points_least;
  const uint32_t rows = graph.graph->rows();
  return graph.mend || view.rows - rows >= RowsWaitedFor(options_.graph_points_least, rows);
}

void OpenCollection::AskIfDue() {
  if (!options_.build_in_background) return;
  bool due = false;
  {
    const MutexLock lock(showing_);
    for (size_t space = 0; space < shown_.graphs->size(); ++space) {
      due = due || IsDue(*shown_.view, space, (*shown_.graphs)[space]);
    }
  }
  if (!due || asked_.exchange(true)) return;
  const auto build = [](OpenCollection& self, const std::atomic<bool>& stop) -> Result<void> {
    self.BuildAll(1, stop, /*keep=*/false);
    return {};
  };
  const auto asked = OrNoMemory([&]() -> Result<void> {
    keeper_->Ask([build, weak = weak_from_this()](const std::atomic<bool>& stop) {
      // Where memory is short searches scan, and the next write asks again.
      if (const auto self = weak.lock()) (void)OrNoMemory([&] { return build(*self, stop); });
    });
    return {};
  });
  if (!asked) asked_ = false;  // the next write asks
}

Result<void> OpenCollection::BuildIndexes(size_t threads) {
  if (auto view = Look(); !view) return Fail(std::move(view.error()));
  const std::atomic<bool> stop = false;
  BuildAll(std::clamp<size_t>(threads, 1, 64), stop, /*keep=*/true);
  return {};
}

// `keep` writes the files even where little has changed.
void OpenCollection::BuildAll(size_t threads, const std::atomic<bool>& stop, bool keep) {
  const MutexLock lock(building_);
  asked_ = false;
  for (size_t space = 0; space < row_.spec.spaces.size(); ++space) {
    bool built = false;
    while (BuildOne(space, threads, stop)) built = true;
    if (!built || stop) continue;
    uint32_t rows = 0;
    uint32_t kept = 0;
    {
      const MutexLock showing(showing_);
      if (!shown_.view) return;  // dropped
      const auto& graph = (*shown_.graphs)[space].graph;
      if (graph == nullptr) continue;
      rows = graph->rows();
      kept = kept_rows_[space];
    }
    const uint32_t change = rows > kept ? rows - kept : kept - rows;
    if (keep || kept == 0 || change >= kept / 8) Keep(space);
  }
}

// True when there is a better graph than before.
bool OpenCollection::BuildOne(size_t space, size_t threads, const std::atomic<bool>& stop) {
  Picture picture;
  {
    const MutexLock lock(showing_);
    picture = shown_;
  }
  if (stop || !picture.view || !IsDue(*picture.view, space, (*picture.graphs)[space])) return false;
  const View& view = *picture.view;
  const SpaceGraph& before = (*picture.graphs)[space];
  const Space& of = row_.spec.spaces[space];
  Bitmap left_out(view.rows);
  if (view.dead) left_out.Or(*view.dead);
  if (view.spaces[space].absent) left_out.Or(*view.spaces[space].absent);
  GraphBuilder builder(before.graph ? *before.graph : Graph(), view.spaces[space].codes, of.metric,
                       of.dimensions);
  if (!builder.Extend(view.rows, left_out, threads, stop)) return false;
  auto built = std::make_shared<const Graph>(builder.Take());
  SpaceGraph now{built, /*mend=*/false, before.usual_width, before.measured_rows};
  if (built->rows() > now.measured_rows + now.measured_rows / 2) {
    now.usual_width = MeasureWidth(view.spaces[space], of, *built, left_out);
    now.measured_rows = built->rows();
  }

  const MutexLock lock(showing_);
  // Rows that got new numbers meanwhile make it worthless; the next turn builds on the new ones.
  if (shown_.numbering != picture.numbering || !shown_.view) return shown_.view != nullptr;
  auto graphs = std::make_shared<std::vector<SpaceGraph>>(*shown_.graphs);
  (*graphs)[space] = std::move(now);
  shown_.graphs = std::move(graphs);
  return true;
}

void OpenCollection::Keep(size_t space) {
  Picture picture;
  {
    const MutexLock lock(showing_);
    picture = shown_;
  }
  if (!picture.view || !(*picture.graphs)[space].graph) return;
  const Graph& graph = *(*picture.graphs)[space].graph;
  // A disk that is full costs the next start some building, nothing else.
  if (WriteGraph(PlaceOf(space), row_.spec.spaces[space], *picture.view, graph)) {
    const MutexLock lock(showing_);
    kept_rows_[space] = graph.rows();
  }
}

}  // namespace weir::vectors

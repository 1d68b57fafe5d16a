#include <fmt/core.h>

#include <utility>

#include "json/value.h"
#include "knowledge/passages.h"
#include "knowledge/shelf.h"

namespace weir::knowledge {
namespace {

// Where the vectors of the next model lie until they take the place of the others.
constexpr std::string_view kNextSpace = "weir-next";

const vectors::Space* NextSpace(const std::vector<vectors::Space>& spaces) {
  for (const vectors::Space& space : spaces) {
    if (space.name == kNextSpace) return &space;
  }
  return nullptr;
}

// Chunks that are found by a vector, and of those the ones that lack one of the next model.
vectors::Filter Embedded(const vectors::Space& own) {
  vectors::Filter filter;
  filter.must = {vectors::HasVector{own.name}};
  return filter;
}
vectors::Filter Lacking(const vectors::Space& own, bool has_next) {
  vectors::Filter filter = Embedded(own);
  if (has_next) filter.must_not = {vectors::HasVector{std::string(kNextSpace)}};
  return filter;
}

chat::Label LabelOf(const vectors::Point& point) {
  const json::Value* label = point.payload.Find(field::kLabel);
  const std::string* name = label == nullptr ? nullptr : label->AsString();
  return name == nullptr ? chat::Label::kUnscanned
                         : chat::LabelFromName(*name).value_or(chat::Label::kUnscanned);
}

Error NotEmbeddedHere(const std::string& collection) {
  return {Code::kConflict,
          fmt::format("no document was given to {}: who put its vectors in has to change them",
                      CollectionShown(collection)),
          "collection", "not_embedded_here"};
}

Error Cancelled() {
  return {Code::kConflict, "the change of the model was cancelled", "collection",
          "change_cancelled"};
}

}  // namespace

const vectors::Space* OwnSpace(const std::vector<vectors::Space>& spaces) {
  for (const vectors::Space& space : spaces) {
    if (space.name != kNextSpace && !space.sparse && !space.multi) return &space;
  }
  return nullptr;
}

Result<std::optional<CollectionInfo>> Shelf::Known(const std::string& collection) {
  auto known = registry_.FindCollection(collection);
  if (!known || !*known) return known;
  const auto spec = store_.Look(collection);
  const vectors::Space* own = spec ? OwnSpace(spec->spaces) : nullptr;
  // Collections from before spaces had models say nothing.
  if (own == nullptr || own->model.empty() || own->model == (*known)->model) return known;
  // The step that counts is the store's; a crash, or a snapshot that was taken back, came between.
  (*known)->model = own->model;
  (*known)->dimensions = own->dimensions;
  if (auto put = registry_.PutCollection(**known); !put) return Fail(put.error());
  return known;
}

Result<EmbeddingState> Shelf::Embedding(const std::string& collection) {
  const auto known = Known(collection);
  if (!known) return Fail(known.error());
  const auto open = Open(collection);
  if (!open) return Fail(open.error());
  if (*open == nullptr) return Fail(NoCollection(collection));
  if (!*known) return Fail(NotEmbeddedHere(collection));
  auto change = registry_.FindChange(collection);
  if (!change) return Fail(change.error());
  EmbeddingState state{.collection = collection,
                       .model = (*known)->model,
                       .dimensions = (*known)->dimensions,
                       .next = std::move(*change)};
  const auto& spaces = (*open)->spec().spaces;
  const vectors::Space* own = OwnSpace(spaces);
  if (!state.next || own == nullptr) return state;
  const auto points = (*open)->Count(Embedded(*own));
  if (!points) return Fail(points.error());
  const auto lacking = (*open)->Count(Lacking(*own, NextSpace(spaces) != nullptr));
  if (!lacking) return Fail(lacking.error());
  state.points = *points;
  state.embedded = *points - *lacking;
  return state;
}

Result<EmbeddingState> Shelf::BeginChange(const ModelChange& change) {
  const auto now = Embedding(change.collection);
  if (!now) return now;
  if (change.model == now->model) return CancelChange(change.collection);
  // What another model has made is of no use.
  if (now->next && now->next->model != change.model) {
    if (auto dropped = DropNextSpace(change.collection); !dropped) return Fail(dropped.error());
  }
  if (auto put = registry_.PutChange(change); !put) return Fail(put.error());
  return Embedding(change.collection);
}

Result<EmbeddingState> Shelf::CancelChange(const std::string& collection) {
  if (auto removed = registry_.RemoveChange(collection); !removed) return Fail(removed.error());
  if (auto dropped = DropNextSpace(collection); !dropped) return Fail(dropped.error());
  return Embedding(collection);
}

Result<void> Shelf::DropNextSpace(const std::string& collection) {
  const auto spec = store_.Look(collection);
  if (!spec || NextSpace(spec->spaces) == nullptr) return {};
  return store_.RemoveSpace(collection, kNextSpace);
}

Result<std::vector<ModelChange>> Shelf::Changes() {
  auto all = registry_.Changes();
  if (!all) return all;
  std::vector<ModelChange> left;
  for (ModelChange& change : *all) {
    const auto known = Known(change.collection);
    if (!known) return Fail(known.error());
    const auto open = Open(change.collection);
    if (!open) return Fail(open.error());
    // It was dropped through another API, or the change came to its end just before a crash.
    if (*open == nullptr || !*known || (*known)->model == change.model) {
      if (auto removed = registry_.RemoveChange(change.collection); !removed)
        return Fail(removed.error());
      continue;
    }
    left.push_back(std::move(change));
  }
  return left;
}

Result<TextsToEmbed> Shelf::NextTexts(const ModelChange& change, size_t limit) {
  const auto open = Open(change.collection);
  if (!open) return Fail(open.error());
  if (*open == nullptr) return Fail(Cancelled());
  const auto& spaces = (*open)->spec().spaces;
  const vectors::Space* own = OwnSpace(spaces);
  if (own == nullptr) return Fail(NotEmbeddedHere(change.collection));
  const vectors::Space* next = NextSpace(spaces);
  TextsToEmbed texts{.knows_dimensions = next != nullptr && next->model == change.model};
  auto page = (*open)->Scroll({.limit = limit,
                               .filter = Lacking(*own, texts.knows_dimensions),
                               .parts = {.payload = true, .text = true}});
  if (!page) return Fail(page.error());
  for (vectors::Point& point : page->points) {
    if (point.text.empty()) {
      return Fail(Code::kUnprocessable,
                  fmt::format("a point of {} has no text that could be embedded: its id is {}",
                              CollectionShown(change.collection), point.id),
                  "collection", "no_text");
    }
    texts.label = chat::Join(texts.label, LabelOf(point));
    texts.ids.push_back(std::move(point.id));
    texts.texts.push_back(std::move(point.text));
  }
  return texts;
}

Result<void> Shelf::GiveVectors(const ModelChange& change, const TextsToEmbed& texts,
                                const std::vector<std::vector<float>>& vectors) {
  const auto wanted = registry_.FindChange(change.collection);
  if (!wanted) return Fail(wanted.error());
  if (!*wanted || (*wanted)->model != change.model || vectors.empty()) return Fail(Cancelled());
  const auto open = Open(change.collection);
  if (!open) return Fail(open.error());
  if (*open == nullptr) return Fail(Cancelled());
  const auto& spaces = (*open)->spec().spaces;
  const vectors::Space* own = OwnSpace(spaces);
  const vectors::Space* next = NextSpace(spaces);
  if (own == nullptr) return Fail(Cancelled());
  vectors::Space space = *own;
  space.name = kNextSpace;
  space.model = change.model;
  space.dimensions = static_cast<uint32_t>(vectors.front().size());
  if (next == nullptr || *next != space) {
    if (auto dropped = DropNextSpace(change.collection); !dropped) return dropped;
    if (auto added = store_.AddSpace(change.collection, space); !added) return added;
  }
  // What was written anew meanwhile has another text, and its turn comes.
  const auto edited =
      (*open)->Edit(texts.ids, [&](size_t i, bool there, vectors::Point& point) -> Result<bool> {
        if (!there || point.text != texts.texts[i]) return false;
        point.vectors[space.name] = vectors[i];
        return true;
      });
  if (!edited) return Fail(edited.error());
  if ((*wanted)->problem.empty()) return {};
  ModelChange well = std::move(**wanted);
  well.problem.clear();
  return registry_.PutChange(well);
}

Result<bool> Shelf::FinishChange(const ModelChange& change) {
  const auto wanted = registry_.FindChange(change.collection);
  if (!wanted) return Fail(wanted.error());
  if (!*wanted || (*wanted)->model != change.model) return Fail(Cancelled());
  const auto state = Embedding(change.collection);
  if (!state) return Fail(state.error());
  const auto spec = store_.Look(change.collection);
  if (!spec) return Fail(spec.error());
  const vectors::Space* next = NextSpace(spec->spaces);
  if (next == nullptr || next->model != change.model || state->embedded < state->points)
    return false;
  const vectors::Space* own = OwnSpace(spec->spaces);
  if (auto done = store_.ReplaceSpace(change.collection, own->name, kNextSpace); !done)
    return Fail(done.error());
  // From here on Known tells the registry, should this not come to its end.
  const CollectionInfo info{
      .name = change.collection, .model = change.model, .dimensions = next->dimensions};
  if (auto put = registry_.PutCollection(info); !put) return Fail(put.error());
  if (auto removed = registry_.RemoveChange(change.collection); !removed)
    return Fail(removed.error());
  return true;
}

Result<void> Shelf::NoteProblem(ModelChange change, const Error& problem) {
  const auto wanted = registry_.FindChange(change.collection);
  if (!wanted) return Fail(wanted.error());
  if (!*wanted || (*wanted)->model != change.model || (*wanted)->problem == problem.message)
    return {};
  change.problem = problem.message;
  return registry_.PutChange(change);
}

}  // namespace weir::knowledge

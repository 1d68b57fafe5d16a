#include "knowledge/library.h"

#include <fmt/core.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <map>
#include <utility>

#include "async/worker_pool.h"
#include "base/utf8.h"
#include "knowledge/shelf.h"

namespace weir::knowledge {
namespace {

constexpr size_t kWaitingMax = 1024;
constexpr size_t kSearchThreads = 2;
constexpr std::string_view kIdPrefix = "doc-";
constexpr size_t kIdBytes = 36;

Result<void> CheckName(std::string_view name, std::string_view param, size_t bytes_max) {
  const auto refuse = [&](std::string_view what) {
    return Fail(Code::kInvalidArgument, fmt::format("the {}'s name {}", param, what),
                std::string(param), "invalid_value");
  };
  if (name.empty()) return refuse("is empty");
  if (name.size() > bytes_max)
    return refuse(fmt::format("has {} bytes; the most is {}", name.size(), bytes_max));
  if (!IsValidUtf8(name)) return refuse("is no UTF-8");
  for (const char c : name) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F)
      return refuse("holds control characters");
  }
  return {};
}

// While it searches the space may be replaced by one of another model, and what it finds then says
// nothing.
Result<std::vector<Passage>> SearchIn(vectors::Store& store, const std::string& collection,
                                      Question question) {
  const auto open = store.Find(collection);
  if (!open && open.error().code == Code::kNotFound) return std::vector<Passage>();
  if (!open) return Fail(open.error());
  const vectors::Space* own = OwnSpace((*open)->spec().spaces);
  if (own == nullptr) return std::vector<Passage>();
  const bool other = !own->model.empty() && !question.model.empty() && own->model != question.model;
  if (other) return Fail(ModelChanged(collection));
  question.space = own->name;
  auto found = FindPassages(**open, question);
  const auto after = store.Look(collection);
  const vectors::Space* still = after ? OwnSpace(after->spaces) : nullptr;
  if (still != nullptr && *still != *own) return Fail(ModelChanged(collection));
  return found;
}

}  // namespace

Result<void> CheckCollectionName(std::string_view name) {
  if (auto checked = CheckName(name, "collection", Limits::kCollectionBytes); !checked)
    return checked;
  if (name.find('/') == std::string_view::npos) return {};
  return Fail(Code::kInvalidArgument, "the collection's name holds a slash", "collection",
              "invalid_value");
}

Result<void> CheckDocumentName(std::string_view name) {
  return CheckName(name, "document", Limits::kNameBytes);
}

struct Library::State {
  State(Registry registry, vectors::Store& on, const Executor& executor, const Clock& time)
      : store(on),
        clock(time),
        shelf(std::move(registry), on),
        writing(executor, 1, kWaitingMax),
        searching(executor, kSearchThreads, kWaitingMax) {}

  int64_t NowS() const { return UnixSeconds(clock.WallNow()); }

  vectors::Store& store;
  const Clock& clock;
  Shelf shelf;  // the writing thread's
  WorkerPool writing;
  WorkerPool searching;
};

Result<std::unique_ptr<Library>> Library::Open(const std::filesystem::path& folder,
                                               vectors::Store& store, const Executor& executor,
                                               const Clock& clock) {
  auto registry = Registry::Open(folder / "knowledge.db");
  if (!registry) return Fail(registry.error());
  return std::unique_ptr<Library>(
      new Library(std::make_unique<State>(std::move(*registry), store, executor, clock)));
}

Library::Library(std::unique_ptr<State> state) : state_(std::move(state)) {}
Library::~Library() = default;

WorkerPool& Library::writing() { return state_->writing; }
Shelf& Library::shelf() { return state_->shelf; }
const Clock& Library::clock() const { return state_->clock; }

Library::Seat::~Seat() {
  if (library_ != nullptr) library_->busy_.erase(id_);
}

Result<Library::Seat> Library::Take(const std::string& collection, const std::string& name) {
  const bool is_id = name.starts_with(kIdPrefix) && name.size() == kIdBytes;
  std::string id = is_id ? name : DocumentIdOf(collection, name);
  if (!busy_.insert(id).second) {
    return Fail(Code::kConflict, "this document is being worked on by another request", "document",
                "document_busy");
  }
  return Seat(this, std::move(id));
}

Task<Result<Admitted>> Library::Admit(Upload upload) {
  State* state = state_.get();
  co_return co_await state->writing.Run<Admitted>(
      [state, upload = std::move(upload)] { return state->shelf.Admit(upload, state->NowS()); });
}

Task<Result<Prepared>> Library::Prepare(DocumentInfo document, wire::Pages pages,
                                        std::shared_ptr<const std::string> bytes) {
  State* state = state_.get();
  co_return co_await state->writing.Run<Prepared>(
      [state, document = std::move(document), pages = std::move(pages), bytes = std::move(bytes)] {
        return state->shelf.Prepare(document, pages, *bytes);
      });
}

Task<Result<DocumentInfo>> Library::Keep(DocumentInfo document, Prepared prepared,
                                         std::string model) {
  State* state = state_.get();
  co_return co_await state->writing.Run<DocumentInfo>([state, document = std::move(document),
                                                       prepared = std::move(prepared),
                                                       model = std::move(model)]() mutable {
    return state->shelf.Keep(std::move(document), prepared, model, state->NowS());
  });
}

Task<Result<DocumentInfo>> Library::Refuse(DocumentInfo document, Error why) {
  State* state = state_.get();
  co_return co_await state->writing.Run<DocumentInfo>(
      [state, document = std::move(document), why = std::move(why)]() mutable {
        return state->shelf.Refuse(std::move(document), why, state->NowS());
      });
}

Task<Result<DocumentInfo>> Library::Find(std::string collection, std::string id_or_name) {
  State* state = state_.get();
  co_return co_await state->writing.Run<DocumentInfo>(
      [state, collection = std::move(collection), id = std::move(id_or_name)] {
        return state->shelf.Find(collection, id);
      });
}

Task<Result<std::vector<DocumentInfo>>> Library::List(std::string collection, std::string after,
                                                      size_t limit) {
  State* state = state_.get();
  co_return co_await state->writing.Run<std::vector<DocumentInfo>>(
      [state, collection = std::move(collection), after = std::move(after), limit] {
        return state->shelf.List(collection, after, limit);
      });
}

Task<Result<DocumentInfo>> Library::Remove(std::string collection, std::string id_or_name) {
  State* state = state_.get();
  co_return co_await state->writing.Run<DocumentInfo>(
      [state, collection = std::move(collection), id = std::move(id_or_name)] {
        return state->shelf.Remove(collection, id, state->NowS());
      });
}

Task<Result<CollectionInfo>> Library::Collection(std::string name) {
  State* state = state_.get();
  co_return co_await state->writing.Run<CollectionInfo>(
      [state, name = std::move(name)] { return state->shelf.Collection(name); });
}

Task<Result<std::vector<Passage>>> Library::Search(std::string collection, Question question) {
  State* state = state_.get();
  co_return co_await state->searching.Run<std::vector<Passage>>(
      [state, collection = std::move(collection),
       question = std::move(question)]() -> Result<std::vector<Passage>> {
        return SearchIn(state->store, collection, question);
      });
}

Task<Result<std::vector<Passage>>> Library::Widen(std::vector<Passage> hits, size_t bytes,
                                                  vectors::Filter filter) {
  State* state = state_.get();
  co_return co_await state->searching.Run<std::vector<Passage>>(
      [state, hits = std::move(hits), bytes,
       filter = std::move(filter)]() mutable -> Result<std::vector<Passage>> {
        std::map<std::string, std::vector<Passage>> by_collection;
        for (Passage& hit : hits) by_collection[hit.collection].push_back(std::move(hit));
        std::vector<Passage> all;
        for (auto& [name, own] : by_collection) {
          const auto open = state->store.Find(name);
          if (!open) return Fail(open.error());
          auto wider = WidenPassages(**open, std::move(own), bytes, filter);
          if (!wider) return Fail(wider.error());
          std::ranges::move(*wider, std::back_inserter(all));
        }
        std::ranges::sort(all, std::greater(), &Passage::score);
        return all;
      });
}

}  // namespace weir::knowledge

// The documents of all collections, kept and searched: the registry and the vector database behind
// one door. It reads no formats, asks no model and knows no HTTP; gateway/ingest.h puts those
// together:
//
//   Admit    whether there is anything to do: unchanged and duplicate contents end here
//   Prepare  pages to chunks; vectors of chunks that are there already come along
//   Keep     the chunks with their vectors, durable, in place of the document's earlier ones
//   Refuse   what could not be read, with its reason
//
// A crash between any two leaves the earlier chunks as they were and the document as kReading;
// given again, it goes on: chunk ids follow from their contents, so that nothing is there twice and
// what was embedded need not be again.
//
// Calls come from the I/O thread; work runs on threads of its own, writes one at a time. A document
// is worked on by one caller at a time (kConflict, reason document_busy).
#pragma once

#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "async/task.h"
#include "async/worker_pool.h"
#include "base/clock.h"
#include "base/result.h"
#include "knowledge/chunker.h"
#include "knowledge/document.h"
#include "knowledge/passages.h"
#include "vectors/store.h"

namespace weir::knowledge {

class Shelf;

struct Upload {
  std::string collection = {};  // its full name (vectors::Joined), as everywhere in Library
  std::string name = {};
  std::shared_ptr<const std::string> bytes = {};
  std::optional<chat::Label> label = {};
  std::string model = {};    // that will embed it, where the collection has none yet
  std::string file_id = {};  // of the kept file that it is (Shelf::Attach came before); or empty
};

struct Admitted {
  DocumentInfo document = {};
  bool settled = false;    // nothing to do: unchanged, or a duplicate
  std::string model = {};  // that embeds the collection
};

struct Prepared {
  std::vector<Chunk> chunks = {};
  std::vector<std::string> ids = {};             // of their points
  std::vector<std::vector<float>> vectors = {};  // empty: it has to be embedded
  std::vector<chat::Label> labels = {};          // for the caller to fill
};

class Library {
 public:
  // `folder` must exist; knowledge.db is made in it. The store outlives the library.
  static Result<std::unique_ptr<Library>> Open(const std::filesystem::path& folder,
                                               vectors::Store& store, const Executor& executor,
                                               const Clock& clock);
  ~Library();
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

  // While it lives, nobody else works on the document.
  class Seat {
   public:
    Seat(Seat&& other) noexcept
        : library_(std::exchange(other.library_, nullptr)), id_(std::move(other.id_)) {}
    Seat& operator=(Seat&&) = delete;
    ~Seat();

   private:
    friend class Library;
    Seat(Library* library, std::string id) : library_(library), id_(std::move(id)) {}
    Library* library_;
    std::string id_;
  };
  Result<Seat> Take(const std::string& collection, const std::string& name);

  // Runs one of Shelf's calls on the thread that writes; for vector stores (vector_store.h).
  template <class T, class Call>
  Task<Result<T>> OnShelf(Call call) {
    Shelf* on = &shelf();
    const Clock* time = &clock();
    co_return co_await writing().template Run<T>([on, time, call = std::move(call)]() mutable {
      return call(*on, UnixSeconds(time->WallNow()));
    });
  }

  Task<Result<Admitted>> Admit(Upload upload);
  Task<Result<Prepared>> Prepare(DocumentInfo document, wire::Pages pages,
                                 std::shared_ptr<const std::string> bytes);
  // Every chunk has its vector and its label. Makes the collection where there is none.
  // ModelChanged where it is embedded by another one than `model` by now.
  Task<Result<DocumentInfo>> Keep(DocumentInfo document, Prepared prepared, std::string model);
  // `document` as it then stands.
  Task<Result<DocumentInfo>> Refuse(DocumentInfo document, Error why);

  // By its id or its name; kNotFound, reason document_not_found.
  Task<Result<DocumentInfo>> Find(std::string collection, std::string id_or_name);
  Task<Result<std::vector<DocumentInfo>>> List(std::string collection, std::string after,
                                               size_t limit);
  // What was a duplicate of it takes its place.
  Task<Result<DocumentInfo>> Remove(std::string collection, std::string id_or_name);
  // kNotFound, reason collection_not_found. `model` is empty for one that no document was given to.
  Task<Result<CollectionInfo>> Collection(std::string name);
  // ModelChanged where the question's vector is of another model than the collection's.
  Task<Result<std::vector<Passage>>> Search(std::string collection, Question question);
  // WidenPassages in each hit's own collection, `bytes` for each; the best of all first.
  Task<Result<std::vector<Passage>>> Widen(std::vector<Passage> hits, size_t bytes,
                                           vectors::Filter filter);

 private:
  struct State;
  explicit Library(std::unique_ptr<State> state);
  WorkerPool& writing();
  Shelf& shelf();
  const Clock& clock() const;

  std::unique_ptr<State> state_;
  std::set<std::string> busy_ = {};  // documents that are worked on
};

// What a document of this name in this collection has for its whole life.
std::string DocumentIdOf(std::string_view collection, std::string_view name);
// kInvalidArgument for names that are empty, too long, no UTF-8, or hold control characters.
Result<void> CheckCollectionName(std::string_view name);
Result<void> CheckDocumentName(std::string_view name);

}  // namespace weir::knowledge

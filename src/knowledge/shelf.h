// What Library does, without threads: the registry and the collections, kept in step. A shelf is
// used by one thread at a time.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "knowledge/library.h"
#include "knowledge/registry.h"
#include "knowledge/vector_store.h"
#include "vectors/store.h"

namespace weir::knowledge {

// How a collection is embedded, and how far it is on its way to another model.
struct EmbeddingState {
  std::string collection = {};
  std::string model = {};
  int64_t dimensions = 0;
  std::optional<ModelChange> next = {};
  int64_t points = 0;    // where `next` is: of so many
  int64_t embedded = 0;  // so many have a vector of it
};

// Chunks that lack a vector of the model that a collection changes to.
struct TextsToEmbed {
  std::vector<std::string> ids = {};
  std::vector<std::string> texts = {};
  chat::Label label = chat::Label::kPublic;  // the highest of theirs
  bool knows_dimensions = false;             // of that model: without any text one vector is wanted
};

class Shelf {
 public:
  Shelf(Registry registry, vectors::Store& store) : registry_(std::move(registry)), store_(store) {}

  Result<Admitted> Admit(const Upload& upload, int64_t now_s);
  Result<Prepared> Prepare(const DocumentInfo& document, const wire::Pages& pages,
                           std::string_view bytes);
  Result<DocumentInfo> Keep(DocumentInfo document, const Prepared& prepared,
                            const std::string& model, int64_t now_s);
  Result<DocumentInfo> Refuse(DocumentInfo document, const Error& why, int64_t now_s);
  Result<DocumentInfo> Find(const std::string& collection, const std::string& id_or_name);
  Result<std::vector<DocumentInfo>> List(const std::string& collection, const std::string& after,
                                         size_t limit);
  Result<DocumentInfo> Remove(const std::string& collection, const std::string& id_or_name,
                              int64_t now_s);
  Result<CollectionInfo> Collection(const std::string& name);

  // The change of the model that embeds a collection (shelf_models.cc). Its vectors lie in a space
  // of their own until all are there, and then take the place of the old ones, in one step.
  //
  // kConflict, reason not_embedded_here, for a collection that no document was given to.
  Result<EmbeddingState> Embedding(const std::string& collection);
  // In place of a change that is under way; to the model that it has: none is.
  Result<EmbeddingState> BeginChange(const ModelChange& change);
  // Nothing of it stays.
  Result<EmbeddingState> CancelChange(const std::string& collection);
  Result<std::vector<ModelChange>> Changes();
  // kUnprocessable, reason no_text, when a chunk has none.
  Result<TextsToEmbed> NextTexts(const ModelChange& change, size_t limit);
  // One for each text, and one alone where there was none. kConflict, reason change_cancelled, when
  // nobody wants it any more.
  Result<void> GiveVectors(const ModelChange& change, const TextsToEmbed& texts,
                           const std::vector<std::vector<float>>& vectors);
  // False when some still lack one.
  Result<bool> FinishChange(const ModelChange& change);
  Result<void> NoteProblem(ModelChange change, const Error& problem);

  // Collections as vector stores (shelf_stores.cc). `collection` is a full name everywhere.
  //
  // By its own name, else by the one that its owner gave it, where no other has that.
  Result<StoreInfo> FindStore(const std::string& tenant, const std::string& id_or_name);
  // The same for a search, with its full name; kConflict, reason vector_store_expired. Notes that
  // it is used.
  Result<CollectionInfo> ForSearch(const std::string& tenant, const std::string& id_or_name,
                                   int64_t now_s);
  Result<StoreInfo> CreateStore(StoreInfo store);
  Result<std::vector<StoreInfo>> Stores(const std::string& tenant);
  Result<StoreInfo> ChangeStore(StoreInfo store, const StoreChange& change, int64_t now_s);
  // What is being read for it comes to nothing.
  Result<void> RemoveStore(const std::string& collection);
  // The documents of expired stores go; the stores stay, and say that they have expired.
  Result<void> EmptyExpired(int64_t now_s);

  // The files become documents that are to be read; with a batch's id, together as one. A file that
  // is there is read again.
  Result<std::vector<DocumentInfo>> Attach(const std::string& collection,
                                           const std::vector<FileWish>& wishes,
                                           const std::string& batch_id, int64_t now_s);
  // By the id of its file, or its own; kNotFound, reason file_not_found.
  Result<DocumentInfo> FindFile(const std::string& collection, const std::string& id);
  Result<std::vector<DocumentInfo>> Files(const std::string& collection, const FilesQuery& query);
  Result<DocumentInfo> ChangeAttributes(DocumentInfo document, chat::Attributes attributes,
                                        int64_t now_s);
  Result<std::vector<std::string>> Texts(const DocumentInfo& document);
  // From all collections of the tenant.
  Result<void> RemoveFile(const std::string& tenant, const std::string& file_id, int64_t now_s);
  Result<BatchInfo> FindBatch(const std::string& collection, const std::string& id);
  Result<BatchInfo> CancelBatch(const std::string& collection, const std::string& id);
  // What is to be read, the oldest first. Of collections that are gone nothing is left.
  Result<std::vector<DocumentInfo>> Waiting(size_t limit);

 private:
  // With the model whose vectors are there. Nothing where no document was given to it.
  Result<std::optional<CollectionInfo>> Known(const std::string& collection);
  Result<void> DropNextSpace(const std::string& collection);
  // Null where there is none.
  Result<std::shared_ptr<vectors::Collection>> Open(const std::string& collection);
  Result<void> Forget(const DocumentInfo& document, const std::vector<std::string>& but_these);
  // Gives the chunks of `document` to the first of its duplicates, if there is one.
  Result<bool> HandOver(const DocumentInfo& document, int64_t now_s);
  // kConflict, reason document_cancelled, when nobody waits for it any more.
  Result<void> CheckWanted(DocumentInfo& document);

  Registry registry_;
  vectors::Store& store_;
};

// The space that a collection's documents are found in; null where it has none yet.
const vectors::Space* OwnSpace(const std::vector<vectors::Space>& spaces);

}  // namespace weir::knowledge

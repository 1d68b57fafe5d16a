// Which documents were given, and what became of them: knowledge.db in the data folder. The chunks
// themselves lie in the vector database; whoever writes both says first here that it begins
// (kReading), so that a crash in between is seen.
//
// One thread at a time.
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "knowledge/document.h"
#include "knowledge/vector_store.h"
#include "sqlite/database.h"

namespace weir::knowledge {

class Registry {
 public:
  static Result<Registry> Open(const std::filesystem::path& file);
  static Result<Registry> OpenInMemory();

  // In place of what is there. On the disk when it returns.
  Result<void> Put(const DocumentInfo& document);
  Result<void> Remove(std::string_view collection, std::string_view id);
  Result<std::optional<DocumentInfo>> Find(std::string_view collection, std::string_view id);
  // A document that is ready, has this content, and another id.
  Result<std::optional<DocumentInfo>> FindContent(std::string_view collection,
                                                  std::string_view sha256, std::string_view not_id);
  Result<std::vector<DocumentInfo>> DuplicatesOf(std::string_view collection,
                                                 std::string_view name);
  // In the order of names, those after `after`.
  Result<std::vector<DocumentInfo>> List(std::string_view collection, std::string_view after,
                                         size_t limit);

  Result<void> PutCollection(const CollectionInfo& collection);
  // With the sums over its documents.
  Result<std::optional<CollectionInfo>> FindCollection(std::string_view name);
  // With all that is known of its documents and as a vector store.
  Result<void> RemoveCollection(std::string_view name);

  // At most one of a collection.
  Result<void> PutChange(const ModelChange& change);
  Result<std::optional<ModelChange>> FindChange(std::string_view collection);
  Result<std::vector<ModelChange>> Changes();
  Result<void> RemoveChange(std::string_view collection);

  // Vector stores (registry_stores.cc).
  Result<void> PutStore(const StoreInfo& store);
  // Without what its files come to; nothing for one that no client of vector stores made.
  Result<std::optional<StoreInfo>> FindStore(std::string_view collection);
  // Those of which something is known, in the order of their full names: all that begin so, or the
  // one that is called so.
  Result<std::vector<StoreInfo>> Stores(std::string_view prefix);
  Result<StoreInfo> OneStore(std::string_view collection);
  Result<std::vector<std::string>> ExpiredStores(int64_t now_s);
  Result<void> Touch(std::string_view collection, int64_t now_s);
  // All at once, or nothing.
  Result<void> PutAll(std::span<const DocumentInfo> documents, const BatchInfo* batch);
  Result<void> CancelBatch(std::string_view collection, std::string_view id);
  Result<std::optional<BatchInfo>> FindBatch(std::string_view collection, std::string_view id);
  Result<std::optional<DocumentInfo>> FindFile(std::string_view collection,
                                               std::string_view file_id);
  Result<bool> HasName(std::string_view collection, std::string_view name);
  Result<int64_t> CountOf(std::string_view collection);
  // In the order of creation. `edge`, where given, is not among them.
  Result<std::vector<DocumentInfo>> Files(std::string_view collection, const FilesQuery& query,
                                          const DocumentInfo* edge);
  // Documents of kept files that are to be read, the oldest first.
  Result<std::vector<DocumentInfo>> Waiting(size_t limit);
  Result<std::vector<DocumentInfo>> OfFile(std::string_view prefix, std::string_view file_id);

 private:
  explicit Registry(sqlite::Database db) : db_(std::move(db)) {}
  static Result<Registry> SetUp(sqlite::Database db);
  Result<std::vector<StoreInfo>> StoresBetween(std::string_view first, std::string_view behind);

  sqlite::Database db_;
};

}  // namespace weir::knowledge

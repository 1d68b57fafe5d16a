// Which documents were given, and what became of them: knowledge.db in the data folder. The chunks
// themselves lie in the vector database; whoever writes both says first here that it begins
// (kReading), so that a crash in between is seen.
//
// One thread at a time.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "knowledge/document.h"
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
  Result<void> RemoveCollection(std::string_view name);

 private:
  explicit Registry(sqlite::Database db) : db_(std::move(db)) {}
  static Result<Registry> SetUp(sqlite::Database db);

  sqlite::Database db_;
};

}  // namespace weir::knowledge

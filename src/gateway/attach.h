// Use case: kept files become documents of a collection. It is noted who asked and how; the files
// are read in the background (file_reading.h).
#pragma once

#include <string>
#include <vector>

#include "async/task.h"
#include "files/store.h"
#include "gateway/ingest.h"
#include "knowledge/vector_store.h"

namespace weir::gateway {

struct FileAsked {
  std::string file_id = {};
  chat::Attributes attributes = {};
  chat::Chunking chunking = {};
};

// With a batch's id, all of them together as one. kNotFound, reason file_not_found, when one of the
// files is not there: then none becomes a document. `collection` is a full name.
Task<Result<std::vector<knowledge::DocumentInfo>>> Attach(Documents& documents, files::Store& files,
                                                          Asked asked, std::string collection,
                                                          std::vector<FileAsked> wanted,
                                                          std::string batch_id);

// Who asked, for work that goes on without the request: its text for the registry, and back. What
// cannot be read has the highest floor.
std::string TextOfAsked(const Asked& asked, chat::Label floor);
Asked AskedOfText(std::string_view text, std::string tenant);

}  // namespace weir::gateway

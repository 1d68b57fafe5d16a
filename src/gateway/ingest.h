// Use case: a document becomes part of a collection. It is read in a process of its own, cut into
// chunks, each chunk gets a vector and a label, and all of it is durable when the answer is given.
//
// Work in the background: between any two batches it makes room for whoever waits for an answer.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "async/task.h"
#include "backends/document_reader.h"
#include "gateway/gateway.h"
#include "knowledge/library.h"

namespace weir::gateway {

// What the use cases on documents stand on, beside the gateway. app/ builds one.
struct Documents {
  knowledge::Library& library;
  backends::DocumentReader& reader;
  // The full name of the model that a name means now; it is kept with the collection.
  std::function<Result<std::string>(const std::string& name)> model_name;
  std::string embedding_model = "embedding";
};

// The full name of a collection that a request calls `name`: tenants do not see each other's.
std::string FullNameOf(const Asked& asked, std::string_view name);

struct DocumentUpload {
  std::string collection = {};
  std::string name = {};
  std::string bytes = {};
};

struct Ingested {
  knowledge::DocumentInfo document = {};
  size_t embedded = 0;  // chunks that had no vector yet
  bool unchanged = false;
};

// `asked.label` is the document's own, kept with it. A document that cannot be read is an Error
// (broken_document, encrypted_document, empty_document, unsupported_document, document_too_large,
// document_too_slow) and is listed as failed with it. After any other Error it is listed as being
// read, and giving it again goes on.
Task<Result<Ingested>> Ingest(Gateway& gateway, Documents& documents, Asked asked,
                              DocumentUpload upload);
// The same for what has a full name already; `asked.label` and `upload.label` are the same.
Task<Result<Ingested>> IngestUpload(Gateway& gateway, Documents& documents, Asked asked,
                                    knowledge::Upload upload);

}  // namespace weir::gateway

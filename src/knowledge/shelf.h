// What Library does, without threads: the registry and the collections, kept in step. A shelf is
// used by one thread at a time.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "knowledge/library.h"
#include "knowledge/registry.h"
#include "vectors/store.h"

namespace weir::knowledge {

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

 private:
  // Null where there is none.
  Result<std::shared_ptr<vectors::Collection>> Open(const std::string& collection);
  Result<void> Forget(const DocumentInfo& document, const std::vector<std::string>& but_these);
  // Gives the chunks of `document` to the first of its duplicates, if there is one.
  Result<bool> HandOver(const DocumentInfo& document, int64_t now_s);

  Registry registry_;
  vectors::Store& store_;
};

}  // namespace weir::knowledge

// What the routes of vector stores and of their files share.
#pragma once

#include <string>
#include <utility>

#include "async/task.h"
#include "knowledge/shelf.h"
#include "server/call.h"
#include "server/document_object.h"
#include "server/json_limits.h"
#include "server/list_page.h"
#include "server/site.h"

namespace weir::server {

// As its tenant calls it.
inline std::string IdOf(const knowledge::StoreInfo& store) {
  return knowledge::CollectionShown(store.collection);
}

// The store that the path names, by its id or its name.
inline Task<Result<knowledge::StoreInfo>> StoreOf(Site& site, const Call& call) {
  if (site.documents == nullptr) co_return Fail(NoDocumentsHere());
  co_return co_await site.documents->library.OnShelf<knowledge::StoreInfo>(
      [tenant = call.asked.principal.tenant, id = PieceOf(call.tail)](
          knowledge::Shelf& shelf, int64_t) { return shelf.FindStore(tenant, id); });
}

}  // namespace weir::server

#include <algorithm>
#include <utility>

#include "base/random.h"
#include "dialects/openai/vector_stores.h"
#include "gateway/attach.h"
#include "server/file_routes.h"
#include "server/vector_store_call.h"
#include "server/vector_store_object.h"
#include "server/vector_store_routes.h"

namespace weir::server {
namespace {

using knowledge::BatchInfo;
using knowledge::DocumentInfo;
using knowledge::StoreInfo;

// Where the pieces of a path lie: "{store}/files/{file}", "{store}/file_batches/{batch}".
constexpr size_t kSecond = 2;

ShownFile Shown(const StoreInfo& store, const DocumentInfo& document) {
  return {.id = FileIdOf(document),
          .store_id = IdOf(store),
          .dimensions = store.dimensions,
          .document = document};
}

std::string RenderFile(const StoreInfo& store, const DocumentInfo& document) {
  std::string body;
  json::Writer writer(&body);
  AppendStoreFile(writer, Shown(store, document));
  return body;
}

// The store that the path names, and what it names inside of the store.
template <class T>
struct Found {
  StoreInfo store = {};
  T it = {};
};

template <class T>
Task<Result<Found<T>>> FindOf(Site& site, const Call& call,
                              Result<T> (knowledge::Shelf::*find)(const std::string&,
                                                                  const std::string&)) {
  if (site.documents == nullptr) co_return Fail(NoDocumentsHere());
  co_return co_await site.documents->library.OnShelf<Found<T>>(
      [tenant = call.asked.principal.tenant, store_id = PieceOf(call.tail),
       id = PieceOf(call.tail, kSecond),
       find](knowledge::Shelf& shelf, int64_t) -> Result<Found<T>> {
        auto store = shelf.FindStore(tenant, store_id);
        if (!store) return Fail(store.error());
        auto it = (shelf.*find)(store->collection, id);
        if (!it) return Fail(it.error());
        return Found<T>{std::move(*store), std::move(*it)};
      });
}

Task<Result<Found<DocumentInfo>>> FileOf(Site& site, const Call& call) {
  return FindOf<DocumentInfo>(site, call, &knowledge::Shelf::FindFile);
}

Task<Result<Found<BatchInfo>>> BatchOf(Site& site, const Call& call) {
  return FindOf<BatchInfo>(site, call, &knowledge::Shelf::FindBatch);
}

// Notes the files, and wakes whoever reads them.
Task<Result<std::vector<DocumentInfo>>> Add(Site& site, const Call& call, const StoreInfo& store,
                                            std::vector<openai::FileToAdd> files,
                                            std::string batch_id) {
  if (site.files == nullptr || site.reading == nullptr) co_return Fail(NoFilesHere());
  std::vector<gateway::FileAsked> asked;
  for (openai::FileToAdd& file : files) {
    asked.push_back({.file_id = std::move(file.file_id),
                     .attributes = std::move(file.attributes),
                     .chunking = file.chunking});
  }
  auto added = co_await gateway::Attach(*site.documents, *site.files, call.asked, store.collection,
                                        std::move(asked), std::move(batch_id));
  if (added) site.reading->Wake();
  co_return added;
}

Result<knowledge::FilesQuery> ReadFilesQuery(const std::string& text) {
  using knowledge::DocumentStatus;
  auto page = ReadPage(text);
  if (!page) return Fail(page.error());
  knowledge::FilesQuery query{.after = std::move(page->after),
                              .before = std::move(page->before),
                              .limit = page->limit + 1,  // the last tells that there are more
                              .oldest_first = page->ascending};
  if (!query.after.empty() && !query.before.empty())
    return Fail(Code::kInvalidArgument, "after and before exclude each other", "before");
  const auto filter = http::QueryValue(text, "filter");
  if (!filter) return query;
  for (const auto& [word, status] : {std::pair("in_progress", DocumentStatus::kReading),
                                     std::pair("completed", DocumentStatus::kReady),
                                     std::pair("failed", DocumentStatus::kFailed),
                                     std::pair("cancelled", DocumentStatus::kCancelled)}) {
    if (*filter == word) query.status = status;
  }
  if (query.status) return query;
  return Fail(Code::kInvalidArgument, "filter takes in_progress, completed, failed or cancelled",
              "filter");
}

Task<void> SendFiles(Site& site, Call& call, const Result<StoreInfo>& store,
                     const std::string& batch) {
  auto query = ReadFilesQuery(call.request().query);
  if (!store || !query) {
    co_await call.SendError(store ? query.error() : store.error());
    co_return;
  }
  query->batch = batch;
  const size_t limit = query->limit - 1;
  auto files = co_await site.documents->library.OnShelf<std::vector<DocumentInfo>>(
      [collection = store->collection, query = *query](knowledge::Shelf& shelf, int64_t) {
        return shelf.Files(collection, query);
      });
  if (!files) {
    co_await call.SendError(files.error());
    co_return;
  }
  // Before an edge the nearest come last; the one too many is the first.
  const bool more = files->size() > limit;
  if (more && !query->before.empty()) std::ranges::rotate(*files, files->begin() + 1);
  std::vector<ShownFile> shown;
  for (const DocumentInfo& document : *files) shown.push_back(Shown(*store, document));
  co_await call.SendJson(200, RenderPage(shown, limit, AppendStoreFile));
}

}  // namespace

Task<void> PostStoreFiles(Site& site, Call& call) {
  auto asked = openai::ReadFileToAdd(call.request().body, JsonLimits(site));
  const auto store = asked ? co_await StoreOf(site, call) : Fail(asked.error());
  if (!store) {
    co_await call.SendError(store.error());
    co_return;
  }
  std::vector<openai::FileToAdd> files;
  files.push_back(std::move(*asked));
  const auto added = co_await Add(site, call, *store, std::move(files), "");
  if (!added) {
    co_await call.SendError(added.error());
    co_return;
  }
  co_await call.SendJson(200, RenderFile(*store, added->front()));
}

Task<void> GetStoreFiles(Site& site, Call& call) {
  co_await SendFiles(site, call, co_await StoreOf(site, call), "");
}

Task<void> GetStoreFile(Site& site, Call& call) {
  const auto found = co_await FileOf(site, call);
  if (!found) {
    co_await call.SendError(found.error());
    co_return;
  }
  co_await call.SendJson(200, RenderFile(found->store, found->it));
}

Task<void> PostStoreFile(Site& site, Call& call) {
  auto asked = openai::ReadAttributesToSet(call.request().body, JsonLimits(site));
  auto found = asked ? co_await FileOf(site, call) : Fail(asked.error());
  if (!found) {
    co_await call.SendError(found.error());
    co_return;
  }
  const auto changed = co_await site.documents->library.OnShelf<DocumentInfo>(
      [document = std::move(found->it), attributes = std::move(*asked)](knowledge::Shelf& shelf,
                                                                        int64_t now_s) {
        return shelf.ChangeAttributes(document, attributes, now_s);
      });
  if (!changed) {
    co_await call.SendError(changed.error());
    co_return;
  }
  co_await call.SendJson(200, RenderFile(found->store, *changed));
}

Task<void> DeleteStoreFile(Site& site, Call& call) {
  auto found = co_await FileOf(site, call);
  const auto removed = found ? co_await site.documents->library.OnShelf<DocumentInfo>(
                                   [document = found->it](knowledge::Shelf& shelf, int64_t now_s) {
                                     return shelf.Remove(document.collection, document.id, now_s);
                                   })
                             : Fail(found.error());
  if (!removed) {
    co_await call.SendError(removed.error());
    co_return;
  }
  co_await call.SendJson(200, RenderDeleted(FileIdOf(*removed), "vector_store.file.deleted"));
}

Task<void> GetStoreFileContent(Site& site, Call& call) {
  const auto found = co_await FileOf(site, call);
  const auto texts = found ? co_await site.documents->library.OnShelf<std::vector<std::string>>(
                                 [document = found->it](knowledge::Shelf& shelf, int64_t) {
                                   return shelf.Texts(document);
                                 })
                           : Fail(found.error());
  if (!texts) {
    co_await call.SendError(texts.error());
    co_return;
  }
  co_await call.SendJson(200, RenderTexts(*texts));
}

Task<void> PostFileBatch(Site& site, Call& call) {
  auto asked = openai::ReadBatchToAdd(call.request().body, JsonLimits(site));
  const auto store = asked ? co_await StoreOf(site, call) : Fail(asked.error());
  if (!store) {
    co_await call.SendError(store.error());
    co_return;
  }
  const std::string id = NewId("vsfb_");
  const auto added = co_await Add(site, call, *store, std::move(*asked), id);
  if (!added) {
    co_await call.SendError(added.error());
    co_return;
  }
  const BatchInfo batch{.id = id,
                        .collection = store->collection,
                        .created_s = added->front().updated_s,
                        .files = {.reading = static_cast<int64_t>(added->size())}};
  co_await call.SendJson(200, RenderBatch(batch, IdOf(*store)));
}

Task<void> GetFileBatch(Site& site, Call& call) {
  const auto found = co_await BatchOf(site, call);
  if (!found) {
    co_await call.SendError(found.error());
    co_return;
  }
  co_await call.SendJson(200, RenderBatch(found->it, IdOf(found->store)));
}

Task<void> CancelFileBatch(Site& site, Call& call) {
  const auto found = co_await BatchOf(site, call);
  const auto cancelled = found ? co_await site.documents->library.OnShelf<BatchInfo>(
                                     [batch = found->it](knowledge::Shelf& shelf, int64_t) {
                                       return shelf.CancelBatch(batch.collection, batch.id);
                                     })
                               : Fail(found.error());
  if (!cancelled) {
    co_await call.SendError(cancelled.error());
    co_return;
  }
  co_await call.SendJson(200, RenderBatch(*cancelled, IdOf(found->store)));
}

Task<void> GetBatchFiles(Site& site, Call& call) {
  const auto found = co_await BatchOf(site, call);
  if (!found) {
    co_await call.SendError(found.error());
    co_return;
  }
  co_await SendFiles(site, call, found->store, found->it.id);
}

}  // namespace weir::server

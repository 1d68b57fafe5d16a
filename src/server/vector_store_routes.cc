#include "server/vector_store_routes.h"

#include <algorithm>
#include <utility>

#include "base/random.h"
#include "dialects/openai/vector_stores.h"
#include "gateway/attach.h"
#include "gateway/retrieve.h"
#include "server/answering.h"
#include "server/file_routes.h"
#include "server/vector_store_call.h"
#include "server/vector_store_object.h"

namespace weir::server {
namespace {

using knowledge::StoreInfo;

Task<void> SendStore(Site& site, Call& call, const Result<StoreInfo>& store) {
  if (!store) {
    co_await call.SendError(store.error());
    co_return;
  }
  std::string body;
  json::Writer writer(&body);
  AppendStore(writer,
              {.id = IdOf(*store), .store = *store, .now_s = UnixSeconds(site.clock.WallNow())});
  co_await call.SendJson(200, std::move(body));
}

Result<bool> RemoveStore(knowledge::Shelf& shelf, const std::string& collection) {
  if (auto removed = shelf.RemoveStore(collection); !removed) return Fail(removed.error());
  return true;
}

Task<Result<StoreInfo>> Create(Site& site, const Call& call, openai::StoreToCreate asked) {
  if (site.documents == nullptr) co_return Fail(NoDocumentsHere());
  if (!asked.files.empty() && site.reading == nullptr) co_return Fail(NoFilesHere());
  const int64_t now_s = UnixSeconds(site.clock.WallNow());
  StoreInfo wanted{.collection = gateway::FullNameOf(call.asked, NewId("vs_")),
                   .name = std::move(asked.name),
                   .description = std::move(asked.description),
                   .metadata_json = std::move(asked.metadata_json),
                   .created_s = now_s,
                   .active_s = now_s,
                   .expires_days = asked.expires_days};
  knowledge::Library& library = site.documents->library;
  auto made = co_await library.OnShelf<StoreInfo>(
      [wanted](knowledge::Shelf& shelf, int64_t) { return shelf.CreateStore(wanted); });
  if (!made || asked.files.empty()) co_return made;
  std::vector<gateway::FileAsked> files;
  for (openai::FileToAdd& file : asked.files)
    files.push_back({.file_id = std::move(file.file_id), .chunking = file.chunking});
  const auto attached = co_await gateway::Attach(*site.documents, *site.files, call.asked,
                                                 wanted.collection, std::move(files), "");
  if (!attached) {
    // All of what was asked, or nothing.
    const auto gone =
        co_await library.OnShelf<bool>([wanted](knowledge::Shelf& shelf, int64_t) -> Result<bool> {
          return RemoveStore(shelf, wanted.collection);
        });
    co_return Fail(gone ? attached.error() : gone.error());
  }
  site.reading->Wake();
  made->files.reading = static_cast<int64_t>(attached->size());
  co_return made;
}

// A page of `stores`, which are the tenant's, one more than fits where there are more.
Result<std::vector<ShownStore>> PageOf(std::vector<StoreInfo> stores, const PageAsked& asked,
                                       int64_t now_s) {
  std::vector<ShownStore> all;
  for (StoreInfo& store : stores) {
    std::string id = IdOf(store);
    all.push_back({.id = std::move(id), .store = std::move(store), .now_s = now_s});
  }
  std::ranges::sort(all, [&](const ShownStore& a, const ShownStore& b) {
    const auto key = [](const ShownStore& s) { return std::pair(s.store.created_s, s.id); };
    return asked.ascending ? key(a) < key(b) : key(b) < key(a);
  });
  const auto place_of = [&](const std::string& id) {
    return std::ranges::find(all, id, &ShownStore::id);
  };
  auto first = all.begin();
  auto behind = all.end();
  if (!asked.after.empty()) {
    first = place_of(asked.after);
    if (first == all.end())
      return Fail(Code::kInvalidArgument, "after is the id of no vector store here", "after");
    ++first;
  } else if (!asked.before.empty()) {
    behind = place_of(asked.before);
    if (behind == all.end())
      return Fail(Code::kInvalidArgument, "before is the id of no vector store here", "before");
    const auto most = static_cast<std::ptrdiff_t>(asked.limit + 1);
    if (behind - first > most) first = behind - most;
  }
  std::vector<ShownStore> page(std::make_move_iterator(first), std::make_move_iterator(behind));
  // Before an edge the nearest come last; the one too many is the first.
  if (!asked.before.empty() && page.size() > asked.limit)
    std::ranges::rotate(page, page.begin() + 1);
  return page;
}

// The best of all queries; a passage that several found counts once, as the best of them.
void AddFound(std::vector<knowledge::Passage>& all, std::vector<knowledge::Passage> found) {
  for (knowledge::Passage& passage : found) {
    const auto same = std::ranges::find_if(all, [&](const knowledge::Passage& other) {
      return other.document_id == passage.document_id && other.text == passage.text;
    });
    if (same == all.end()) {
      all.push_back(std::move(passage));
    } else if (same->score < passage.score) {
      *same = std::move(passage);
    }
  }
}

// Puts the queries that were searched for in place of those that were asked.
Task<Result<std::vector<knowledge::Passage>>> Find(Site& site, Call& call,
                                                   openai::StoreSearch& search) {
  std::vector<knowledge::Passage> all;
  for (std::string& query : search.queries) {
    query = co_await QueryFor(site, call, search.where, std::move(query));
    auto found =
        co_await gateway::Retrieve(site.gateway, *site.documents, call.asked, search.where, query);
    if (!found) co_return Fail(found.error());
    AddFound(all, std::move(*found));
  }
  std::ranges::sort(all, std::greater(), &knowledge::Passage::score);
  if (all.size() > search.where.hits) all.resize(search.where.hits);
  co_return all;
}

}  // namespace

Task<void> PostVectorStores(Site& site, Call& call) {
  auto asked = openai::ReadStoreToCreate(call.request().body, JsonLimits(site));
  if (!asked) {
    co_await call.SendError(asked.error());
    co_return;
  }
  co_await SendStore(site, call, co_await Create(site, call, std::move(*asked)));
}

Task<void> GetVectorStores(Site& site, Call& call) {
  auto asked = ReadPage(call.request().query);
  if (asked && site.documents == nullptr) asked = Fail(NoDocumentsHere());
  if (!asked) {
    co_await call.SendError(asked.error());
    co_return;
  }
  auto stores = co_await site.documents->library.OnShelf<std::vector<StoreInfo>>(
      [tenant = call.asked.principal.tenant](knowledge::Shelf& shelf, int64_t) {
        return shelf.Stores(tenant);
      });
  const auto page = stores ? PageOf(std::move(*stores), *asked, UnixSeconds(site.clock.WallNow()))
                           : Result<std::vector<ShownStore>>(Fail(stores.error()));
  if (!page) {
    co_await call.SendError(page.error());
    co_return;
  }
  co_await call.SendJson(200, RenderPage(*page, asked->limit, AppendStore));
}

Task<void> GetVectorStore(Site& site, Call& call) {
  co_await SendStore(site, call, co_await StoreOf(site, call));
}

Task<void> PostVectorStore(Site& site, Call& call) {
  auto asked = openai::ReadStoreToChange(call.request().body, JsonLimits(site));
  if (!asked) {
    co_await call.SendError(asked.error());
    co_return;
  }
  auto store = co_await StoreOf(site, call);
  if (store) {
    const knowledge::StoreChange change{.name = std::move(asked->name),
                                        .metadata_json = std::move(asked->metadata_json),
                                        .expires_days = asked->expires_days};
    store = co_await site.documents->library.OnShelf<StoreInfo>(
        [store = std::move(*store), change](knowledge::Shelf& shelf, int64_t now_s) {
          return shelf.ChangeStore(store, change, now_s);
        });
  }
  co_await SendStore(site, call, store);
}

Task<void> DeleteVectorStore(Site& site, Call& call) {
  const auto store = co_await StoreOf(site, call);
  if (!store) {
    co_await call.SendError(store.error());
    co_return;
  }
  const auto removed = co_await site.documents->library.OnShelf<bool>(
      [collection = store->collection](knowledge::Shelf& shelf, int64_t) -> Result<bool> {
        return RemoveStore(shelf, collection);
      });
  if (!removed) {
    co_await call.SendError(removed.error());
    co_return;
  }
  co_await call.SendJson(200, RenderDeleted(IdOf(*store), "vector_store.deleted"));
}

Task<void> PostVectorStoreSearch(Site& site, Call& call) {
  auto asked = openai::ReadStoreSearch(call.request().body, JsonLimits(site));
  if (asked && site.documents == nullptr) asked = Fail(NoDocumentsHere());
  if (!asked) {
    co_await call.SendError(asked.error());
    co_return;
  }
  asked->where.collections = {PieceOf(call.tail)};
  const auto found = co_await Find(site, call, *asked);
  if (!found) {
    co_await call.SendError(found.error());
    co_return;
  }
  co_await call.SendJson(200, RenderFound(asked->queries, *found));
}

}  // namespace weir::server

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "knowledge/attributes.h"
#include "knowledge/shelf.h"
#include "vectors/full_name.h"

namespace weir::knowledge {
namespace {

constexpr size_t kPointsAtOnce = 512;

vectors::Filter OfDocument(const std::string& id) {
  vectors::Filter filter;
  filter.must = {vectors::Match{field::kDocumentId, {id}}};
  return filter;
}

std::string PrefixOf(const std::string& tenant) {
  return vectors::Prefix(tenant, vectors::FullName::kDatabase);
}

std::string FullNameOf(const std::string& tenant, const std::string& name) {
  return vectors::Joined({.tenant = tenant, .name = name});
}

Error NoFile() {
  return {Code::kNotFound, "there is no such file in this vector store", "file_id",
          "file_not_found"};
}

Error Expired() {
  return {Code::kConflict, "the vector store has expired: its files are gone", "vector_store_id",
          "vector_store_expired"};
}

}  // namespace

Result<StoreInfo> Shelf::FindStore(const std::string& tenant, const std::string& id_or_name) {
  const std::string full = FullNameOf(tenant, id_or_name);
  if (const auto spec = store_.Look(full); spec && spec->name == full) {
    auto store = registry_.OneStore(full);
    if (store && !store->made_here) store->name = id_or_name;
    return store;
  }
  auto stores = Stores(tenant);
  if (!stores) return Fail(stores.error());
  StoreInfo* named = nullptr;
  for (StoreInfo& store : *stores) {
    if (store.name != id_or_name) continue;
    if (named != nullptr) {
      return Fail(Code::kConflict, "several vector stores have this name; say which by its id",
                  "vector_store_id", "name_ambiguous");
    }
    named = &store;
  }
  if (named == nullptr) return Fail(NoCollection(FullNameOf(tenant, id_or_name)));
  return std::move(*named);
}

Result<CollectionInfo> Shelf::ForSearch(const std::string& tenant, const std::string& id_or_name,
                                        int64_t now_s) {
  auto known = Collection(FullNameOf(tenant, id_or_name));
  if (!known && known.error().code == Code::kNotFound) {
    const auto named = FindStore(tenant, id_or_name);
    if (!named) return Fail(named.error());
    known = Collection(named->collection);
  }
  if (!known) return known;
  const auto store = registry_.FindStore(known->name);
  if (!store) return Fail(store.error());
  if (*store && (*store)->HasExpired(now_s)) return Fail(Expired());
  if (auto touched = registry_.Touch(known->name, now_s); !touched) return Fail(touched.error());
  return known;
}

Result<StoreInfo> Shelf::CreateStore(StoreInfo store) {
  const auto tenant = vectors::Split(store.collection);
  const auto specs = store_.List();
  if (!specs) return Fail(specs.error());
  const std::string prefix = PrefixOf(tenant ? tenant->tenant : "");
  const auto count = std::ranges::count_if(
      *specs, [&](const vectors::CollectionSpec& spec) { return spec.name.starts_with(prefix); });
  if (count >= Limits::kStoresMax) {
    return Fail(Code::kTooLarge, fmt::format("there are {} collections", Limits::kStoresMax), {},
                "too_many_collections");
  }
  const auto made = store_.Create({.name = store.collection});
  if (!made) return Fail(made.error());
  store.made_here = true;
  if (auto put = registry_.PutStore(store); !put) {
    (void)store_.Drop(store.collection);
    return Fail(put.error());
  }
  return store;
}

Result<std::vector<StoreInfo>> Shelf::Stores(const std::string& tenant) {
  const std::string prefix = PrefixOf(tenant);
  auto known = registry_.Stores(prefix);
  if (!known) return known;
  const auto specs = store_.List();
  if (!specs) return Fail(specs.error());
  std::map<std::string_view, StoreInfo*> by_name;
  for (StoreInfo& store : *known) by_name.emplace(store.collection, &store);
  std::vector<StoreInfo> out;
  for (const vectors::CollectionSpec& spec : *specs) {
    if (!spec.name.starts_with(prefix)) continue;
    const auto found = by_name.find(spec.name);
    out.push_back(found != by_name.end() ? std::move(*found->second)
                                         : StoreInfo{.collection = spec.name});
    StoreInfo& store = out.back();
    if (!store.made_here) store.name = CollectionShown(store.collection);
  }
  return out;
}

Result<StoreInfo> Shelf::ChangeStore(StoreInfo store, const StoreChange& change, int64_t now_s) {
  if (change.name) store.name = *change.name;
  if (change.metadata_json) store.metadata_json = *change.metadata_json;
  if (change.expires_days) store.expires_days = *change.expires_days;
  store.active_s = now_s;
  store.made_here = true;
  if (auto put = registry_.PutStore(store); !put) return Fail(put.error());
  return store;
}

Result<void> Shelf::RemoveStore(const std::string& collection) {
  if (auto removed = registry_.RemoveCollection(collection); !removed) return removed;
  auto dropped = store_.Drop(collection);
  if (!dropped && dropped.error().code != Code::kNotFound) return dropped;
  return {};
}

Result<void> Shelf::EmptyExpired(int64_t now_s) {
  const auto expired = registry_.ExpiredStores(now_s);
  if (!expired) return Fail(expired.error());
  for (const std::string& collection : *expired) {
    auto store = registry_.FindStore(collection);
    if (!store) return Fail(store.error());
    if (auto removed = RemoveStore(collection); !removed) return removed;
    if (!*store) continue;
    if (auto made = CreateStore(std::move(**store)); !made) return Fail(made.error());
  }
  return {};
}

Result<std::vector<DocumentInfo>> Shelf::Attach(const std::string& collection,
                                                const std::vector<FileWish>& wishes,
                                                const std::string& batch_id, int64_t now_s) {
  const auto count = registry_.CountOf(collection);
  if (!count) return Fail(count.error());
  if (*count + static_cast<int64_t>(wishes.size()) > Limits::kFilesMax) {
    return Fail(Code::kTooLarge,
                fmt::format("a vector store has at most {} files", Limits::kFilesMax), "file_ids",
                "too_many_files");
  }
  const auto store = registry_.FindStore(collection);
  if (!store) return Fail(store.error());
  if (*store && (*store)->HasExpired(now_s)) return Fail(Expired());
  std::vector<DocumentInfo> documents;
  std::set<std::string> names;
  std::set<std::string> ids;
  for (const FileWish& wish : wishes) {
    if (!ids.insert(wish.file_id).second) continue;
    auto there = registry_.FindFile(collection, wish.file_id);
    if (!there) return Fail(there.error());
    DocumentInfo document = there->value_or(DocumentInfo{.collection = collection});
    if (!*there) {
      // A name is its own in a collection; files need not have different ones.
      auto taken = registry_.HasName(collection, wish.name);
      if (!taken) return Fail(taken.error());
      const bool own = !*taken && names.insert(wish.name).second;
      document.name = own ? wish.name : fmt::format("{}/{}", wish.file_id, wish.name);
      document.id = DocumentIdOf(collection, document.name);
      document.created_s = now_s;
    }
    document.file_id = wish.file_id;
    document.bytes = wish.bytes;
    document.label = wish.label;
    document.attributes = wish.attributes;
    document.chunking = wish.chunking;
    document.asked = wish.asked;
    document.sha256.clear();  // whoever reads it just now does so as it was asked for before
    document.status = DocumentStatus::kReading;
    document.reason.clear();
    document.message.clear();
    document.updated_s = now_s;
    documents.push_back(std::move(document));
  }
  const BatchInfo batch{.id = batch_id, .collection = collection, .created_s = now_s};
  if (auto put = registry_.PutAll(documents, batch_id.empty() ? nullptr : &batch); !put)
    return Fail(put.error());
  if (auto touched = registry_.Touch(collection, now_s); !touched) return Fail(touched.error());
  return documents;
}

Result<DocumentInfo> Shelf::FindFile(const std::string& collection, const std::string& id) {
  auto found = registry_.FindFile(collection, id);
  // A kept file has one id here, its file's.
  if (found && !*found) {
    found = registry_.Find(collection, id);
    if (found && *found && !(*found)->file_id.empty()) found->reset();
  }
  if (!found) return Fail(found.error());
  if (!*found) return Fail(NoFile());
  return std::move(**found);
}

Result<std::vector<DocumentInfo>> Shelf::Files(const std::string& collection,
                                               const FilesQuery& query) {
  const std::string& edge_id = query.after.empty() ? query.before : query.after;
  if (edge_id.empty()) return registry_.Files(collection, query, nullptr);
  auto edge = FindFile(collection, edge_id);
  if (!edge) {
    const std::string param = query.after.empty() ? "before" : "after";
    return Fail(Code::kInvalidArgument, param + " is the id of no file here", param);
  }
  return registry_.Files(collection, query, &*edge);
}

Result<DocumentInfo> Shelf::ChangeAttributes(DocumentInfo document, chat::Attributes attributes,
                                             int64_t now_s) {
  const auto open = Open(document.collection);
  if (!open) return Fail(open.error());
  document.attributes = std::move(attributes);
  document.updated_s = now_s;
  // The registry first: whoever reads the file again, after a crash in between, has the new ones.
  if (auto put = registry_.Put(document); !put) return Fail(put.error());
  if (*open == nullptr) return document;
  const json::Value payload = AttributesPayload(document.attributes);
  const auto edited = (*open)->Edit(
      OfDocument(document.id), [&](size_t, bool there, vectors::Point& point) -> Result<bool> {
        json::Object* object = point.payload.AsObject();
        if (!there || object == nullptr) return false;
        std::erase_if(*object,
                      [](const json::Member& member) { return member.key == field::kAttributes; });
        if (!document.attributes.empty()) object->push_back({field::kAttributes, payload});
        return true;
      });
  if (!edited) return Fail(edited.error());
  return document;
}

Result<std::vector<std::string>> Shelf::Texts(const DocumentInfo& document) {
  std::map<int64_t, std::string> texts;
  const auto open = Open(document.collection);
  if (!open) return Fail(open.error());
  std::string after;
  while (*open != nullptr) {
    auto page = (*open)->Scroll({.after = after,
                                 .limit = kPointsAtOnce,
                                 .filter = OfDocument(document.id),
                                 .parts = {.payload = true, .text = true}});
    if (!page) return Fail(page.error());
    for (vectors::Point& point : page->points) {
      const auto number = [&](const char* key) {
        const json::Value* found = point.payload.Find(key);
        return found != nullptr && found->AsInt() != nullptr ? *found->AsInt() : 0;
      };
      const auto prefix = static_cast<size_t>(std::max<int64_t>(number(field::kPrefixBytes), 0));
      point.text.erase(0, std::min(prefix, point.text.size()));
      texts[number(field::kOrdinal)] = std::move(point.text);
    }
    if (!page->next) break;
    after = *page->next;
  }
  std::vector<std::string> out;
  for (auto& [ordinal, text] : texts) out.push_back(std::move(text));
  return out;
}

Result<void> Shelf::RemoveFile(const std::string& tenant, const std::string& file_id,
                               int64_t now_s) {
  const auto documents = registry_.OfFile(PrefixOf(tenant), file_id);
  if (!documents) return Fail(documents.error());
  for (const DocumentInfo& document : *documents) {
    if (auto removed = Remove(document.collection, document.id, now_s); !removed)
      return Fail(removed.error());
  }
  return {};
}

Result<BatchInfo> Shelf::FindBatch(const std::string& collection, const std::string& id) {
  auto batch = registry_.FindBatch(collection, id);
  if (!batch) return Fail(batch.error());
  if (*batch) return std::move(**batch);
  return Fail(Code::kNotFound, "there is no such batch in this vector store", "batch_id",
              "batch_not_found");
}

Result<BatchInfo> Shelf::CancelBatch(const std::string& collection, const std::string& id) {
  auto batch = FindBatch(collection, id);
  if (!batch) return batch;
  // What a file that is read again had before goes too: a cancelled one is not found.
  const auto reading = registry_.Files(
      collection, {.status = DocumentStatus::kReading, .batch = id, .limit = Limits::kFilesMax},
      nullptr);
  if (!reading) return Fail(reading.error());
  if (reading->empty()) return batch;
  if (auto cancelled = registry_.CancelBatch(collection, id); !cancelled)
    return Fail(cancelled.error());
  for (const DocumentInfo& document : *reading) {
    if (auto forgotten = Forget(document, {}); !forgotten) return Fail(forgotten.error());
  }
  return FindBatch(collection, id);
}

Result<std::vector<DocumentInfo>> Shelf::Waiting(size_t limit) {
  auto waiting = registry_.Waiting(limit);
  if (!waiting) return waiting;
  std::set<std::string> gone;
  for (const DocumentInfo& document : *waiting) {
    const auto open = Open(document.collection);
    if (!open) return Fail(open.error());
    if (*open == nullptr) gone.insert(document.collection);
  }
  for (const std::string& collection : gone) {
    if (auto removed = registry_.RemoveCollection(collection); !removed)
      return Fail(removed.error());
  }
  std::erase_if(*waiting,
                [&](const DocumentInfo& document) { return gone.contains(document.collection); });
  return waiting;
}

}  // namespace weir::knowledge

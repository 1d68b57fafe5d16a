#include "vectors/store.h"

#include "vectors/open_collection.h"
#include "vectors/open_store.h"

namespace weir::vectors {

Collection::Collection(std::shared_ptr<OpenCollection> open) : open_(std::move(open)) {}
Collection::~Collection() = default;

const CollectionSpec& Collection::spec() const { return open_->spec(); }

Result<void> Collection::Upsert(std::span<const Point> points) { return open_->Upsert(points); }
Result<int64_t> Collection::Delete(std::span<const std::string> ids) { return open_->Delete(ids); }
Result<int64_t> Collection::Delete(const Filter& filter) { return open_->Delete(filter); }
Result<std::vector<Point>> Collection::Get(std::span<const std::string> ids, Parts parts) const {
  return open_->Get(ids, parts);
}
Result<std::vector<Hit>> Collection::Query(const vectors::Query& query) const {
  return open_->Query(query);
}
Result<Page> Collection::Scroll(const ScrollQuery& query) const { return open_->Scroll(query); }
Result<int64_t> Collection::Count(const Filter& filter) const { return open_->Count(filter); }
Result<void> Collection::BuildIndexes(size_t threads) { return open_->BuildIndexes(threads); }

Result<std::shared_ptr<Store>> Store::Open(const std::filesystem::path& folder,
                                           const StoreOptions& options) {
  auto open = OpenStore::Open(folder, options.check, options.graph_points_least);
  if (!open) return Fail(std::move(open.error()));
  return std::make_shared<Store>(std::move(*open));
}

Store::Store(std::shared_ptr<OpenStore> open) : open_(std::move(open)) {}
Store::~Store() = default;

Result<std::shared_ptr<Collection>> Store::Create(const CollectionSpec& spec) {
  auto created = open_->Create(spec);
  if (!created) return Fail(std::move(created.error()));
  return std::make_shared<Collection>(std::move(*created));
}

Result<std::shared_ptr<Collection>> Store::Find(std::string_view name) const {
  auto found = open_->Find(name);
  if (!found) return Fail(std::move(found.error()));
  return std::make_shared<Collection>(std::move(*found));
}

Result<std::vector<CollectionSpec>> Store::List() const { return open_->List(); }
Result<void> Store::Drop(std::string_view name) { return open_->Drop(name); }
Result<void> Store::Snapshot(const std::filesystem::path& folder) const {
  return open_->Snapshot(folder);
}

}  // namespace weir::vectors

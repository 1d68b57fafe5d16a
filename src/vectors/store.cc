#include "vectors/store.h"

#include "base/no_memory.h"
#include "vectors/open_collection.h"
#include "vectors/open_store.h"

namespace weir::vectors {
Collection::Collection(std::shared_ptr<OpenCollection> open) : open_(std::move(open)) {}
Collection::~Collection() = default;

const CollectionSpec& Collection::spec() const { return open_->spec(); }

Result<void> Collection::Upsert(std::span<const Point> points) {
  return OrNoMemory([&] { return open_->Upsert(points); });
}
Result<int64_t> Collection::Delete(std::span<const std::string> ids) {
  return OrNoMemory([&] { return open_->Delete(ids); });
}
Result<int64_t> Collection::Delete(const Filter& filter) {
  return OrNoMemory([&] { return open_->Delete(filter); });
}
Result<std::vector<Point>> Collection::Get(std::span<const std::string> ids, Parts parts) const {
  return OrNoMemory([&] { return open_->Get(ids, parts); });
}
Result<std::vector<Hit>> Collection::Query(const vectors::Query& query) const {
  return OrNoMemory([&] { return open_->Query(query); });
}
Result<Page> Collection::Scroll(const ScrollQuery& query) const {
  return OrNoMemory([&] { return open_->Scroll(query); });
}
Result<int64_t> Collection::Edit(std::span<const std::string> ids, const EditPoint& edit) {
  return OrNoMemory([&] { return open_->Edit(ids, edit); });
}
Result<int64_t> Collection::Edit(const Filter& filter, const EditPoint& edit) {
  return OrNoMemory([&] { return open_->Edit(filter, edit); });
}
Result<std::vector<OrderedPoint>> Collection::Order(const OrderQuery& query) const {
  return OrNoMemory([&] { return open_->Order(query); });
}
Result<std::vector<FacetHit>> Collection::Facet(const FacetQuery& query) const {
  return OrNoMemory([&] { return open_->Facet(query); });
}
Result<std::vector<std::string>> Collection::Sample(const Filter& filter, size_t count) const {
  return OrNoMemory([&] { return open_->Sample(filter, count); });
}
Result<int64_t> Collection::Count(const Filter& filter) const {
  return OrNoMemory([&] { return open_->Count(filter); });
}
Result<void> Collection::BuildIndexes(size_t threads) {
  return OrNoMemory([&] { return open_->BuildIndexes(threads); });
}

Result<std::shared_ptr<Store>> Store::Open(const std::filesystem::path& folder,
                                           const StoreOptions& options) {
  return OrNoMemory([&]() -> Result<std::shared_ptr<Store>> {
    auto open = OpenStore::Open(folder, options);
    if (!open) return Fail(std::move(open.error()));
    return std::make_shared<Store>(std::move(*open));
  });
}

Store::Store(std::shared_ptr<OpenStore> open) : open_(std::move(open)) {}
Store::~Store() = default;

Result<std::shared_ptr<Collection>> Store::Create(const CollectionSpec& spec) {
  return OrNoMemory([&]() -> Result<std::shared_ptr<Collection>> {
    auto created = open_->Create(spec);
    if (!created) return Fail(std::move(created.error()));
    return std::make_shared<Collection>(std::move(*created));
  });
}

Result<std::shared_ptr<Collection>> Store::Find(std::string_view name) const {
  return OrNoMemory([&]() -> Result<std::shared_ptr<Collection>> {
    auto found = open_->Find(name);
    if (!found) return Fail(std::move(found.error()));
    return std::make_shared<Collection>(std::move(*found));
  });
}

Result<std::vector<CollectionSpec>> Store::List() const {
  return OrNoMemory([&]() -> Result<std::vector<CollectionSpec>> { return open_->List(); });
}
Result<void> Store::Drop(std::string_view name) {
  return OrNoMemory([&] { return open_->Drop(name); });
}
Result<CollectionSpec> Store::Look(std::string_view name) const {
  return OrNoMemory([&] { return open_->Look(name); });
}
Result<std::string> Store::NameOf(int64_t id) const {
  return OrNoMemory([&] { return open_->NameOf(id); });
}
Result<void> Store::Rename(std::string_view name, std::string_view new_name) {
  return OrNoMemory([&] { return open_->Rename(name, new_name); });
}
Result<void> Store::ChangeAbout(std::string_view name, const ChangeValue& change) {
  return OrNoMemory([&] { return open_->ChangeAbout(name, change); });
}
Result<void> Store::GiveSpaces(std::string_view name, std::span<const Space> spaces) {
  return OrNoMemory([&] { return open_->GiveSpaces(name, spaces); });
}
Result<void> Store::ChangeAliases(std::span<const Alias> changes) {
  return OrNoMemory([&] { return open_->ChangeAliases(changes); });
}
std::vector<Alias> Store::Aliases() const { return open_->Aliases(); }
Result<void> Store::PutNote(const Note& note) {
  return OrNoMemory([&] { return open_->PutNote(note); });
}
Result<void> Store::RemoveNote(std::string_view key) {
  return OrNoMemory([&] { return open_->RemoveNote(key); });
}
std::vector<Note> Store::Notes(std::string_view prefix) const { return open_->Notes(prefix); }
Result<int64_t> Store::EraseExpired() {
  return OrNoMemory([&] { return open_->EraseExpired(); });
}
Result<SnapshotInfo> Store::MakeSnapshot(std::string_view name) {
  return OrNoMemory([&] { return open_->MakeSnapshot(name); });
}
Result<std::vector<SnapshotInfo>> Store::Snapshots(std::string_view name) const {
  return OrNoMemory([&] { return open_->Snapshots(name); });
}
Result<std::filesystem::path> Store::FindSnapshot(std::string_view name,
                                                  std::string_view snapshot) const {
  return OrNoMemory([&] { return open_->FindSnapshot(name, snapshot); });
}
Result<void> Store::RemoveSnapshot(std::string_view name, std::string_view snapshot) {
  return OrNoMemory([&] { return open_->RemoveSnapshot(name, snapshot); });
}
Result<void> Store::Recover(std::string_view name, const std::filesystem::path& file) {
  return OrNoMemory([&] { return open_->Recover(name, file); });
}
Result<void> Store::RecoverBytes(std::string_view name, std::string_view bytes) {
  return OrNoMemory([&] { return open_->RecoverBytes(name, bytes); });
}
Result<void> Store::Snapshot(const std::filesystem::path& folder) const {
  return OrNoMemory([&] { return open_->Snapshot(folder); });
}

}  // namespace weir::vectors

#include "vectors/store.h"

#include "base/no_memory.h"
#include "vectors/open_collection.h"
#include "vectors/open_store.h"

namespace weir::vectors {
namespace {

// Whoever holds a collection that has other spaces by now is sent to what took its place.
template <class Call>
auto OnCurrent(std::shared_ptr<OpenCollection> open, const Call& call) {
  for (;;) {
    while (auto next = open->successor()) open = std::move(next);
    auto done = OrNoMemory([&] { return call(*open); });
    // It may have been while the call was under way.
    const bool gone = !done && done.error().reason == "collection_not_found";
    if (!gone || open->successor() == nullptr) return done;
  }
}

}  // namespace

Collection::Collection(std::shared_ptr<OpenCollection> open) : open_(std::move(open)) {}
Collection::~Collection() = default;

const CollectionSpec& Collection::spec() const { return open_->spec(); }

Result<void> Collection::Upsert(std::span<const Point> points) {
  return OnCurrent(open_, [&](OpenCollection& open) { return open.Upsert(points); });
}
Result<int64_t> Collection::Delete(std::span<const std::string> ids) {
  return OnCurrent(open_, [&](OpenCollection& open) { return open.Delete(ids); });
}
Result<int64_t> Collection::Delete(const Filter& filter) {
  return OnCurrent(open_, [&](OpenCollection& open) { return open.Delete(filter); });
}
Result<std::vector<Point>> Collection::Get(std::span<const std::string> ids, Parts parts) const {
  return OnCurrent(open_, [&](OpenCollection& open) { return open.Get(ids, parts); });
}
Result<std::vector<Hit>> Collection::Query(const vectors::Query& query) const {
  return OnCurrent(open_, [&](OpenCollection& open) { return open.Query(query); });
}
Result<Page> Collection::Scroll(const ScrollQuery& query) const {
  return OnCurrent(open_, [&](OpenCollection& open) { return open.Scroll(query); });
}
Result<int64_t> Collection::Edit(std::span<const std::string> ids, const EditPoint& edit) {
  return OnCurrent(open_, [&](OpenCollection& open) { return open.Edit(ids, edit); });
}
Result<int64_t> Collection::Edit(const Filter& filter, const EditPoint& edit) {
  return OnCurrent(open_, [&](OpenCollection& open) { return open.Edit(filter, edit); });
}
Result<std::vector<OrderedPoint>> Collection::Order(const OrderQuery& query) const {
  return OnCurrent(open_, [&](OpenCollection& open) { return open.Order(query); });
}
Result<std::vector<FacetHit>> Collection::Facet(const FacetQuery& query) const {
  return OnCurrent(open_, [&](OpenCollection& open) { return open.Facet(query); });
}
Result<std::vector<std::string>> Collection::Sample(const Filter& filter, size_t count) const {
  return OnCurrent(open_, [&](OpenCollection& open) { return open.Sample(filter, count); });
}
Result<int64_t> Collection::Count(const Filter& filter) const {
  return OnCurrent(open_, [&](OpenCollection& open) { return open.Count(filter); });
}
Result<void> Collection::BuildIndexes(size_t threads) {
  return OnCurrent(open_, [&](OpenCollection& open) { return open.BuildIndexes(threads); });
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
Result<void> Store::AddSpace(std::string_view name, const Space& space) {
  return OrNoMemory([&] { return open_->AddSpace(name, space); });
}
Result<void> Store::ReplaceSpace(std::string_view name, std::string_view space,
                                 std::string_view by) {
  return OrNoMemory([&] { return open_->ReplaceSpace(name, space, by); });
}
Result<void> Store::RemoveSpace(std::string_view name, std::string_view space) {
  return OrNoMemory([&] { return open_->RemoveSpace(name, space); });
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

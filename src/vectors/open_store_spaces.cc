// The part of OpenStore that changes which spaces a collection has.
#include <fmt/format.h>

#include <algorithm>

#include "vectors/input_check.h"
#include "vectors/open_store.h"

namespace weir::vectors {
namespace {

// Of one write; other writers come between.
constexpr size_t kPointsAtOnce = 1'024;

using From = std::vector<std::optional<size_t>>;

// Each space is the one it was.
From Same(size_t spaces) {
  From from(spaces);
  for (size_t i = 0; i < spaces; ++i) from[i] = i;
  return from;
}

// Numbers for all spaces of a row are written down, also where they are their own.
void SpellOut(CollectionRow& row) {
  if (!row.slots.empty()) return;
  for (size_t i = 0; i < row.spec.spaces.size(); ++i) row.slots.push_back(static_cast<uint8_t>(i));
}

std::optional<uint8_t> FreeSlot(const CollectionRow& row) {
  for (uint8_t slot = 0; slot < Limits::kSpaces; ++slot) {
    if (!std::ranges::count(row.slots, slot) && !std::ranges::count(row.erasing, slot)) return slot;
  }
  return std::nullopt;
}

}  // namespace

CollectionRow OpenStore::RowOf(const Entry& entry) {
  CollectionRow row = entry.collection->row();
  row.erasing = entry.erasing;
  SpellOut(row);
  return row;
}

Result<void> OpenStore::Rearrange(Entry& entry, CollectionRow row,
                                  std::span<const std::optional<size_t>> from) {
  if (auto ok = CheckSpec(row.spec); !ok) return ok;
  // All that needs memory comes first: what has happened on the disk is shown then without any.
  std::vector<uint8_t> erasing = row.erasing;
  auto next = entry.collection->HandOver(row, from);
  if (!next) return Fail(std::move(next.error()));
  entry.collection = std::move(*next);
  entry.erasing = std::move(erasing);
  entry.collection->EraseAt(kNoExpiry);  // who was asked before is gone
  return {};
}

Result<void> OpenStore::AddSpaces(Entry& entry, std::span<const Space> spaces) {
  CollectionRow row = RowOf(entry);
  From from = Same(row.spec.spaces.size());
  for (const Space& space : spaces) {
    const auto slot = FreeSlot(row);
    if (!slot) {
      return Fail(Code::kUnprocessable,
                  fmt::format("a collection has at most {} spaces", Limits::kSpaces), "spaces",
                  "too_many_spaces");
    }
    row.spec.spaces.push_back(space);
    row.slots.push_back(*slot);
    from.push_back(std::nullopt);
  }
  return Rearrange(entry, std::move(row), from);
}

Result<void> OpenStore::GiveSpaces(std::string_view name, std::span<const Space> spaces) {
  const MutexLock naming(naming_);
  const auto found = Seek(name);
  if (!found) return Fail(found.error());
  Entry& entry = (*found)->second;
  if (!entry.collection->spec().spaces.empty()) {
    return Fail(Code::kConflict, "the collection has its spaces already", "spaces", "spaces_exist");
  }
  return AddSpaces(entry, spaces);
}

Result<void> OpenStore::AddSpace(std::string_view name, const Space& space) {
  const MutexLock naming(naming_);
  const auto found = Seek(name);
  if (!found) return Fail(found.error());
  Entry& entry = (*found)->second;
  if (std::ranges::count(entry.collection->spec().spaces, space.name, &Space::name) > 0) {
    return Fail(Code::kConflict, fmt::format("there is a space '{}' already", space.name), "space",
                "space_exists");
  }
  return AddSpaces(entry, {&space, 1});
}

uint8_t OpenStore::TakeOut(CollectionRow& row, size_t space) {
  const auto place = static_cast<ptrdiff_t>(space);
  const uint8_t slot = row.slots[space];
  row.erasing.push_back(slot);
  row.slots.erase(row.slots.begin() + place);
  row.spec.spaces.erase(row.spec.spaces.begin() + place);
  return slot;
}

Result<void> OpenStore::ReplaceSpace(std::string_view name, std::string_view space,
                                     std::string_view by) {
  int64_t id = 0;
  uint8_t slot = 0;
  {
    const MutexLock naming(naming_);
    const auto found = Seek(name);
    if (!found) return Fail(found.error());
    Entry& entry = (*found)->second;
    CollectionRow row = RowOf(entry);
    id = row.id;
    const auto old = FindSpace(row.spec.spaces, space);
    if (!old) return Fail(old.error());
    const auto heir = FindSpace(row.spec.spaces, by);
    if (!heir) return Fail(heir.error());
    if (*old == *heir) {
      return Fail(Code::kInvalidArgument, "a space does not take its own place", "space",
                  "invalid_value");
    }
    From from = Same(row.spec.spaces.size());
    row.spec.spaces[*heir].name = row.spec.spaces[*old].name;
    std::swap(row.spec.spaces[*old], row.spec.spaces[*heir]);
    std::swap(row.slots[*old], row.slots[*heir]);
    std::swap(from[*old], from[*heir]);
    from.erase(from.begin() + static_cast<ptrdiff_t>(*heir));
    slot = TakeOut(row, *heir);
    if (auto done = Rearrange(entry, std::move(row), from); !done) return done;
  }
  Erase(id, slot);
  return {};
}

Result<void> OpenStore::RemoveSpace(std::string_view name, std::string_view space) {
  int64_t id = 0;
  uint8_t slot = 0;
  {
    const MutexLock naming(naming_);
    const auto found = Seek(name);
    if (!found) return Fail(found.error());
    Entry& entry = (*found)->second;
    CollectionRow row = RowOf(entry);
    id = row.id;
    const auto old = FindSpace(row.spec.spaces, space);
    if (!old) return Fail(old.error());
    From from = Same(row.spec.spaces.size());
    from.erase(from.begin() + static_cast<ptrdiff_t>(*old));
    slot = TakeOut(row, *old);
    if (auto done = Rearrange(entry, std::move(row), from); !done) return done;
  }
  Erase(id, slot);
  return {};
}

// The space is gone already; what cannot be erased now is when the store is opened the next time.
void OpenStore::Erase(int64_t collection, uint8_t slot) {
  std::optional<int64_t> last = 0;
  while (last) {
    const MutexLock lock(files_->writing);
    const auto erased = files_->rows.EraseSlot(collection, slot, *last, kPointsAtOnce);
    if (!erased) return;
    last = *erased;
  }
  const MutexLock naming(naming_);
  for (auto& [name, entry] : collections_) {
    if (entry.collection->spec().id != collection) continue;
    CollectionRow row = RowOf(entry);
    std::erase(row.erasing, slot);
    const MutexLock lock(files_->writing);
    if (files_->rows.SetSpec(row)) std::erase(entry.erasing, slot);
    files_->rows.GiveBackSpace();
    return;
  }
}

}  // namespace weir::vectors

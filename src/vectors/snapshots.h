// Where the snapshots of collections lie in a store's folder, and what they are called. A
// collection's name makes the folder, so that its snapshots outlive it and it finds them again when
// it is made new. Names that come from outside are looked at, never followed: nothing outside is
// reached. Any thread.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "vectors/types.h"

namespace weir::vectors {

// In a store's folder, for the collection of that name.
std::filesystem::path SnapshotFolder(const std::filesystem::path& store, std::string_view name);
// A new one: "2026-11-03T10-00-00-3kT....snapshot".
std::string NewSnapshotName(WallTime now);
// kNotFound where there is none of that name in the folder.
Result<SnapshotInfo> FindSnapshot(const std::filesystem::path& folder, std::string_view name);
// The oldest first.
std::vector<SnapshotInfo> ListSnapshots(const std::filesystem::path& folder);
// Makes the folder and those above it, down from `store`, for their owner only, and syncs their
// names.
Result<void> MakeSnapshotFolder(const std::filesystem::path& store,
                                const std::filesystem::path& folder);

}  // namespace weir::vectors

#include "vectors/snapshots.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "base/random.h"
#include "base/time_text.h"
#include "process/fd.h"
#include "vectors/files.h"

namespace weir::vectors {
namespace {

constexpr std::string_view kEnding = ".snapshot";
constexpr std::string_view kFolder = "snapshots";
constexpr size_t kNameBytesMax = 128;
// What file systems take of a name; longer ones become folders in folders.
constexpr size_t kPieceBytes = 200;

bool IsPlain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_';
}

// Letters, digits and hyphens before the ending: no dots, no slashes.
bool IsSnapshotName(std::string_view name) {
  if (name.size() > kNameBytesMax || !name.ends_with(kEnding)) return false;
  name.remove_suffix(kEnding.size());
  return !name.empty() && std::ranges::all_of(name, IsPlain);
}

}  // namespace

std::filesystem::path SnapshotFolder(const std::filesystem::path& store, std::string_view name) {
  std::string plain;
  for (const char c : name) {
    if (IsPlain(c)) {
      plain += c;
    } else {
      plain += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  std::filesystem::path folder = store / kFolder;
  for (size_t at = 0; at < plain.size(); at += kPieceBytes) folder /= plain.substr(at, kPieceBytes);
  return folder;
}

std::string NewSnapshotName(WallTime now) {
  std::string time = TimeText(now).substr(0, 19);
  std::ranges::replace(time, ':', '-');
  return NewId(time + "-") + std::string(kEnding);
}

Result<SnapshotInfo> FindSnapshot(const std::filesystem::path& folder, std::string_view name) {
  struct stat file = {};
  if (IsSnapshotName(name) && lstat((folder / name).c_str(), &file) == 0 && S_ISREG(file.st_mode)) {
    const auto made = std::chrono::seconds(file.st_mtim.tv_sec) +
                      std::chrono::microseconds(file.st_mtim.tv_nsec / 1000);
    return SnapshotInfo{.name = std::string(name),
                        .made = WallTime(made),
                        .bytes = static_cast<uint64_t>(file.st_size)};
  }
  return Fail(Code::kNotFound, "there is no snapshot of this name", "snapshot",
              "snapshot_not_found");
}

std::vector<SnapshotInfo> ListSnapshots(const std::filesystem::path& folder) {
  std::vector<SnapshotInfo> all;
  for (const std::string& name : NamesIn(folder)) {
    if (auto found = FindSnapshot(folder, name)) all.push_back(std::move(*found));
  }
  // Names begin with the time.
  std::ranges::sort(all, {}, &SnapshotInfo::name);
  return all;
}

Result<void> MakeSnapshotFolder(const std::filesystem::path& store,
                                const std::filesystem::path& folder) {
  const char* const what = "the folder of the snapshot could not be made";
  std::filesystem::path made = store;
  for (const auto& piece : folder.lexically_relative(store)) {
    made /= piece;
    if (mkdir(made.c_str(), 0700) != 0) {
      if (errno == EEXIST) continue;
      return Fail(SystemError(what, errno));
    }
    if (auto synced = SyncPath(ParentOf(made), what); !synced) return synced;
  }
  return {};
}

}  // namespace weir::vectors

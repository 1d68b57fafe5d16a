// What killed writers left, brought to its end or taken away. Under the store's lock.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "models/folder.h"
#include "models/writer.h"

namespace weir::models {
namespace {

constexpr size_t kFilesMax = 4 * kModelsMax;
constexpr std::string_view kBlobPrefix = "sha256-";

Result<Manifest> ReadManifestFile(int folder, const std::string& file) {
  const Fd fd = OpenBelow(folder, file.c_str(), O_RDONLY);
  auto text = ReadSmallFile(fd, kManifestBytesMax);
  if (!text) return Fail(text.error());
  return ParseManifest(*text);
}

void AddBlobs(const Manifest& manifest, std::vector<std::string>& out) {
  for (StoredFile& file : FilesOf(manifest)) out.push_back(std::move(file.sha256));
}

// False when one of them cannot be read.
bool AddReferenced(Fd top, std::vector<std::string>& out) {
  Folder models(std::move(top));
  if (!models.valid()) return false;
  for (const std::string& model : models.Names(kModelsMax)) {
    Folder folder(OpenFolder(models.descriptor(), model.c_str()));
    if (!folder.valid()) return false;
    for (const std::string& file : folder.Names(kModelsMax)) {
      const auto manifest = ReadManifestFile(folder.descriptor(), file);
      if (!manifest) return false;
      AddBlobs(*manifest, out);
    }
  }
  return true;
}

Fd Reopen(int folder) { return OpenFolder(folder, "."); }

bool IsOlder(int folder, const char* name, WallTime now, Duration than) {
  struct stat status{};
  if (fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) != 0) return false;
  return now - WallTime(std::chrono::seconds(status.st_mtim.tv_sec)) > than;
}

}  // namespace

// Sorted. Nothing when a manifest cannot be read: then nobody knows what it points to.
std::optional<std::vector<std::string>> Writer::ReferencedBlobs() const {
  std::vector<std::string> out;
  if (!AddReferenced(Reopen(manifests_.get()), out) || !AddReferenced(Reopen(previous_.get()), out))
    return std::nullopt;
  Folder partials(Reopen(partials_.get()));
  for (const std::string& key : partials.Names(kPartialsMax)) {
    const Fd folder = OpenFolder(partials.descriptor(), key.c_str());
    const auto intent =
        folder.valid() ? ReadManifestFile(folder.get(), "intent") : Fail(Code::kNotFound, "none");
    if (intent) AddBlobs(*intent, out);
  }
  std::ranges::sort(out);
  return out;
}

void Writer::SweepPartial(const std::string& key, WallTime now, Swept& swept) const {
  const Fd folder = OpenFolder(partials_.get(), key.c_str());
  if (!folder.valid()) return;
  const Fd lock = OpenBelow(folder.get(), "lock", O_RDWR | O_CREAT);
  if (!lock.valid() || flock(lock.get(), LOCK_EX | LOCK_NB) != 0) return;  // somebody works on it
  bool gone = key.starts_with(kUploadPrefix) ||
              IsOlder(folder.get(), "state", now, kPartialStaleAfter) ||
              faccessat(folder.get(), "state", F_OK, 0) != 0;
  const auto intent = ReadManifestFile(folder.get(), "intent");
  if (intent && HasBlobs(*intent)) {
    if (!NameLocked(*intent, true)) return;
    ++swept.finished;
    gone = true;
  }
  if (!gone) return;
  const bool removed = RemoveFlatFolder(partials_.get(), key, folder.get(), "lock");
  if (removed && !intent) ++swept.partials;
}

void Writer::SweepManifests(int top, Swept& swept) const {
  Folder models(Reopen(top));
  for (const std::string& model : models.Names(kModelsMax)) {
    Folder folder(OpenFolder(models.descriptor(), model.c_str()));
    const int inside = folder.valid() ? folder.descriptor() : -1;
    if (inside < 0) continue;
    for (const std::string& file : folder.Names(kModelsMax, true)) {
      // Ours are written under the lock that we hold, so this one's writer is dead.
      if (!file.starts_with(".weir-")) continue;
      if (unlinkat(inside, file.c_str(), 0) == 0) ++swept.files;
    }
    unlinkat(top, model.c_str(), AT_REMOVEDIR);  // only when it is empty
  }
}

void Writer::SweepBlobs(WallTime now, Swept& swept) const {
  const auto referenced = ReferencedBlobs();
  if (!referenced) return;
  Folder blobs(Reopen(blobs_.get()));
  for (const std::string& file : blobs.Names(kFilesMax)) {
    if (!file.starts_with(kBlobPrefix)) continue;
    const std::string sha256 = file.substr(kBlobPrefix.size());
    if (!IsSha256(sha256) || std::ranges::binary_search(*referenced, sha256) ||
        !IsOlder(blobs_.get(), file.c_str(), now, kLooseBlobAfter))
      continue;
    if (unlinkat(blobs_.get(), file.c_str(), 0) == 0) ++swept.files;
  }
}

Result<Swept> Writer::Sweep(WallTime now) const {
  const auto lock = LockStore();
  if (!lock) return Fail(lock.error());
  Swept swept;
  Folder partials(Reopen(partials_.get()));
  for (const std::string& key : partials.Names(kPartialsMax)) SweepPartial(key, now, swept);
  SweepManifests(manifests_.get(), swept);
  SweepManifests(previous_.get(), swept);
  SweepBlobs(now, swept);
  return swept;
}

}  // namespace weir::models

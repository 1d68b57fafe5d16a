// The order of a commit, which is what makes it safe to be killed anywhere:
//
//   1  data synced                       before: the partial is resumed
//   2  intent (the manifest) synced      before: the same
//   3  data renamed to its blob, synced  before: the partial is resumed and comes here again
//   4  manifest renamed, synced          before: the next Writer sees intent and blob, and does it
//   5  the partial's folder removed      before: the next Writer sees intent and manifest, removes
//   it
//
// 3 and 4 happen under the store's lock, so that nobody takes the blob for a loose one in between.
#include "models/writer.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <iterator>

#include "base/check.h"
#include "models/folder.h"

namespace weir::models {
namespace {

constexpr std::string_view kOursUnfinished = ".weir-";

std::string BlobName(std::string_view sha256) { return fmt::format("sha256-{}", sha256); }
std::string FileOf(const Name& name) { return name.tag + ".json"; }

Result<Fd> MakeFolder(int parent, const char* name) {
  if (mkdirat(parent, name, 0755) != 0 && errno != EEXIST)
    return Fail(StoreError("cannot make a folder", errno));
  Fd folder = OpenFolder(parent, name);
  if (!folder.valid()) return Fail(StoreError("cannot open a folder", errno));
  return folder;
}

Result<void> Sync(int fd) {
  if (fsync(fd) != 0) return Fail(StoreError("cannot sync", errno));
  return {};
}

// Whole or not at all, and there after a power cut once this returns.
Result<void> WriteWhole(int folder, const std::string& name, std::string_view text) {
  const std::string unfinished = fmt::format("{}{}.{}", kOursUnfinished, name, getpid());
  Fd file = OpenBelow(folder, unfinished.c_str(), O_WRONLY | O_CREAT | O_TRUNC);
  if (!file.valid()) return Fail(StoreError("cannot write a manifest", errno));
  size_t done = 0;
  int error = 0;
  while (done < text.size() && error == 0) {
    const ssize_t put = write(file.get(), text.data() + done, text.size() - done);
    if (put > 0) done += static_cast<size_t>(put);
    if (put < 0 && errno != EINTR) error = errno;
  }
  if (error == 0 && fsync(file.get()) != 0) error = errno;
  if (error == 0 && renameat(folder, unfinished.c_str(), folder, name.c_str()) != 0) error = errno;
  if (error != 0) {
    unlinkat(folder, unfinished.c_str(), 0);
    return Fail(StoreError("cannot write a manifest", error));
  }
  return Sync(folder);
}

bool IsKey(std::string_view key) {
  return !key.empty() && key.size() <= kPartialKeyBytesMax && std::ranges::all_of(key, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

// The lock of a partial's folder, or an invalid Fd when another process holds it. A folder that was
// removed while we waited for its name does not count: its lock file has no name any more.
Fd TryLock(int folder) {
  Fd lock = OpenBelow(folder, "lock", O_RDWR | O_CREAT);
  struct stat status{};
  if (!lock.valid() || flock(lock.get(), LOCK_EX | LOCK_NB) != 0 ||
      fstat(lock.get(), &status) != 0 || status.st_nlink == 0)
    return Fd();
  return lock;
}

PartialState* MapState(const Fd& file, bool writing) {
  const int protection = PROT_READ | (writing ? PROT_WRITE : 0);
  void* memory = mmap(nullptr, sizeof(PartialState), protection, MAP_SHARED, file.get(), 0);
  return memory == MAP_FAILED ? nullptr : static_cast<PartialState*>(memory);
}

// Whether the counts make sense; a state of another version or a torn one starts over, and so does
// one whose data is gone: that of a commit that was killed while it cleared up.
bool IsSound(const PartialState& state, uint64_t data_bytes) {
  const uint64_t total = state.total.load();
  const uint64_t piece = state.piece_bytes.load();
  if (state.magic != PartialState::kMagic || piece < kPieceBytesMin ||
      state.boot[sizeof(state.boot) - 1] != 0 || state.etag[sizeof(state.etag) - 1] != 0)
    return false;
  for (size_t i = 0; i < kPiecesMax; ++i) {
    const uint64_t done = state.done[i].load();
    if (done == 0) continue;
    if (i * piece + done > data_bytes) return false;
    if (total == 0 ? i > 0 : i * piece >= total || done > std::min(piece, total - i * piece))
      return false;
  }
  return total == 0 || (total + piece - 1) / piece <= kPiecesMax;
}

Result<Manifest> ReadAt(int folder, const char* file) {
  const Fd fd = OpenBelow(folder, file, O_RDONLY);
  if (!fd.valid()) return Fail(Code::kNotFound, "there is none");
  auto text = ReadSmallFile(fd, kManifestBytesMax);
  if (!text) return Fail(text.error());
  return ParseManifest(*text);
}

Result<Manifest> ReadNamed(int top, const Name& name) {
  const Fd folder = OpenFolder(top, FolderOf(name.model).c_str());
  if (!folder.valid()) return Fail(Code::kNotFound, "there is none");
  return ReadAt(folder.get(), FileOf(name).c_str());
}

Error NoSuchModel(const Name& name) {
  return {
      Code::kNotFound,
      fmt::format("there is no model {}; `weir list` shows those that are there", name.ToString()),
      "model", "model_not_found"};
}

// Also a folder that holds no model any more.
void RemoveName(int top, const Name& name) {
  const Fd folder = OpenFolder(top, FolderOf(name.model).c_str());
  if (!folder.valid()) return;
  unlinkat(folder.get(), FileOf(name).c_str(), 0);
  fsync(folder.get());
  if (unlinkat(top, FolderOf(name.model).c_str(), AT_REMOVEDIR) == 0) fsync(top);
}

}  // namespace

Result<void> Writer::OpenFolders() {
  std::error_code error;
  std::filesystem::create_directories(root_, error);
  top_ = OpenRoot(root_);
  if (!top_.valid())
    return Fail(StoreError("cannot make the model store", error ? error.value() : errno));
  const std::pair<Fd*, const char*> folders[] = {{&blobs_, "blobs"},
                                                 {&manifests_, "manifests"},
                                                 {&previous_, "previous"},
                                                 {&partials_, "partial"}};
  for (const auto& [fd, name] : folders) {
    auto made = MakeFolder(top_.get(), name);
    if (!made) return Fail(made.error());
    *fd = std::move(*made);
  }
  if (faccessat(top_.get(), "blobs", W_OK, 0) != 0)
    return Fail(StoreError("cannot write the model store", errno));
  return {};
}

Result<Writer> Writer::Open(const std::string& root, WallTime now) {
  Writer writer(root);
  if (auto opened = writer.OpenFolders(); !opened) return Fail(opened.error());
  if (auto swept = writer.Sweep(now); !swept) return Fail(swept.error());
  return writer;
}

Result<Fd> Writer::LockStore() const {
  Fd lock = OpenBelow(top_.get(), "lock", O_RDWR | O_CREAT);
  if (!lock.valid()) return Fail(StoreError("cannot lock the model store", errno));
  while (flock(lock.get(), LOCK_EX) != 0) {
    if (errno != EINTR) return Fail(StoreError("cannot lock the model store", errno));
  }
  return lock;
}

bool Writer::HasBlob(std::string_view sha256, uint64_t size) const {
  const Fd file = OpenBelow(blobs_.get(), BlobName(sha256).c_str(), O_RDONLY);
  return FileSize(file) == size;
}

bool Writer::HasBlobs(const Manifest& manifest) const {
  return std::ranges::all_of(FilesOf(manifest), [this](const StoredFile& file) {
    return HasBlob(file.sha256, file.size);
  });
}

uint64_t Writer::FreeBytes() const {
  struct statvfs disk{};
  if (fstatvfs(top_.get(), &disk) != 0) return 0;
  return uint64_t{disk.f_bavail} * disk.f_frsize;
}

Result<Partial> Writer::Begin(std::string_view key) const {
  CHECK(IsKey(key), "a partial's key is letters, digits and '-'");
  Partial out;
  out.key_ = key;
  auto folder = MakeFolder(partials_.get(), out.key_.c_str());
  if (!folder) return Fail(folder.error());
  out.folder_ = std::move(*folder);
  out.lock_ = TryLock(out.folder_.get());
  if (!out.lock_.valid())
    return Fail(Code::kConflict, "another process fetches the same file", {}, "in_progress");
  out.data_ = OpenBelow(out.folder_.get(), "data", O_RDWR | O_CREAT);
  const Fd state = OpenBelow(out.folder_.get(), "state", O_RDWR | O_CREAT);
  if (!out.data_.valid() || !state.valid() || !FileSize(out.data_))
    return Fail(StoreError("cannot open an unfinished file", errno));
  const bool whole = FileSize(state) == sizeof(PartialState);
  if (!whole && ftruncate(state.get(), 0) == 0 &&
      posix_fallocate(state.get(), 0, sizeof(PartialState)) != 0)
    return Fail(StoreError("cannot take space", ENOSPC));
  out.state_.reset(MapState(state, true));
  if (out.state_ == nullptr) return Fail(StoreError("cannot map a file", errno));
  if (!IsSound(*out.state_, *FileSize(out.data_))) {
    std::memset(static_cast<void*>(out.state_.get()), 0, sizeof(PartialState));
    out.state_->piece_bytes.store(kPieceBytesMin);
    out.state_->magic = PartialState::kMagic;
  }
  return out;
}

PartialView Writer::Look(std::string_view key) const {
  PartialView view;
  CHECK(IsKey(key), "a partial's key is letters, digits and '-'");
  const Fd folder = OpenFolder(partials_.get(), std::string(key).c_str());
  const Fd state = folder.valid() ? OpenBelow(folder.get(), "state", O_RDONLY) : Fd();
  if (FileSize(state) == sizeof(PartialState)) view.state_.reset(MapState(state, false));
  return view;
}

void Writer::Discard(Partial partial) const {
  // The lock goes last: as long as it has a name, nobody else can take it.
  RemoveFlatFolder(partials_.get(), partial.key_, partial.folder_.get(), "lock");
}

Result<void> Writer::Commit(Partial partial, const Manifest& manifest, bool keep_previous) const {
  if (auto synced = Sync(partial.data()); !synced) return synced;
  auto intent = WriteWhole(partial.folder_.get(), "intent", PrintManifest(manifest));
  if (!intent) return intent;
  const auto lock = LockStore();
  if (!lock) return Fail(lock.error());
  if (!HasBlob(manifest.sha256, manifest.size)) {
    if (auto put = PutBlob(partial, manifest.sha256); !put) return put;
  }
  if (auto named = NameLocked(manifest, keep_previous); !named) return named;
  Discard(std::move(partial));
  return {};
}

Result<void> Writer::PutBlob(const Partial& partial, const std::string& sha256) const {
  fchmod(partial.data(), 0644);
  const std::string blob = BlobName(sha256);
  if (renameat(partial.folder_.get(), "data", blobs_.get(), blob.c_str()) != 0)
    return Fail(StoreError("cannot put a model in its place", errno));
  return Sync(blobs_.get());
}

Result<void> Writer::Keep(Partial partial, const std::string& sha256) const {
  if (auto synced = Sync(partial.data()); !synced) return synced;
  const auto lock = LockStore();
  if (!lock) return Fail(lock.error());
  if (auto put = PutBlob(partial, sha256); !put) return put;
  Discard(std::move(partial));
  return {};
}

void Writer::DropIfLoose(std::string_view sha256) const {
  const auto lock = LockStore();
  const auto referenced = ReferencedBlobs();
  if (!lock || !referenced || std::ranges::binary_search(*referenced, sha256)) return;
  unlinkat(blobs_.get(), BlobName(sha256).c_str(), 0);
}

Result<void> Writer::PutManifest(int top, const Manifest& manifest) const {
  auto folder = MakeFolder(top, FolderOf(manifest.name.model).c_str());
  if (!folder) return Fail(folder.error());
  auto written = WriteWhole(folder->get(), FileOf(manifest.name), PrintManifest(manifest));
  if (!written) return written;
  return Sync(top);
}

// What has the name now stays as the previous one, unless it is the same file.
Result<void> Writer::KeepPrevious(const Manifest& next) const {
  const auto present = ReadNamed(manifests_.get(), next.name);
  if (!present || FilesOf(*present) == FilesOf(next)) return {};
  return PutManifest(previous_.get(), *present);
}

Result<void> Writer::NameLocked(const Manifest& manifest, bool keep_previous) const {
  if (keep_previous) {
    if (auto kept = KeepPrevious(manifest); !kept) return kept;
  }
  return PutManifest(manifests_.get(), manifest);
}

Result<void> Writer::GiveName(const Manifest& manifest, bool keep_previous) const {
  const auto lock = LockStore();
  if (!lock) return Fail(lock.error());
  if (!HasBlobs(manifest))
    return Fail(Code::kNotFound, "a file of this model is not in the store; pull it again", "model",
                "model_damaged");
  return NameLocked(manifest, keep_previous);
}

Result<Removed> Writer::Remove(const Name& name) const {
  const auto lock = LockStore();
  if (!lock) return Fail(lock.error());
  const auto manifest = ReadNamed(manifests_.get(), name);
  const Fd folder = OpenFolder(manifests_.get(), FolderOf(name.model).c_str());
  const bool there = folder.valid() && faccessat(folder.get(), FileOf(name).c_str(), F_OK, 0) == 0;
  if (!there) return Fail(NoSuchModel(name));
  std::vector<StoredFile> gone;
  for (const auto& each : {manifest, ReadNamed(previous_.get(), name)}) {
    if (each) std::ranges::copy(FilesOf(*each), std::back_inserter(gone));
  }
  // In this order: killed in between, the model is still there and can be removed again.
  RemoveName(previous_.get(), name);
  RemoveName(manifests_.get(), name);
  Removed out{name.ToString()};
  const auto referenced = ReferencedBlobs();
  for (const StoredFile& each : gone) {
    // With a manifest that cannot be read nobody knows what it points to.
    if (!referenced || std::ranges::binary_search(*referenced, each.sha256)) continue;
    if (unlinkat(blobs_.get(), BlobName(each.sha256).c_str(), 0) == 0) out.bytes_freed += each.size;
  }
  fsync(blobs_.get());
  return out;
}

Result<Manifest> Writer::Previous(const Name& name) const {
  auto manifest = ReadNamed(previous_.get(), name);
  if (manifest) return manifest;
  return Fail(Code::kNotFound,
              fmt::format("nothing was kept from before {} was updated; there is nothing to go "
                          "back to",
                          name.ToString()),
              "model", "no_previous");
}

Result<Manifest> Writer::RollBack(const Name& name) const {
  const auto lock = LockStore();
  if (!lock) return Fail(lock.error());
  const auto before = Previous(name);
  if (!before) return before;
  if (!HasBlobs(*before))
    return Fail(Code::kUnavailable, "the file from before the update is gone; pull the model again",
                "model", "model_damaged");
  const auto present = ReadNamed(manifests_.get(), name);
  if (auto put = PutManifest(manifests_.get(), *before); !put) return Fail(put.error());
  if (present) {
    if (auto put = PutManifest(previous_.get(), *present); !put) return Fail(put.error());
  } else {
    RemoveName(previous_.get(), name);
  }
  return before;
}

}  // namespace weir::models

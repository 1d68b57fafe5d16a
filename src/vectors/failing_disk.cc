#include "vectors/failing_disk.h"

#include <execinfo.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <cstdlib>
#include <fstream>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "base/fnv.h"

// What the linker calls them. NOLINTBEGIN(bugprone-reserved-identifier)
extern "C" {
int __real_open(const char* path, int flags, ...);
int __real_open64(const char* path, int flags, ...);
int __real_close(int fd);
ssize_t __real_write(int fd, const void* data, size_t size);
ssize_t __real_pwrite64(int fd, const void* data, size_t size, off_t at);
int __real_ftruncate64(int fd, off_t size);
int __real_rename(const char* from, const char* to);
int __real_unlink(const char* path);
int __real_mkdir(const char* path, mode_t mode);
void* __real_malloc(size_t size);
void* __real_realloc(void* memory, size_t size);
}
// NOLINTEND(bugprone-reserved-identifier)

namespace weir::vectors {
namespace {

constexpr size_t kSector = 512;

struct Change {
  bool truncates;
  size_t at;  // or the new size
  std::string bytes;
};
struct File {
  std::string durable;
  std::vector<Change> pending;
};
using Names = std::map<std::string, std::shared_ptr<File>>;

struct Disk {
  std::mutex mutex;
  std::string folder;  // empty: nothing is watched
  size_t calls = 0;
  size_t fail_at = ~size_t{0};
  int error = 0;
  FailingDisk::Failure how = FailingDisk::Failure::kOnce;
  Names now;
  Names durable;
  std::map<int, std::shared_ptr<File>> files;  // by descriptor
  std::map<int, std::string> folders;
  std::set<std::string> new_folders;  // whose names were not synced yet

  bool Watches(const std::string& path) const {
    return !folder.empty() && path.starts_with(folder) && !path.ends_with("-shm");
  }
  // Counts a call; true when it has to fail.
  bool Fails() {
    const size_t call = calls++;
    if (how == FailingDisk::Failure::kFromThenOn ? call < fail_at : call != fail_at) return false;
    errno = error;
    return true;
  }
  // The same for calls that happen as a whole or not at all.
  bool FailsWhole() {
    if (!Fails()) return false;
    DieIfKilled();
    return true;
  }
  void DieIfKilled() const {
    if (how == FailingDisk::Failure::kKilled) raise(SIGKILL);
  }
};

Disk& TheDisk() {
  static Disk disk;
  return disk;
}

int Open(const char* path, int flags, mode_t mode) {
  Disk& disk = TheDisk();
  const std::lock_guard lock(disk.mutex);
  const bool nameless = (flags & O_TMPFILE) == O_TMPFILE;
  if (nameless || !disk.Watches(path)) return __real_open64(path, flags, mode);
  const bool makes = (flags & O_CREAT) != 0 && !disk.now.contains(path);
  if ((makes || (flags & O_TRUNC) != 0) && disk.FailsWhole()) return -1;
  const int fd = __real_open64(path, flags, mode);
  if (fd < 0) return fd;
  struct stat status = {};
  if (fstat(fd, &status) == 0 && S_ISDIR(status.st_mode)) {
    disk.folders[fd] = path;
    return fd;
  }
  auto& file = disk.now[path];
  if (!file) file = std::make_shared<File>();
  if ((flags & O_TRUNC) != 0) file->pending.push_back({true, 0, {}});
  disk.files[fd] = file;
  return fd;
}

// What is written of it: half when the call fails.
template <class Write>
ssize_t WriteAt(int fd, const void* data, size_t size, off_t at, const Write& write) {
  Disk& disk = TheDisk();
  const std::lock_guard lock(disk.mutex);
  const auto file = disk.files.find(fd);
  if (file == disk.files.end()) return write(size);
  const bool fails = disk.Fails();
  const int error = errno;
  const ssize_t written = write(fails ? size / 2 : size);
  if (written > 0) {
    file->second->pending.push_back(
        {false, static_cast<size_t>(at),
         std::string(static_cast<const char*>(data), static_cast<size_t>(written))});
  }
  if (!fails) return written;
  disk.DieIfKilled();
  errno = error;
  return -1;
}

void Apply(const Change& change, std::string& content) {
  if (change.truncates) {
    content.resize(change.at);
    return;
  }
  if (content.size() < change.at + change.bytes.size()) {
    content.resize(change.at + change.bytes.size());
  }
  content.replace(change.at, change.bytes.size(), change.bytes);
}

// Of each change all, nothing or some sectors have reached the disk.
std::string AfterPowerCut(const File& file, std::mt19937& random) {
  std::string content = file.durable;
  for (const Change& change : file.pending) {
    const uint32_t fate = random() % 4;
    if (fate == 0) continue;
    if (change.truncates || fate == 1) {
      Apply(change, content);
      continue;
    }
    const size_t last = change.at + change.bytes.size();
    for (size_t from = change.at; from < last;) {
      const size_t to = std::min(last, (from / kSector + 1) * kSector);
      // Torn: the sectors up to one. Else some here, some there.
      const bool kept = fate == 2 ? random() % 8 != 0 : random() % 2 == 0;
      if (kept) Apply({false, from, change.bytes.substr(from - change.at, to - from)}, content);
      if (!kept && fate == 2) break;
      from = to;
    }
  }
  return content;
}

std::atomic<size_t> allocations = 0;
std::atomic<size_t> fails_at = ~size_t{0};

bool AllocationFails() { return allocations.fetch_add(1) == fails_at; }

// What these functions themselves ask for is no memory of the library's.
struct Unseen {
  Unseen() : before(here) { here = true; }
  Unseen(const Unseen&) = delete;
  Unseen& operator=(const Unseen&) = delete;
  ~Unseen() { here = before; }
  const bool before;
  static thread_local bool here;
};
thread_local bool Unseen::here = false;

std::atomic<size_t> news = 0;
std::atomic<size_t> new_fails_at = ~size_t{0};
std::atomic<int> inside = 0;
std::mutex stacks_mutex;
std::atomic<std::vector<uint64_t>*> kept_stacks = nullptr;

void KeepStack() {
  const Unseen unseen;
  constexpr int kFrames = 128;
  void* frames[kFrames];
  const int count = backtrace(frames, kFrames);
  Fnv1a hash;
  for (int i = 0; i < count; ++i) hash.Add(reinterpret_cast<uintptr_t>(frames[i]));
  const std::lock_guard lock(stacks_mutex);
  if (std::vector<uint64_t>* stacks = kept_stacks) stacks->push_back(hash.value());
}

}  // namespace

void FailingDisk::Watch(const std::filesystem::path& folder) {
  Disk& disk = TheDisk();
  const std::lock_guard lock(disk.mutex);
  disk.folder = folder.native();
  disk.calls = 0;
  disk.fail_at = ~size_t{0};
  disk.now.clear();
  disk.durable.clear();
  disk.files.clear();
  disk.folders.clear();
  disk.new_folders.clear();
}

void FailingDisk::Forget() { Watch({}); }

size_t FailingDisk::Calls() {
  const std::lock_guard lock(TheDisk().mutex);
  return TheDisk().calls;
}

void FailingDisk::FailAt(size_t call, int error, Failure how) {
  Disk& disk = TheDisk();
  const std::lock_guard lock(disk.mutex);
  disk.fail_at = call;
  disk.error = error;
  disk.how = how;
}

void FailingDisk::CutPower(uint32_t seed, const std::filesystem::path& to) {
  Disk& disk = TheDisk();
  const std::lock_guard lock(disk.mutex);
  std::mt19937 random(seed);
  std::set<std::string> names;
  for (const auto& [name, file] : disk.now) names.insert(name);
  for (const auto& [name, file] : disk.durable) names.insert(name);
  std::filesystem::create_directory(to);
  std::set<std::string> lost;
  for (const std::string& name : disk.new_folders) {
    if (random() % 2 == 0) lost.insert(name + "/");
  }
  for (const std::string& name : names) {
    if (std::ranges::any_of(lost, [&](const auto& path) { return name.starts_with(path); })) {
      continue;
    }
    const auto of = [&](const Names& all) {
      const auto at = all.find(name);
      return at == all.end() ? nullptr : at->second;
    };
    const auto file = random() % 2 == 0 ? of(disk.durable) : of(disk.now);
    if (!file) continue;
    const auto path = to / std::filesystem::relative(name, disk.folder);
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << AfterPowerCut(*file, random);
  }
}

FailingNew::Inside::Inside() { ++inside; }
FailingNew::Inside::~Inside() { --inside; }
size_t FailingNew::Calls() { return news; }
void FailingNew::FailAt(size_t call) {
  news = 0;
  new_fails_at = call;
}
void FailingNew::Forget() { FailAt(~size_t{0}); }

void FailingNew::KeepStacks(std::vector<uint64_t>* stacks) {
  const std::lock_guard lock(stacks_mutex);
  news = 0;
  kept_stacks = stacks;
}

bool NewFails() {
  if (inside == 0 || Unseen::here) return false;
  if (kept_stacks != nullptr) KeepStack();
  return news.fetch_add(1) == new_fails_at;
}

size_t FailingMemory::Calls() { return allocations; }
void FailingMemory::FailAt(size_t call) {
  allocations = 0;
  fails_at = call;
}
void FailingMemory::Forget() { FailAt(~size_t{0}); }

}  // namespace weir::vectors

using weir::vectors::TheDisk;

// NOLINTBEGIN(bugprone-reserved-identifier)
extern "C" {

int __wrap_open(const char* path, int flags, ...) {
  const weir::vectors::Unseen unseen;
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = va_arg(rest, mode_t);
  va_end(rest);
  return weir::vectors::Open(path, flags, mode);
}
int __wrap_open64(const char* path, int flags, ...) {
  const weir::vectors::Unseen unseen;
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = va_arg(rest, mode_t);
  va_end(rest);
  return weir::vectors::Open(path, flags, mode);
}

int __wrap_close(int fd) {
  const weir::vectors::Unseen unseen;
  {
    const std::lock_guard lock(TheDisk().mutex);
    TheDisk().files.erase(fd);
    TheDisk().folders.erase(fd);
  }
  return __real_close(fd);
}

ssize_t __wrap_write(int fd, const void* data, size_t size) {
  const weir::vectors::Unseen unseen;
  return weir::vectors::WriteAt(fd, data, size, lseek(fd, 0, SEEK_CUR),
                                [&](size_t part) { return __real_write(fd, data, part); });
}
ssize_t __wrap_pwrite64(int fd, const void* data, size_t size, off_t at) {
  const weir::vectors::Unseen unseen;
  return weir::vectors::WriteAt(fd, data, size, at,
                                [&](size_t part) { return __real_pwrite64(fd, data, part, at); });
}

int __wrap_mkdir(const char* path, mode_t mode) {
  const weir::vectors::Unseen unseen;
  auto& disk = TheDisk();
  const std::lock_guard lock(disk.mutex);
  if (!disk.Watches(path)) return __real_mkdir(path, mode);
  if (disk.FailsWhole()) return -1;
  const int done = __real_mkdir(path, mode);
  if (done == 0) disk.new_folders.insert(path);
  return done;
}

// The real disk is never waited for.
int __wrap_fsync(int fd) {
  const weir::vectors::Unseen unseen;
  auto& disk = TheDisk();
  const std::lock_guard lock(disk.mutex);
  const auto file = disk.files.find(fd);
  const auto folder = disk.folders.find(fd);
  if (file == disk.files.end() && folder == disk.folders.end()) return 0;
  if (disk.FailsWhole()) return -1;
  if (file != disk.files.end()) {
    for (const auto& change : file->second->pending) {
      weir::vectors::Apply(change, file->second->durable);
    }
    file->second->pending.clear();
    return 0;
  }
  const std::filesystem::path path = folder->second;
  const auto inside = [&](const auto& name) {
    return std::filesystem::path(name.first).parent_path() == path;
  };
  std::erase_if(disk.durable, inside);
  std::erase_if(disk.new_folders, [&](const std::string& name) {
    return std::filesystem::path(name).parent_path() == path;
  });
  for (const auto& name : disk.now) {
    if (inside(name)) disk.durable.insert(name);
  }
  return 0;
}

int __wrap_ftruncate64(int fd, off_t size) {
  const weir::vectors::Unseen unseen;
  auto& disk = TheDisk();
  const std::lock_guard lock(disk.mutex);
  const auto file = disk.files.find(fd);
  if (file == disk.files.end()) return __real_ftruncate64(fd, size);
  if (disk.FailsWhole()) return -1;
  file->second->pending.push_back({true, static_cast<size_t>(size), {}});
  return __real_ftruncate64(fd, size);
}

int __wrap_rename(const char* from, const char* to) {
  const weir::vectors::Unseen unseen;
  auto& disk = TheDisk();
  const std::lock_guard lock(disk.mutex);
  const auto file = disk.now.find(from);
  if (file == disk.now.end()) return __real_rename(from, to);
  if (disk.FailsWhole()) return -1;
  disk.now[to] = file->second;
  disk.now.erase(from);
  return __real_rename(from, to);
}

int __wrap_unlink(const char* path) {
  const weir::vectors::Unseen unseen;
  auto& disk = TheDisk();
  const std::lock_guard lock(disk.mutex);
  disk.now.erase(path);
  return __real_unlink(path);
}

void* __wrap_malloc(size_t size) {
  return weir::vectors::AllocationFails() ? nullptr : __real_malloc(size);
}
void* __wrap_realloc(void* memory, size_t size) {
  return weir::vectors::AllocationFails() ? nullptr : __real_realloc(memory, size);
}
}
// NOLINTEND(bugprone-reserved-identifier)

void* operator new(size_t size) {
  void* memory = weir::vectors::NewFails() ? nullptr : __real_malloc(size == 0 ? 1 : size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
void operator delete(void* memory) noexcept { free(memory); }
void operator delete(void* memory, size_t) noexcept { free(memory); }

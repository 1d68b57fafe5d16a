#include "files/content_folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "process/fd.h"

namespace weir::files {
namespace {

constexpr size_t kWriteAtOnce = size_t{8} << 20;
constexpr size_t kReadAtOnce = size_t{1} << 20;

// Paths and ids stay out of the words: they go to clients.
std::unexpected<Error> NotKept(int error) {
  if (error == ENOSPC || error == EDQUOT || error == EFBIG) {
    return Fail(Code::kUnavailable, "the disk is full: the file was not kept", {}, "storage_full");
  }
  return Fail(Code::kUnavailable, "the file could not be written", {}, "storage_io");
}

int WriteAll(int fd, std::string_view content) {
  while (!content.empty()) {
    const ssize_t written =
        write(fd, content.data(), std::min<size_t>(content.size(), kWriteAtOnce));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return written < 0 ? errno : EIO;
    content.remove_prefix(static_cast<size_t>(written));
  }
  return 0;
}

}  // namespace

Result<ContentFolder> ContentFolder::Open(std::filesystem::path folder) {
  if (mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
    return Fail(Code::kUnavailable, "the folder of files cannot be made", {}, "storage_io");
  return ContentFolder(std::move(folder));
}

Result<void> ContentFolder::Keep(const std::string& id, const std::function<int(int fd)>& write) {
  const std::string path = (folder_ / id).string();
  const std::string aside = path + ".part";
  int error = 0;
  {
    const Fd file(open(aside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file.valid()) return NotKept(errno);
    error = write(file.get());
    if (error == 0 && fsync(file.get()) != 0) error = errno;
  }
  if (error == 0 && rename(aside.c_str(), path.c_str()) != 0) error = errno;
  if (error != 0) {
    unlink(aside.c_str());
    return NotKept(error);
  }
  return Sync();
}

Result<void> ContentFolder::Put(const std::string& id, std::string_view content) {
  return Keep(id, [&](int fd) { return WriteAll(fd, content); });
}

Result<void> ContentFolder::Join(const std::string& id, std::span<const std::string> ids,
                                 const std::function<void(std::string_view piece)>& take) {
  return Keep(id, [&](int fd) {
    std::string buffer(kReadAtOnce, '\0');
    for (const std::string& from : ids) {
      const Fd file(open((folder_ / from).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
      if (!file.valid()) return errno;
      for (;;) {
        const ssize_t got = read(file.get(), buffer.data(), buffer.size());
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return errno;
        if (got == 0) break;
        const std::string_view piece(buffer.data(), static_cast<size_t>(got));
        take(piece);
        if (const int error = WriteAll(fd, piece); error != 0) return error;
      }
    }
    return 0;
  });
}

Result<std::string> ContentFolder::Read(const std::string& id, int64_t offset,
                                        int64_t bytes) const {
  const auto unreadable = [] {
    return Fail(Code::kUnavailable, "the file's content cannot be read", {}, "storage_io");
  };
  const Fd file(open((folder_ / id).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!file.valid()) return unreadable();
  std::string content(static_cast<size_t>(bytes), '\0');
  size_t filled = 0;
  while (filled < content.size()) {
    const ssize_t got = pread(file.get(), content.data() + filled, content.size() - filled,
                              offset + static_cast<off_t>(filled));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return unreadable();
    filled += static_cast<size_t>(got);
  }
  return content;
}

Result<void> ContentFolder::Remove(std::span<const std::string> ids) {
  for (const std::string& id : ids) {
    if (unlink((folder_ / id).c_str()) != 0 && errno != ENOENT)
      return Fail(Code::kUnavailable, "the file's content could not be removed", {}, "storage_io");
  }
  return Sync();
}

void ContentFolder::Sweep(const std::function<bool(const std::string& id)>& known) {
  std::error_code error;
  std::filesystem::directory_iterator all(folder_, error);
  for (; !error && all != std::filesystem::directory_iterator(); all.increment(error)) {
    const std::filesystem::path path = all->path();
    if (known(path.filename().string())) continue;
    std::error_code ignored;
    std::filesystem::remove(path, ignored);
  }
}

Result<void> ContentFolder::Sync() const {
  const Fd folder(open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.valid() || fsync(folder.get()) != 0) return NotKept(errno);
  return {};
}

}  // namespace weir::files

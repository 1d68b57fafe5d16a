#include "models/folder.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>

namespace weir::models {
namespace {

constexpr char kSlashInFolders = '+';  // in no name

}  // namespace

Fd OpenBelow(int folder, const char* name, int flags) {
  const int mode = S_IRUSR | S_IWUSR | S_IRGRP | S_IROTH;
  return Fd(openat(folder, name, O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | flags, mode));
}

Fd OpenFolder(int parent, const char* name) { return OpenBelow(parent, name, O_DIRECTORY); }

Fd OpenRoot(const std::string& root) {
  return Fd(open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

std::optional<uint64_t> FileSize(const Fd& fd) {
  struct stat status{};
  if (!fd.valid() || fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
  return static_cast<uint64_t>(status.st_size);
}

Result<std::string> ReadSmallFile(const Fd& fd, size_t bytes_max) {
  const auto size = FileSize(fd);
  if (!size || *size > bytes_max) {
    return Fail(Code::kUnavailable,
                fmt::format("not a regular file of at most {} bytes", bytes_max));
  }
  std::string text(static_cast<size_t>(*size), '\0');
  const ssize_t got = pread(fd.get(), text.data(), text.size(), 0);
  if (got < 0 || static_cast<size_t>(got) != text.size())
    return Fail(Code::kUnavailable, "it cannot be read");
  return text;
}

bool RemoveFlatFolder(int parent, const std::string& name, int folder, const std::string& last) {
  constexpr size_t kFilesMax = 1000;
  Folder files(OpenFolder(folder, "."));
  if (!files.valid()) return false;
  for (const std::string& file : files.Names(kFilesMax, true)) {
    if (file != last) unlinkat(folder, file.c_str(), 0);
  }
  unlinkat(folder, last.c_str(), 0);
  return unlinkat(parent, name.c_str(), AT_REMOVEDIR) == 0;
}

std::string FolderOf(std::string_view model) {
  std::string folder(model);
  std::ranges::replace(folder, '/', kSlashInFolders);
  return folder;
}

std::string ModelInFolder(std::string_view folder) {
  std::string model(folder);
  std::ranges::replace(model, kSlashInFolders, '/');
  return model;
}

Folder::Folder(Fd fd) : stream_(fd.valid() ? fdopendir(fd.get()) : nullptr) {
  if (stream_) fd.Release();  // closedir closes it
}

std::vector<std::string> Folder::Names(size_t max, bool hidden) {
  std::vector<std::string> names;
  while (const dirent* entry = readdir(stream_.get())) {
    const std::string_view name = entry->d_name;
    if (name == "." || name == ".." || (!hidden && name.starts_with('.'))) continue;
    if (names.size() < max) names.emplace_back(name);
  }
  std::ranges::sort(names);
  return names;
}

}  // namespace weir::models

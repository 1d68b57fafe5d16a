#include "cli/document_walk.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "cli/git.h"
#include "knowledge/document_kind.h"

namespace weir::cli {
namespace {

namespace fs = std::filesystem;

constexpr int kFolderDepthMax = 64;

Error Unreadable(const fs::path& path, const std::error_code& why) {
  return {Code::kNotFound, fmt::format("{} cannot be read: {}; name a file or a folder",
                                       path.string(), why.message())};
}

void TakeFile(std::string name, const fs::path& path, DocumentWalk& walk) {
  if (!knowledge::IsDocumentName(path.filename().string())) {
    ++walk.skipped;
  } else if (walk.documents.size() < kWalkFilesMax) {
    walk.documents.push_back({.name = std::move(name), .path = path});
  }
}

void WalkFolder(const fs::path& folder, const std::string& prefix, int depth, DocumentWalk& walk) {
  std::error_code error;
  std::vector<fs::directory_entry> entries;
  for (auto it = fs::directory_iterator(folder, error); !error && it != fs::directory_iterator();
       it.increment(error)) {
    entries.push_back(*it);
  }
  if (error) {
    walk.error = Unreadable(folder, error);
    return;
  }
  walk.folders.insert(folder);
  std::ranges::sort(entries);
  for (const fs::directory_entry& entry : entries) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with('.') || entry.is_symlink(error) || walk.error) continue;
    if (entry.is_directory(error)) {
      if (depth < kFolderDepthMax) WalkFolder(entry.path(), prefix + name + "/", depth + 1, walk);
    } else if (entry.is_regular_file(error)) {
      TakeFile(prefix + name, entry.path(), walk);
    }
  }
}

bool HasHiddenPart(const fs::path& path) {
  return std::ranges::any_of(path,
                             [](const fs::path& part) { return part.native().starts_with('.'); });
}

// Folders are told with their parents, each once: git names files alone.
void TakeFolders(const fs::path& top, const fs::path& file, DocumentWalk& walk) {
  for (fs::path folder = file.parent_path(); folder != top; folder = folder.parent_path()) {
    if (!walk.folders.insert(folder).second) return;
  }
}

void WalkRepository(const fs::path& folder, const std::string& prefix, DocumentWalk& walk) {
  const auto files = FilesOfRepository(folder);
  if (!files) {
    walk.error = files.error();
    return;
  }
  walk.folders.insert(folder);
  for (const std::string& file : *files) {
    const fs::path path = folder / file;
    std::error_code error;
    // What was removed, and not yet for git, is still listed; a submodule is a folder.
    const fs::file_status status = fs::symlink_status(path, error);
    if (HasHiddenPart(file) || !fs::is_regular_file(status)) continue;
    TakeFolders(folder, path, walk);
    TakeFile(prefix + file, path, walk);
  }
}

// "papers" for ~/papers, ~/papers/ and ~/papers/.
std::string FolderName(const fs::path& path) {
  std::error_code error;
  fs::path whole = fs::absolute(path, error).lexically_normal();
  if (!whole.has_filename()) whole = whole.parent_path();
  return whole.filename().string();
}

void WalkLocal(const fs::path& path, bool no_ignore, DocumentWalk& walk) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status)) {
    walk.error = Unreadable(path, std::make_error_code(std::errc::no_such_file_or_directory));
    return;
  }
  if (!fs::is_directory(status)) {
    const fs::path whole = fs::absolute(path, error).lexically_normal();
    const std::string parent = FolderName(whole.parent_path());
    const std::string name = whole.filename().string();
    walk.documents.push_back(
        {.name = parent.empty() ? name : fmt::format("{}/{}", parent, name), .path = path});
    return;
  }
  walk.roots.push_back(FolderName(path) + "/");
  if (!no_ignore && IsRepository(path)) {
    WalkRepository(path, walk.roots.back(), walk);
  } else {
    WalkFolder(path, walk.roots.back(), 0, walk);
  }
}

}  // namespace

bool IsPageAddress(std::string_view path) {
  return (path.starts_with("https://") || path.starts_with("http://")) &&
         !IsRepositoryAddress(path);
}

bool IsLocal(const std::string& path) {
  std::error_code error;
  return path != "-" && !IsPageAddress(path) &&
         (!IsRepositoryAddress(path) || fs::exists(path, error));
}

DocumentWalk WalkDocuments(const IngestOptions& options, const fs::path& cache) {
  DocumentWalk walk;
  for (const std::string& given : options.paths) {
    if (given == "-") {
      walk.documents.push_back({.name = options.name.empty() ? "standard input" : options.name});
    } else if (IsPageAddress(given)) {
      walk.documents.push_back({.name = given, .url = given});
    } else if (IsLocal(given)) {
      WalkLocal(given, options.no_ignore, walk);
    } else if (auto mirror = MirrorRepository(given, cache / "git")) {
      WalkLocal(*mirror, options.no_ignore, walk);
    } else {
      walk.error = mirror.error();
    }
    if (walk.error) break;
  }
  return walk;
}

}  // namespace weir::cli

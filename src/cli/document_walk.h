// Which documents the arguments of `weir ingest` mean: files, folders with all below, repositories,
// web pages, standard input.
#pragma once

#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/options.h"

namespace weir::cli {

inline constexpr size_t kWalkFilesMax = 1'000'000;

struct FoundDocument {
  std::string name = {};            // "papers/tides.md"
  std::filesystem::path path = {};  // empty: standard input, or a page
  std::string url = {};             // of a web page
};

struct DocumentWalk {
  std::vector<FoundDocument> documents = {};
  std::vector<std::string> roots = {};           // "papers/": what --prune looks at
  std::set<std::filesystem::path> folders = {};  // all that were looked into
  size_t skipped = 0;                            // of no kind that can be read
  std::optional<Error> error = {};               // ends it
};

// Hidden files and links are left out: a folder may hold keys of programs, and links lead
// elsewhere. Of a repository, what git ignores is left out too, unless options.no_ignore.
// `cache` is where repositories from elsewhere are kept.
DocumentWalk WalkDocuments(const IngestOptions& options, const std::filesystem::path& cache);

// Whether it lies in a folder here, so that it can be watched: no address, no standard input.
bool IsLocal(const std::string& path);

// Whether it is the address of a web page.
bool IsPageAddress(std::string_view path);

}  // namespace weir::cli

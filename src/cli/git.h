// Git repositories as folders of documents, by the machine's own `git`. What a repository's own
// configuration may make git run is switched off.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace weir::cli {

// "https://host/owner/name.git", "git+https://...", "ssh://...", "git@host:owner/name.git".
bool IsRepositoryAddress(std::string_view text);
// "name" for .../name.git
std::string RepositoryName(std::string_view address);

// Whether `folder` is a repository's top folder, and git is there to ask.
bool IsRepository(const std::filesystem::path& folder);

// What git tracks, and what it would (not ignored), as paths below `folder`, in the order of names.
Result<std::vector<std::string>> FilesOfRepository(const std::filesystem::path& folder);

// The newest commit of the repository's main branch in a folder below `cache`, which is made or
// brought up to date; no history. kUnavailable with git's own complaint.
Result<std::filesystem::path> MirrorRepository(std::string_view address,
                                               const std::filesystem::path& cache);

}  // namespace weir::cli

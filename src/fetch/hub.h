// Hugging Face (or what HF_ENDPOINT names): which files of a repository a reference means. The
// answer of its API is read, the file itself is transfer.h's business.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "fetch/reference.h"
#include "http/download.h"

namespace weir::fetch {

inline constexpr size_t kHubAnswerBytesMax = size_t{16} << 20;
inline constexpr size_t kHubFilesMax = 20'000;
inline constexpr size_t kHubPartsMax = 256;

struct HubFile {
  std::string path;
  uint64_t size = 0;   // 0: not said
  std::string sha256;  // empty: the file is not large enough for the hub to say one
};

struct HubChoice {
  std::string revision;  // a commit
  std::string licence;   // as the repository's card has it, or empty
  std::string quantisation;
  std::vector<HubFile> files;             // one, or the parts of a split model in order
  std::optional<HubFile> projector = {};  // of a repository that has one ("mmproj")
};

// `answer` is what api/models/REPOSITORY/revision/main?blobs=true gave. `choice` is a path, a
// quantisation, or empty: then the only GGUF file, or the usual quantisation (Q4_K_M first).
// kNotFound names what there is. Paths that are no repository paths are left out.
Result<HubChoice> ChooseFiles(std::string_view answer, std::string_view choice);

Result<HubChoice> AskHub(http::Downloads& downloads, const std::string& hub,
                         const std::string& token, const FromHub& from);

std::string HubFileUrl(const std::string& hub, std::string_view repository,
                       std::string_view revision, std::string_view path);

}  // namespace weir::fetch

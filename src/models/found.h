// Models that lie on this machine already, in the folders of Hugging Face's libraries, of Ollama
// and of LM Studio: found, listed and used where they are, never changed and never copied.
//
//   Hugging Face   $HF_HUB_CACHE, $HF_HOME/hub, ~/.cache/huggingface/hub
//                  models--OWNER--REPO/snapshots/REVISION/FILE.gguf
//   Ollama         $OLLAMA_MODELS, ~/.ollama/models
//                  manifests/HOST/NAMESPACE/NAME/TAG, blobs/sha256-HEX
//   LM Studio      ~/.lmstudio/models, ~/.cache/lm-studio/models: OWNER/REPO/FILE.gguf
//
// Those folders hold symbolic links, so links are followed here, but only to files of the same
// folder. What is found is no more trusted than a download: it passes the inspector before an
// engine opens it. Parts of split models, adapters and projectors are left out.
//
// Reads the file system; any thread. Bounds: kFoundMax models, kFoundFoldersMax folders looked
// into.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "models/manifest.h"

namespace weir::models {

inline constexpr size_t kFoundMax = 2000;
inline constexpr size_t kFoundFoldersMax = 20'000;

struct Places {
  std::vector<std::string> hub;
  std::vector<std::string> ollama;
  std::vector<std::string> lm_studio;

  // As this user's environment has them. `variable` gives nothing where there is none.
  static Places Of(const std::function<std::optional<std::string>(const char*)>& variable);
  // Those that are there.
  std::vector<std::string> Folders() const;
};

// By name; of two that would be called the same, the first. `path` is set, `source` says which
// program's it is.
std::vector<Manifest> FindModels(const Places& places);

// What a file is called: the name without its quantisation, the quantisation as tag.
Name NameOfFile(const std::string& file);

}  // namespace weir::models

// Whether what somebody calls a model is a file's path: a name may have a slash too ("me/small").
#pragma once

#include <string_view>

namespace weir::cli {

inline bool IsModelPath(std::string_view text) {
  return text.starts_with('/') || text.starts_with("./") || text.starts_with("../") ||
         text.starts_with("~/") || text.ends_with(".gguf");
}

}  // namespace weir::cli

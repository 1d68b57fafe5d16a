#include "engine/check_tokens.h"

#include <fmt/core.h>

#include <string>

namespace weir::engine {

Result<void> CheckTokens(const llama::Vocabulary& vocabulary, const std::vector<int32_t>& tokens,
                         std::string_view param) {
  for (const int32_t token : tokens) {
    if (!vocabulary.Contains(token)) {
      return Fail(Code::kInvalidArgument,
                  fmt::format("{} is no token id of this model; ids lie between 0 and {}", token,
                              vocabulary.size() - 1),
                  std::string(param));
    }
  }
  return {};
}

}  // namespace weir::engine

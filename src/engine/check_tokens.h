// Token ids out of a request, before they are used as such.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "llama/model.h"

namespace weir::engine {

// kInvalidArgument names `param` and the first that the vocabulary does not have.
Result<void> CheckTokens(const llama::Vocabulary& vocabulary, const std::vector<int32_t>& tokens,
                         std::string_view param);

}  // namespace weir::engine

// ContextSettings in libllama's words. Private to this folder.
#pragma once

#include <llama.h>

#include "llama/context.h"

namespace weir::llama {

llama_context_params ParamsOf(const ContextSettings& settings);

}  // namespace weir::llama

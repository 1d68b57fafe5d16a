// An Error in Ollama's shape: {"error": "words"}; "code" (the error's reason) and "param" are ours.
#pragma once

#include <string>

#include "base/result.h"

namespace weir::ollama {

std::string RenderError(const Error& error);

}  // namespace weir::ollama

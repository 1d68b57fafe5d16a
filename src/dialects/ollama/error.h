// An Error in Ollama's shape: {"error": "words"}; "code" (the error's reason) and "param" are ours.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace weir::ollama {

// What the router, the engine and providers call a field, as Ollama's clients do.
std::string FieldOf(std::string_view param);

// The same of /api/generate, whose prompt is the message of a chat.
std::string FieldOfGenerate(std::string_view param);

std::string RenderError(const Error& error);

}  // namespace weir::ollama

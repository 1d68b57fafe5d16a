// An Error in the shape of OpenAI's, as llama-server has it, with the fields of llama-server's own
// routes.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace weir::llamacpp {

// What the router, the engine and providers call a field, as clients of llama-server do.
std::string FieldOf(std::string_view param);

std::string RenderError(const Error& error);

}  // namespace weir::llamacpp

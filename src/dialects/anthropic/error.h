// An Error in Anthropic's shape: {"type":"error","error":{"type","message","code","param"},
// "request_id"}. `code` (the error's reason) and `param` are ours; Anthropic's clients skip them.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace weir::anthropic {

// "invalid_request_error", "overloaded_error", ...
std::string_view ErrorType(Code code);

std::string RenderError(const Error& error, std::string_view request_id = {});

}  // namespace weir::anthropic

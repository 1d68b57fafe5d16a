// An Error in OpenAI's shape: {"error":{"message","type","param","code"}}. One place for the type
// words.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace weir::openai {

// "invalid_request_error", "authentication_error", ...
std::string_view ErrorType(Code code);

// The whole body of a failed answer. `code` is the error's reason, or its code's name where it has
// none.
std::string RenderError(const Error& error);

}  // namespace weir::openai

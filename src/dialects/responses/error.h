// Errors of the Responses API: OpenAI's shape, with the fields as a request of this API names them.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace weir::responses {

// What is behind a dialect names the fields of a chat ("tools[0].function.parameters"); here they
// are called otherwise ("tools[0].parameters").
std::string FieldOf(std::string_view param);

std::string RenderError(const Error& error);

}  // namespace weir::responses

// Requests as text that a person can read and a test can compare: a line for each thing that
// differs from the default. Not a format: nothing reads it back. It holds prompt text, so it never
// goes into logs or errors.
#pragma once

#include <string>

#include "chat/request.h"

namespace weir::chat {

std::string Dump(const GenerateRequest& request);
std::string Dump(const EmbedRequest& request);

}  // namespace weir::chat

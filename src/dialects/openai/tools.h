// The tools of a chat request, the choice among them, and their older form (functions). Errors go
// to the Fields' Problem.
#pragma once

#include "dialects/openai/request.h"
#include "json/fields.h"

namespace weir::openai {

void ReadTools(json::Fields& fields, GenerateCall& call);

}  // namespace weir::openai

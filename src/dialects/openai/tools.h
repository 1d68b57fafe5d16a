// The tools of a chat request, the choice among them, and their older form (functions). Errors go
// to the Fields' Problem.
#pragma once

#include "dialects/openai/request.h"
#include "json/fields.h"

namespace weir::openai {

void ReadTools(json::Fields& fields, GenerateCall& call);

// One function: its name, description, parameters, strict. `earlier` are those before it, whose
// names are taken.
chat::Tool ReadFunction(json::Fields& function, const std::vector<chat::Tool>& earlier);
bool Offers(const std::vector<chat::Tool>& tools, std::string_view name);

inline constexpr size_t kToolsMax = 128;
inline constexpr size_t kToolNameMax = 128;

}  // namespace weir::openai

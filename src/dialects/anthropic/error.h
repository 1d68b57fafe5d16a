// An Error in Anthropic's shape: {"type":"error","error":{"type","message","code","param"},
// "request_id"}. `code` (the error's reason) and `param` are ours; Anthropic's clients skip them.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace weir::anthropic {

// "invalid_request_error", "overloaded_error", ...
std::string_view ErrorType(Code code);

// What the router, the engine and providers call a field, as Anthropic's clients do. Messages keep
// their path, whose numbers are those of the canonical form.
std::string FieldOf(std::string_view param);

// Which of the client's messages one of the canonical request is.
struct Origin {
  int message = -1;         // -1: the system text
  bool same_parts = false;  // its parts are the client's blocks, in their order
};
// `param` with the number that the client's message has.
std::string FieldIn(std::span<const Origin> origins, std::string_view param);

std::string RenderError(const Error& error, std::string_view request_id = {});

}  // namespace weir::anthropic

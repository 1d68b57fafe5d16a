// The envelope of every answer of Qdrant's API, and its errors.
#pragma once

#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace weir::qdrant {

// The version that clients compare themselves with: the one whose API is spoken here.
inline constexpr std::string_view kVersion = "1.19.0";

// `result` is JSON text.
std::string Envelope(std::string_view result, Duration took);
std::string RenderError(const Error& error);
// GET /: `version` is this server's own.
std::string RenderVersion(std::string_view version);

}  // namespace weir::qdrant

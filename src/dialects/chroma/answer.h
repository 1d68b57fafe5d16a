// Errors of Chroma's API: a word that its clients know, and a sentence.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace weir::chroma {

// The version whose API is spoken here.
inline constexpr std::string_view kVersion = "1.5.9";

std::string RenderError(const Error& error);

}  // namespace weir::chroma

// What models are called that come from somewhere else, made of the names of their files. Pure.
#pragma once

#include <string>
#include <string_view>

#include "models/name.h"

namespace weir::models {

// What a model is called in the store when nobody says: of the file or repository's name, with the
// quantisation as tag ("qwen2.5-coder-0.5b-instruct:q4_k_m").
Name NameFor(std::string_view file_or_repository, std::string_view quantisation);
// The quantisation in a file's name ("model-Q4_K_M.gguf", also of a part of several): "Q4_K_M", or
// empty.
std::string QuantisationIn(std::string_view file);
}  // namespace weir::models

// The defaults that a model may bring: Ollama's PARAMETER names, those of them that our engine
// honours, and min_dimensions of our own, with their ranges. Also which of Ollama's names have no
// meaning here. Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "json/value.h"
#include "models/manifest.h"

namespace weir::models {

// "temperature", "num_ctx", "stop", ...
bool IsParameter(std::string_view name);
// Ollama's names that say how its own runner works ("num_gpu", "mirostat"'s friends are not among
// them): accepted and dropped with a note by `weir create`.
bool IsForeignParameter(std::string_view name);

// `value` held against the type and range of `name`; as text for a manifest. kInvalidArgument.
Result<Parameter> CheckParameter(std::string_view name, const json::Value& value);
// The same of a word as a Modelfile has it ("0.7", "true", "<|im_end|>"). A stop is one string.
Result<Parameter> CheckParameterText(std::string_view name, std::string_view text);
// `stop` may be there several times: the values are joined. Others replace what was there.
void PutParameter(std::vector<Parameter>& all, Parameter parameter);

}  // namespace weir::models

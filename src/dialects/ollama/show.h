// What Ollama's clients are shown of a model: its words, and what its file says of itself. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dialects/ollama/answer.h"
#include "gguf/description.h"
#include "json/writer.h"
#include "models/manifest.h"

namespace weir::ollama {

struct ModelFacts {
  ModelEntry entry = {};
  std::vector<std::string> capabilities = {};  // "completion", "tools", "vision", "embedding"
  std::string name = {};                       // of the model of this machine; empty: none
  models::Manifest manifest = {};
  gguf::Description file = {};
};
std::string RenderShow(const ModelFacts& facts);

// 134515008 is "134.52M" there.
std::string ParameterSize(uint64_t parameters);

// "details", in every list of models.
void WriteDetails(json::Writer& writer, const ModelEntry& model);

}  // namespace weir::ollama

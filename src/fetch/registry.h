// Ollama's registry (or what stands for it): the manifest of a tag, and its small layers, which say
// how the model wants to be run. The weights are transfer.h's business.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "fetch/reference.h"
#include "http/download.h"
#include "models/manifest.h"

namespace weir::fetch {

struct Layer {
  std::string sha256;
  uint64_t size = 0;
};

struct RegistryManifest {
  std::string digest;  // of the manifest itself, as a revision
  Layer model;
  std::vector<Layer> templates;  // Ollama's Go dialect
  std::vector<Layer> systems;
  std::vector<Layer> parameters;
  std::vector<Layer> licences;
  std::vector<Layer> adapters = {};
  std::optional<Layer> projector = {};
};

// Digests by a strict grammar: sha256 and 64 lower case digits. kUnprocessable when there is no
// model in it, or more than one.
Result<RegistryManifest> ParseRegistryManifest(std::string_view json);

// Ollama's "params" layer: an object of option names. Names that are none of our parameters are
// left out.
Result<std::vector<models::Parameter>> ParseRegistryParameters(std::string_view json);

Result<RegistryManifest> AskRegistry(http::Downloads& downloads, const std::string& registry,
                                     const FromRegistry& from);
// A small layer, its bytes held against its digest.
Result<std::string> FetchLayer(http::Downloads& downloads, const std::string& registry,
                               const FromRegistry& from, const Layer& layer);
std::string LayerUrl(const std::string& registry, const FromRegistry& from, const Layer& layer);

}  // namespace weir::fetch

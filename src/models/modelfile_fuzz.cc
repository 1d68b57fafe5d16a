// Whatever a Modelfile says: what was accepted fits a manifest, and the manifest reads back.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "models/modelfile.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace weir;
  const auto file = models::ParseModelfile({reinterpret_cast<const char*>(data), size});
  if (!file) return 0;
  CHECK(!file->from.empty(), "a Modelfile has a FROM");
  models::Manifest manifest{*models::ParseName("a:b"), "gguf", std::string(64, 'a'), 1, "", "", ""};
  manifest.parameters = file->parameters;
  manifest.turns = file->turns;
  const auto again = models::ParseManifest(models::PrintManifest(manifest));
  CHECK(!again || again->parameters == manifest.parameters, "parameters survive");
  return 0;
}

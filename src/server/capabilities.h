// What a model does, in the words that Ollama's clients know and one of ours: "completion",
// "embedding", "transcription", ...
#pragma once

#include <string>
#include <vector>

#include "routing/router.h"

namespace weir::server {

std::vector<std::string> CapabilitiesOf(const routing::Policy& policy, const std::string& name);
// Whether images go to it, or to one of the targets that it stands for.
bool SeesImages(const routing::Policy& policy, const std::string& name);

}  // namespace weir::server

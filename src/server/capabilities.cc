#include "server/capabilities.h"

#include <algorithm>

namespace weir::server {

std::vector<std::string> CapabilitiesOf(const routing::Policy& policy, const std::string& name) {
  std::vector<std::string> out;
  const auto several = routing::Resolve(policy, name);
  if (!several) return {"completion"};
  // A request goes to one of them that has what it needs.
  const auto any = [&](const char* capability, const auto& has) {
    if (std::ranges::any_of(several->targets, has)) out.emplace_back(capability);
  };
  using Target = routing::Target;
  any("completion", [](const Target* one) { return one->generates; });
  any("tools", [](const Target* one) { return one->tools; });
  any("vision", [](const Target* one) { return one->vision; });
  any("embedding", [](const Target* one) { return one->embeds && !one->generates; });
  any("rerank", [](const Target* one) { return one->ranks; });
  any("transcription", [](const Target* one) { return one->transcribes; });
  return out;
}

bool SeesImages(const routing::Policy& policy, const std::string& name) {
  const auto several = routing::Resolve(policy, name);
  return several && std::ranges::any_of(several->targets, &routing::Target::vision);
}

}  // namespace weir::server

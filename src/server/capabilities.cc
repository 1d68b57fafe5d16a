#include "server/capabilities.h"

#include <algorithm>

namespace weir::server {

std::vector<std::string> CapabilitiesOf(const routing::Policy& policy, const std::string& name) {
  std::vector<std::string> out;
  const auto target = std::ranges::find(policy.targets, name, &routing::Target::name);
  if (target == policy.targets.end()) {  // a name for several targets
    const auto several = routing::Resolve(policy, name);
    const auto hears = [](const routing::Target* one) {
      return one->transcribes && !one->generates;
    };
    const bool speech =
        several && !several->targets.empty() && std::ranges::all_of(several->targets, hears);
    return {speech ? "transcription" : "completion"};
  }
  if (target->generates) out.push_back("completion");
  if (target->tools) out.push_back("tools");
  if (target->vision) out.push_back("vision");
  if (target->embeds && !target->generates) out.push_back("embedding");
  if (target->ranks) out.push_back("rerank");
  if (target->transcribes) out.push_back("transcription");
  return out;
}

}  // namespace weir::server

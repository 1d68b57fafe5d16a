#include "gateway/goal.h"

#include <fmt/core.h>

#include <algorithm>

#include "routing/prediction.h"

namespace weir::gateway {
namespace {

bool IsCloud(const routing::Target& target) { return target.tier == routing::Tier::kCloud; }

// The last turn of the user, or what is to be completed.
std::string_view Question(const chat::GenerateRequest& request) {
  for (auto message = request.messages.rbegin(); message != request.messages.rend(); ++message) {
    if (message->role != chat::Role::kUser) continue;
    for (const chat::Part& part : message->parts) {
      if (part.kind == chat::Part::Kind::kText) return part.text;
    }
  }
  return request.prompts.empty() ? std::string_view() : std::string_view(request.prompts[0].text);
}

bool InToolLoop(const chat::GenerateRequest& request) {
  return !request.messages.empty() && request.messages.back().role == chat::Role::kTool;
}

std::vector<routing::Target> InOrder(const std::vector<routing::Target>& targets,
                                     bool cloud_first) {
  std::vector<routing::Target> ordered;
  for (const bool cloud : {cloud_first, !cloud_first}) {
    for (const routing::Target& target : targets) {
      if (IsCloud(target) == cloud) ordered.push_back(target);
    }
  }
  return ordered;
}

double Share(int32_t chance) { return chance / double{routing::kCertain}; }

}  // namespace

void FollowGoal(Gateway& gateway, const chat::GenerateRequest& request,
                routing::Decision& decision) {
  if (!decision.goal.any()) return;
  const auto clouds = std::ranges::count_if(decision.eligible, IsCloud);
  const bool chooses = clouds > 0 && clouds < std::ssize(decision.eligible);
  if (chooses && InToolLoop(request)) {
    decision.explanation.push_back("goal: an open loop of tools is not moved");
    return;
  }
  const routing::Prediction predicted = gateway.predictor->Predict(Question(request));
  bool up = clouds > 0 && !chooses;
  std::string why =
      fmt::format("goal: predicted right {:.2f} below the cloud, and {:.2f} to gain in it",
                  Share(predicted.small_right), Share(predicted.gain));
  if (decision.goal.quality_min && chooses) {
    up = predicted.small_right < *decision.goal.quality_min && predicted.gain > 0;
    why += fmt::format("; {:.2f} is wanted", Share(*decision.goal.quality_min));
  }
  if (decision.goal.cloud_share_max) {
    auto& keeper =
        gateway.shares.try_emplace(decision.asked, *decision.goal.cloud_share_max).first->second;
    if (keeper.share_max() != *decision.goal.cloud_share_max)
      keeper = routing::ShareKeeper(*decision.goal.cloud_share_max);
    const int32_t threshold = keeper.Threshold(*gateway.predictor);
    if (chooses) {
      up = predicted.gain > 0 && predicted.gain >= threshold && keeper.HasRoom();
      why += fmt::format("; a gain of {:.2f} goes up while the share of {:.2f} has room",
                         Share(threshold), Share(*decision.goal.cloud_share_max));
    }
    keeper.Decided(predicted.gain, up);
  }
  decision.explanation.push_back(why + (up ? ": cloud first" : ": cloud last"));
  if (chooses) decision.eligible = InOrder(decision.eligible, up);
  decision.explanation.push_back(fmt::format("chosen: {}", decision.chosen().name));
}

}  // namespace weir::gateway

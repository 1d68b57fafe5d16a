// Whatever stands in a prompt, a policy or a file of weights: the features of a prompt are sorted
// and in range and the same twice; a decision never has a target whose ceiling is below the label,
// or that fails a filter, whatever the policy is; arranging loses nobody; a refit that parses maps
// every chance into range and never falls.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "routing/arrange.h"
#include "routing/policy_hash.h"
#include "routing/prompt_features.h"
#include "routing/router.h"

namespace weir::routing {
namespace {

// Small numbers and short names out of the input, zeros when it is used up.
class Input {
 public:
  Input(const uint8_t* data, size_t size) : data_(data), size_(size) {}
  uint32_t Below(uint32_t bound) {
    if (size_ == 0) return 0;
    --size_;
    return *data_++ % bound;
  }
  bool Flag() { return Below(2) == 1; }
  std::string Name() { return std::string(1, static_cast<char>('a' + Below(6))); }
  std::string_view Rest() const { return {reinterpret_cast<const char*>(data_), size_}; }

 private:
  const uint8_t* data_;
  size_t size_;
};

Policy AnyPolicy(Input& input) {
  Policy policy;
  const auto has = [&policy](const std::string& name) {
    return std::ranges::find(policy.targets, name, &Target::name) != policy.targets.end() ||
           std::ranges::find(policy.virtuals, name, &VirtualModel::name) != policy.virtuals.end();
  };
  for (uint32_t left = input.Below(6); left > 0; --left) {
    Target target{.name = input.Name(), .tier = static_cast<Tier>(input.Below(3))};
    target.ceiling = static_cast<chat::Label>(input.Below(4));
    target.vision = input.Flag();
    target.tools = input.Flag();
    target.beyond = input.Flag();
    target.online = input.Below(4) != 0;
    if (input.Flag()) target.context_tokens = input.Below(64);
    if (!has(target.name)) policy.targets.push_back(std::move(target));
  }
  for (uint32_t left = input.Below(4); left > 0; --left) {
    VirtualModel model{.name = input.Name(), .tier_max = static_cast<Tier>(input.Below(3))};
    for (uint32_t names = input.Below(4); names > 0; --names) model.targets.push_back(input.Name());
    if (input.Flag()) model.goal.cloud_share_max = static_cast<int32_t>(input.Below(101)) * 100;
    if (!has(model.name)) policy.virtuals.push_back(std::move(model));
  }
  for (uint32_t left = input.Below(3); left > 0; --left) {
    Rule rule;
    rule.when.push_back(FlagIs{static_cast<FlagFeature>(input.Below(6)), input.Flag()});
    if (input.Flag()) rule.use.push_back(input.Name());
    if (rule.use.empty()) rule.regions.emplace_back("local");
    policy.rules.push_back(std::move(rule));
  }
  return policy;
}

void DecideAnything(Input& input) {
  const Policy policy = AnyPolicy(input);
  CHECK(HashOf(policy) == HashOf(policy), "the same policy has the same hash");
  const Features features{.label = static_cast<chat::Label>(input.Below(5)),
                          .tier_max = static_cast<Tier>(input.Below(3)),
                          .prompt_bytes = input.Below(255) * int64_t{16},
                          .images = input.Flag(),
                          .tools = input.Flag(),
                          .online = input.Flag()};
  auto decision = Decide(policy, input.Name(), features);
  if (!decision) return;
  CHECK(!decision->eligible.empty(), "a decision has somebody to ask");
  static const Refit kNothing;
  const Experience experience{Predictor::BuiltIn(), DraftCheck::BuiltIn(), kNothing};
  const PromptFacts facts{.kind = static_cast<TaskKind>(input.Below(4)),
                          .predicted = {.small_right = static_cast<int32_t>(input.Below(255)) * 39,
                                        .gain = static_cast<int32_t>(input.Below(255)) * 39},
                          .one_text = input.Flag(),
                          .whole = input.Flag()};
  const size_t before = decision->eligible.size();
  Goals goals;
  Arrange(experience, facts, {}, goals, *decision);
  CHECK(decision->eligible.size() == before, "nobody is lost or added");
  for (const Target& target : decision->eligible) {
    CHECK(chat::Permits(target.ceiling, features.label), "no label above a ceiling");
    CHECK((FailedFilters(target, features) & ~uint32_t{kTierNotAllowed}) == 0, "no filter failed");
  }
}

void ReadFeatures(std::string_view text) {
  const PromptFeatures features = FeaturesOfPrompt(text);
  CHECK(features == FeaturesOfPrompt(text), "the same text has the same features");
  for (const auto* places : {&features.shape, &features.words}) {
    CHECK(std::ranges::is_sorted(*places), "places rise");
    for (const uint16_t place : *places) CHECK(place < kFeaturePlaces, "in range");
  }
  const Prediction predicted = Predictor::BuiltIn().Predict(text);
  CHECK(predicted.small_right >= 0 && predicted.small_right <= kCertain, "a chance");
}

void ReadRefit(std::string_view text) {
  const auto refit = Refit::Parse(text);
  if (!refit) return;
  CHECK(*Refit::Parse(refit->Print()) == *refit, "what is printed reads back");
  int32_t before = 0;
  for (int32_t chance = 0; chance <= kCertain; chance += 100) {
    const int32_t now = refit->Apply({.small_right = chance, .gain = 5'000}).small_right;
    CHECK(now >= before && now <= kCertain, "a rising map");
    before = now;
  }
}

}  // namespace
}  // namespace weir::routing

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace weir::routing;
  Input input(data, size);
  switch (input.Below(3)) {
    case 0:
      DecideAnything(input);
      break;
    case 1:
      ReadFeatures(input.Rest());
      break;
    default:
      ReadRefit(input.Rest());
      break;
  }
  return 0;
}

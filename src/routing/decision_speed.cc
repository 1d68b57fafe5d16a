// How long a decision takes, without the detectors, for a prompt of 1,000 tokens: the least
// processor time of many rounds (others on the machine do not count). Not shipped: `ninja -C build
// decision_speed && build/bin/decision_speed`.
#include <fmt/core.h>

#include <algorithm>
#include <cstdint>
#include <ctime>
#include <string>

#include "routing/arrange.h"
#include "routing/router.h"

namespace {

using namespace weir;

routing::Policy Example(routing::Goal goal) {
  routing::Policy policy;
  for (const char* name : {"small", "large", "rack-a", "rack-b"}) {
    policy.targets.push_back({.name = name, .model = name, .context_tokens = 32'768});
  }
  policy.targets.push_back({.name = "cloud",
                            .tier = routing::Tier::kCloud,
                            .ceiling = chat::Label::kInternal,
                            .beyond = true});
  policy.virtuals = {{.name = "auto",
                      .targets = {"small", "large", "rack-a", "rack-b", "cloud"},
                      .goal = std::move(goal)}};
  for (uint32_t line = 1; line <= 10; ++line) {
    policy.rules.push_back(
        {.line = line,
         .when = {routing::NameIn{.patterns = {"project-" + std::to_string(line)}}},
         .regions = {"local"}});
  }
  return policy;
}

double ProcessorMicroseconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

// Of a conversation that goes on, with everything known of everybody.
routing::TargetNow Measured(const routing::Target& target) {
  return {.speed = {.load_ms = 0,
                    .queue_ms = 10,
                    .prefill_rate = 230'000,
                    .decode_rate = 50'000,
                    .answer_tokens = 200,
                    .cached_tokens = target.name == "large" ? 900 : 0},
          .prices = {.input = 5'000'000, .cached_input = 500'000, .output = 30'000'000}};
}

double Microseconds(const chat::GenerateRequest& request, const routing::Policy& policy,
                    const routing::StateOf& state_of = {}) {
  static const routing::Refit kNothing;
  const routing::Experience experience{routing::Predictor::BuiltIn(),
                                       routing::DraftCheck::BuiltIn(), kNothing};
  routing::Goals goals;
  double best = 1e9;
  size_t eligible = 0;
  for (int round = 0; round < 3'000; ++round) {
    const double begun = ProcessorMicroseconds();
    const routing::Features features = routing::FeaturesOf(request);
    auto decision = routing::Decide(policy, request.model, features, state_of);
    auto facts = routing::FactsOf(request, true, experience.predictor);
    if (state_of) facts.last_target = "large";
    routing::Arrange(experience, facts, {}, goals, *decision);
    eligible += decision->eligible.size();
    best = std::min(best, ProcessorMicroseconds() - begun);
  }
  return eligible == 0 ? 0 : best;
}

}  // namespace

int main() {
  // Words of three to ten letters, nearly all of them different.
  std::string text;
  for (uint32_t seed = 1; text.size() < 4'000;) {
    const auto next = [&seed] { return (seed = seed * 1'664'525 + 1'013'904'223) >> 24; };
    for (uint32_t letters = 3 + next() % 8; letters > 0; --letters) {
      text += static_cast<char>('a' + next() % 26);
    }
    text += next() % 10 == 0 ? ".\n" : " ";
  }
  chat::GenerateRequest request{.model = "auto"};
  request.messages.push_back({.parts = {{.text = text}}});
  routing::Predictor::BuiltIn();
  fmt::print("a prompt of {} bytes, 5 targets, 10 rules\n", text.size());
  fmt::print("without a goal      {:6.1f} microseconds\n", Microseconds(request, Example({})));
  fmt::print("a share of the cloud{:6.1f} microseconds\n",
             Microseconds(request, Example({.cloud_share_max = 2'000})));
  fmt::print("... and what was measured{:6.1f} microseconds\n",
             Microseconds(request, Example({.cloud_share_max = 2'000}), Measured));
  return 0;
}

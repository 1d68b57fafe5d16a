// How long a decision takes, without the detectors, for a prompt of 1,000 tokens, and the vote of
// neighbours before it: the least processor time of many rounds (others on the machine do not
// count). Not shipped: `ninja -C build decision_speed && build/bin/decision_speed`.
#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <ctime>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "routing/arrange.h"
#include "routing/neighbours.h"
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

constexpr size_t kDimensions = 384;

std::vector<float> Near(const std::vector<float>& middle, double spread, std::mt19937& random) {
  std::normal_distribution<double> normal(0, spread / std::sqrt(double{kDimensions}));
  std::vector<float> vector(kDimensions);
  double squares = 0;
  for (size_t i = 0; i < kDimensions; ++i) {
    vector[i] = middle[i] + static_cast<float>(normal(random));
    squares += static_cast<double>(vector[i]) * static_cast<double>(vector[i]);
  }
  for (float& value : vector)
    value = static_cast<float>(static_cast<double>(value) / std::sqrt(squares));
  return vector;
}

// Questions about forty subjects: those of one subject are near each other, with a cosine of 0.8.
class Asked {
 public:
  Asked() {
    for (int i = 0; i < 40; ++i) {
      subjects_.push_back(Near(std::vector<float>(kDimensions, 0.0F), 1, random_));
    }
  }
  routing::PromptPlace Place(size_t question) {
    return {.vector = routing::Rounded(Near(subjects_[question % subjects_.size()], 0.5, random_))};
  }
  routing::Neighbours Known(size_t count) {
    std::vector<routing::Neighbour> known;
    for (size_t i = 0; i < count; ++i) {
      known.push_back({.id = "dec_" + std::to_string(i),
                       .place = Place(i),
                       .predicted = 6'000,
                       .right = i % 3 != 0});
    }
    return routing::Neighbours(std::move(known));
  }

 private:
  std::mt19937 random_{20261123};
  std::vector<std::vector<float>> subjects_ = {};
};

struct Setting {
  routing::Policy policy = {};
  routing::StateOf state_of = {};
  const routing::Neighbours* neighbours = nullptr;
  routing::PromptPlace place = {};
};

double Microseconds(const chat::GenerateRequest& request, const Setting& setting) {
  static const routing::Refit kNothing;
  const routing::Experience experience{routing::Predictor::BuiltIn(),
                                       routing::DraftCheck::BuiltIn(), kNothing};
  routing::Goals goals;
  double best = 1e9;
  size_t eligible = 0;
  for (int round = 0; round < 3'000; ++round) {
    const double begun = ProcessorMicroseconds();
    const routing::Features features = routing::FeaturesOf(request);
    auto decision = routing::Decide(setting.policy, request.model, features, setting.state_of);
    auto facts = routing::FactsOf(request, true, experience.predictor);
    if (setting.state_of) facts.last_target = "large";
    if (setting.neighbours != nullptr) facts.vote = setting.neighbours->Vote(setting.place);
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
  fmt::print("without a goal      {:6.1f} microseconds\n",
             Microseconds(request, {.policy = Example({})}));
  const routing::Policy share = Example({.cloud_share_max = 2'000});
  fmt::print("a share of the cloud{:6.1f} microseconds\n",
             Microseconds(request, {.policy = share}));
  fmt::print("... and what was measured{:6.1f} microseconds\n",
             Microseconds(request, {.policy = share, .state_of = Measured}));
  Asked asked;
  for (const size_t stored : {size_t{1'000}, size_t{10'000}}) {
    const routing::Neighbours known = asked.Known(stored);
    const routing::PromptPlace place = asked.Place(7);
    const routing::NeighbourVote vote = known.Vote(place);
    fmt::print(
        "... and neighbours: {} outcomes of {} dimensions are stored, {} may vote, {} do:"
        "{:7.1f} microseconds\n",
        stored, kDimensions, known.size(), vote.near,
        Microseconds(
            request,
            {.policy = share, .state_of = Measured, .neighbours = &known, .place = place}));
  }
  return 0;
}

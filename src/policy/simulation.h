// Requests that nobody sends: what a policy would decide for each, with detectors, labels, goals
// and checks, by the code that decides live. Nobody is asked, and every target is taken to be well.
// A goal of money counts what it expects each request to cost.
//
// A request is one JSON object, as of POST /v1/chat/completions, which may have a member `weir`
// with what would stand beside the body: label, project, key, tenant, user, route (the highest
// tier), at (seconds since the Unix epoch). Not thread-safe.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "ledger/price.h"
#include "privacy/detector.h"
#include "privacy/label_inputs.h"
#include "privacy/request_scanner.h"
#include "routing/arrange.h"
#include "routing/router.h"

namespace weir::policy {

struct Simulated {
  std::string asked = {};
  chat::Label label = chat::Label::kUnscanned;
  std::string target = {};  // who would be asked first; empty: refused
  std::string tier = {};
  std::string refused = {};  // the reason
  std::string check = {};    // who would read the draft; empty: nobody
  std::vector<std::string> order = {};
  std::vector<std::string> explanation = {};
};

class Simulation {
 public:
  static constexpr size_t kLineMax = size_t{32} << 20;

  struct World {
    const routing::Policy& policy;
    std::span<const privacy::LabelRule> label_rules = {};
    chat::Label default_label = chat::Label::kInternal;
    const routing::Experience& experience;
    const std::map<std::string, ledger::Price>& prices;  // by target
  };

  // What `world` points to outlives it.
  Simulation(const World& world, std::shared_ptr<const privacy::Detector> detector)
      : world_(world), scanner_(std::move(detector)) {}

  // kInvalidArgument names the field that is wrong.
  Result<Simulated> Decide(std::string_view line);

 private:
  routing::MoneyToday MoneyFor(const routing::Decision& decision, const routing::Features& features,
                               WallTime at);

  const World world_;
  privacy::RequestScanner scanner_;
  routing::Goals goals_ = {};
  std::map<std::string, ledger::Pico> gone_ = {};  // by route, on the day of the last request
  int64_t day_ = 0;
  int64_t expected_ = 0;  // of the request that is decided
};

// Fields of an open object.
std::string SimulatedJson(const Simulated& simulated, size_t line);

}  // namespace weir::policy

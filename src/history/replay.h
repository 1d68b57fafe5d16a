// What another policy would have done: kept decisions are made again, oldest first, by the same
// code that makes them live, from the features that were kept. Pure; no text, nobody is asked.
//
// The state of targets is as it was then; a target that is new is taken to be well. Controllers of
// goals start empty with the first record. A check that was made then is judged again by its own
// likelihood; of one that was not made nobody knows how it would have ended, and the draft counts
// as served (`checks_unknown`). Who would have answered and failed is not known either: the first
// in the order counts. What no budget could pay then is refused again where the same targets are
// asked in the same order; what ended without an answer for another reason stays unanswered on both
// sides, unless nobody may take it now. Costs are exact where the same target answers, and worked
// out from the tokens that were counted then where another one would have.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "history/record.h"
#include "ledger/money.h"
#include "ledger/price.h"
#include "privacy/label_rules.h"
#include "routing/arrange.h"
#include "routing/router.h"

namespace weir::history {

using Money = std::map<std::string, ledger::Total>;  // by currency

// One side of the comparison.
struct Side {
  int64_t refused = 0;     // nobody might take it, or no budget could pay it
  int64_t unanswered = 0;  // everybody who was asked failed, or the client left first
  int64_t cloud = 0;       // answered there
  int64_t edge = 0;
  int64_t device = 0;
  Money cost = {};
  int64_t unpriced = 0;   // whose cost nobody knows
  int64_t estimated = 0;  // whose tokens had to be guessed
  int64_t energy_mj = 0;  // that answers of this machine were expected to take
};

struct Change {
  std::string id = {};
  std::string from = {};  // a target, or "(refused)"
  std::string to = {};
};

struct ReplayReport {
  static constexpr size_t kChangesMax = 100;

  int64_t decisions = 0;
  int64_t changed = 0;  // another target answers, or none, or one where there was none
  int64_t labels_changed = 0;
  int64_t checks = 0;          // that the policy plans
  int64_t checks_unknown = 0;  // of them, without a known end
  Side before = {};
  Side after = {};
  std::map<std::pair<std::string, std::string>, int64_t> moves = {};   // from, to
  std::map<std::pair<std::string, std::string>, int64_t> labels = {};  // from, to
  std::map<std::string, int64_t> policies = {};                        // hashes that decided then
  std::vector<Change> changes = {};                                    // the first of them
};

// A policy as the configuration of a server has it.
struct Candidate {
  const routing::Policy& policy;
  std::span<const privacy::LabelRule> label_rules = {};
  chat::Label default_label = chat::Label::kInternal;
  const routing::Experience& experience;
  const std::map<std::string, ledger::Price>& prices;  // by target; the others are unpriced
};

class Replay {
 public:
  // What `candidate` points to outlives it.
  explicit Replay(const Candidate& candidate) : candidate_(candidate) {}

  // In the order of their times.
  void Take(const Record& record);
  const ReplayReport& report() const { return report_; }

 private:
  struct Answered {
    const routing::Target* target = nullptr;  // null: refused
    chat::Label label = chat::Label::kPublic;
    routing::Decision decision = {};
  };
  Answered Decide(const Record& record);
  size_t PlaceOf(const Record& record, const routing::Decision& decision,
                 const std::optional<routing::CheckPlan>& check);
  static void Count(Side& side, routing::Tier tier);
  bool IsBeyond(const Served& served) const;
  std::optional<ledger::Pico> CostOf(const Record& record, const routing::Target& target,
                                     bool& estimated) const;
  void Pay(const Record& record, const Answered& answered);
  routing::MoneyToday MoneyFor(const Record& record, const routing::Decision& decision);

  const Candidate candidate_;
  ReplayReport report_ = {};
  routing::Goals goals_ = {};
  // Of routes with a goal of money, on the day of the last record.
  std::map<std::string, ledger::Pico> gone_ = {};
  int64_t day_ = 0;
};

// One JSON object.
std::string ReplayJson(const ReplayReport& report);

}  // namespace weir::history

// What the gateway's use cases share: the policy in force, the backends, and what is remembered of
// decisions. The use cases themselves are free functions, one file each (generate.h, embed.h,
// score.h); they know no HTTP and no dialect.
//
// I/O thread only. app/ builds one and keeps what it points to alive.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "backends/backend.h"
#include "backends/provider_fleet.h"
#include "base/clock.h"
#include "base/result.h"
#include "chat/label.h"
#include "chat/principal.h"
#include "chat/request.h"
#include "gateway/accounts.h"
#include "gateway/asked_again.h"
#include "gateway/decision_log.h"
#include "gateway/target_paces.h"
#include "history/store.h"
#include "privacy/label_inputs.h"
#include "privacy/label_memory.h"
#include "privacy/label_rules.h"
#include "privacy/request_scanner.h"
#include "privacy/scan_thread.h"
#include "routing/arrange.h"
#include "routing/draft_check.h"
#include "routing/prediction.h"
#include "routing/refit.h"
#include "routing/router.h"

namespace weir::gateway {

// Who asks, and what they said beside the body.
struct Asked {
  chat::Principal principal = {};
  std::optional<chat::Label> label = {};  // x-weir-label
  // The highest label of passages that the request was given (retrieve.h): raises, says nothing.
  std::optional<chat::Label> passages_label = {};
  routing::Tier tier_max = routing::Tier::kCloud;
  bool explain = false;
  bool whole = false;                           // nothing of the answer is sent before its end
  std::optional<chat::Priority> priority = {};  // x-weir-priority; in place of what a request says
  bool progress = false;  // x-weir-progress: a stream begins with the progress of its prompt
  std::optional<Duration> deadline = {};  // x-weir-deadline-ms, from now
  // Where the question lies among earlier ones (neighbours.h), or why nobody knows.
  std::optional<routing::PromptPlace> place = {};
  std::string no_place = {};
};

// A backend of kind images: what lies below its url may be fetched.
struct ImageSource {
  std::string backend = {};
  std::string url = {};
  wire::EgressTimeouts timeouts = {};
};

struct Gateway {
  const Clock& clock;
  // The engines of this machine; targets that lie beyond it are asked through `providers`.
  backends::Backend& engines;
  // The policy now. It is replaced as a whole when configuration or models change; a request keeps
  // the one it started with.
  std::function<std::shared_ptr<const routing::Policy>()> policy;
  chat::Label default_label = chat::Label::kInternal;
  // Whether a request that was let in may go on: its key may have expired or been revoked since.
  // Asked for each event of a generation, and every 250 ms while its stream
  // is silent. Empty: always.
  std::function<Result<void>(const chat::Principal& principal)> still_valid = {};
  DecisionLog decisions = {};
  backends::ProviderFleet* providers = nullptr;  // null: nothing lies beyond this machine
  std::vector<ImageSource> image_sources = {};
  std::vector<privacy::LabelRule> label_rules = {};
  privacy::LabelMemory* labels = nullptr;      // null: earlier turns are not known (tests)
  privacy::RequestScanner* scanner = nullptr;  // null: nothing is detected (tests)
  privacy::ScanThread* scan_thread = nullptr;  // null: all is read on the I/O thread (tests)
  // Replaced as a whole; a request keeps the one that its plan points in.
  std::shared_ptr<const routing::DraftCheck> draft_check =
      std::make_shared<const routing::DraftCheck>(routing::DraftCheck::BuiltIn());
  const routing::Predictor* predictor = &routing::Predictor::BuiltIn();
  // Why the prediction is not the one that was asked for; a line in every explanation. Empty: it
  // is.
  std::string predictor_note = {};
  // What was learnt of the prediction here; replaced as a whole.
  std::shared_ptr<const routing::Refit> refit = std::make_shared<const routing::Refit>();
  // Who has a vote in predictions; replaced as a whole.
  std::shared_ptr<const routing::Neighbours> neighbours =
      std::make_shared<const routing::Neighbours>();
  routing::Goals goals = {};
  Accounts* accounts = nullptr;       // null: nothing is booked (tests)
  history::Store* history = nullptr;  // null: decisions are forgotten with the program (tests)
  AskedAgain turns = {};
  TargetPaces paces = {};

  routing::Experience experience() const {
    return {.predictor = *predictor, .draft_check = *draft_check, .refit = *refit};
  }
};

// A request that was decided about and has no answer: nobody may take it, or nobody could.
struct Unanswered {
  std::string decision_id = {};
  routing::Decision decision = {};
  std::optional<routing::Target> target = {};  // that was asked last
};

// The label of a request, why it has it, and what it was joined from.
struct Labelled {
  chat::Label label = chat::Label::kUnscanned;
  std::vector<std::string> why = {};  // a line for each thing that raised it
  privacy::LabelInputs inputs = {};
  std::vector<privacy::Mark> marks = {};  // by which what was asked is remembered
};

// The join of: the floor of the key, what the caller asserts, the rules that match, what is known
// of the texts, what the detectors found in them (`scanned`), `unscanned` for what nobody can read
// (parts that are no text, prompts of token ids, texts that the detectors cannot read; unless a key
// that may assert labels did), and the default where nobody said anything or somebody else wrote an
// assistant's turn. It only rises: a finding below the default does not lower it. An Error (the
// memory cannot be read) means that the label is not known.
Result<Labelled> LabelOf(const Gateway& gateway, const Asked& asked, std::string_view model,
                         std::span<const chat::Message> messages,
                         std::span<const chat::Prompt> prompts, const privacy::Scanned& scanned);
// What the detectors found in a request.
template <class Request>
privacy::Scanned ScanOf(const Gateway& gateway, const Request& request) {
  return gateway.scanner != nullptr ? gateway.scanner->Scan(request) : privacy::Scanned();
}

// To be awaited before Generate, Embed and Score: reads a long request apart from the I/O thread,
// so that what ScanOf does there is short. Errors as ScanThread's. The request lives as long as the
// Task.
template <class Request>
Task<Result<void>> ReadAhead(const Gateway& gateway, const Request& request) {
  if (gateway.scanner == nullptr || gateway.scan_thread == nullptr) co_return Result<void>();
  const auto current = [&gateway]() -> privacy::RequestScanner& { return *gateway.scanner; };
  co_return co_await gateway.scan_thread->ReadAhead(current, request);
}

// The texts among them; token ids have none.
std::vector<std::string> TextsOf(std::span<const chat::Prompt> prompts);

// kForbidden, reason model_not_allowed or project_not_allowed, unless the key may ask for a model
// or route of this name in its project.
Result<void> MayAskFor(const chat::Principal& principal, std::string_view model);

// A record of a decision that is about to be carried out, with what it was made of; without `facts`
// for what no goal and no check looks at. The log gives it its id.
DecisionRecord RecordOf(const Gateway& gateway, const Asked& asked,
                        const routing::Features& features, const Labelled& labelled,
                        const routing::Decision& decision);
// Of a request that nobody may take; `refused` is what Decide considered. Nothing where nothing was
// decided, because the name means nothing here.
std::optional<Unanswered> RecordRefusal(Gateway& gateway, const Asked& asked,
                                        const routing::Features& features, const Labelled& labelled,
                                        routing::Decision refused, const Error& error);
// The record is whole: it goes to the history.
void KeepRecord(Gateway& gateway, const std::string& decision_id);

// What routing knows of who asks.
void AddCaller(const Gateway& gateway, const Asked& asked, routing::Features& features);
// How targets are doing now, what is known of their speed and prices, and what they have of the
// conversation (`earlier` outlives what is returned).
routing::StateOf StateOfTargets(const Gateway& gateway, const AskedAgain::Earlier& earlier);

// Whether a failure is the target's and not the request's: another target may do better.
bool MayMoveOn(const Error& error);
// The word for how an attempt ended, for explanations.
std::string_view OutcomeOf(const Error& error);
// As clients are told: one code for all failures of a backend; the word is for people.
Error AsTold(Error error);
// For a target beyond this machine where nothing is.
Error ReachesNobody();

}  // namespace weir::gateway

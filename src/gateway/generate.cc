#include "gateway/generate.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include "async/deadline.h"
#include "gateway/draft_check.h"
#include "gateway/hard_facts.h"
#include "gateway/neighbours.h"
#include "gateway/own_gate.h"
#include "ledger/money.h"

namespace weir::gateway {
namespace {

// What an answer said, each choice as a later request will carry it.
class SaidText {
 public:
  static constexpr size_t kBytesMax = size_t{4} << 20;  // of all choices; more is cut

  void Take(const chat::Event& event) {
    const auto* delta = std::get_if<chat::Delta>(&event);
    if (delta == nullptr || delta->choice < 0) return;
    const auto choice = static_cast<size_t>(delta->choice);
    if (choice >= choices_.size()) choices_.resize(std::min(choice + 1, kChoicesMax));
    if (choice >= choices_.size()) return;
    Add(choices_[choice].text, delta->text);
    for (const chat::ToolCallDelta& call : delta->tool_calls) {
      Add(choices_[choice].arguments[call.index], call.arguments);
    }
  }
  std::vector<std::string> texts() const {
    std::vector<std::string> texts;
    for (const Choice& choice : choices_) {
      std::string text = choice.text;
      for (const auto& [index, arguments] : choice.arguments) text += arguments;
      if (!text.empty()) texts.push_back(std::move(text));
    }
    return texts;
  }

 private:
  static constexpr size_t kChoicesMax = 128;
  struct Choice {
    std::string text = {};
    std::map<int32_t, std::string> arguments = {};
  };
  void Add(std::string& to, const std::string& text) {
    if (bytes_ + text.size() > kBytesMax) return;
    bytes_ += text.size();
    to += text;
  }

  std::vector<Choice> choices_ = {};
  size_t bytes_ = 0;
};

std::vector<chat::Prompt> PromptsOf(const chat::GenerateRequest& request) {
  std::vector<chat::Prompt> prompts = request.prompts;
  if (!request.context.empty()) prompts.push_back({.tokens = request.context});
  if (!request.suffix.empty()) prompts.push_back({.text = request.suffix});
  for (const auto& file : request.files) prompts.push_back({.text = file.text});
  return prompts;
}

// Events that were held back, as a stream.
class Replay final : public backends::EventStream {
 public:
  explicit Replay(std::vector<chat::Event> events) : events_(std::move(events)) {}
  Task<Result<std::optional<chat::Event>>> Next(Duration) override {
    co_return std::optional(std::move(events_[given_++]));
  }

 private:
  std::vector<chat::Event> events_;
  size_t given_ = 0;
};

// What was decided besides the order of targets.
struct Planned {
  routing::Features features = {};
  std::vector<privacy::Mark> marks = {};  // of what was asked
  std::optional<routing::PromptFacts> facts = {};
  std::optional<routing::CheckPlan> check = {};
};

class RoutedGeneration final : public Generation {
 public:
  RoutedGeneration(Gateway& gateway, Asked asked, Planned planned, routing::Decision decision,
                   DecisionRecord record, chat::GenerateRequest request)
      : gateway_(gateway),
        begun_(gateway.clock.Now()),
        asked_(std::move(asked)),
        features_(std::move(planned.features)),
        decision_(std::move(decision)),
        request_(std::move(request)),
        check_(std::move(planned.check)) {
    if (gateway_.accounts != nullptr) extent_ = ExtentOf(request_);
    if (asked_.deadline) deadline_ = gateway_.clock.Now() + *asked_.deadline;
    decision_id_ = gateway_.decisions.Add(std::move(record));
    if (gateway_.labels != nullptr) {
      remembered_ = gateway_.labels->Remember(std::move(planned.marks), decision_.label);
    }
  }

  ~RoutedGeneration() override {
    if (kept_) return;
    if (!answered_) Record("cancelled");
    Keep();
  }
  RoutedGeneration(const RoutedGeneration&) = delete;
  RoutedGeneration& operator=(const RoutedGeneration&) = delete;

  Task<Result<std::optional<chat::Event>>> Next(Duration patience) override {
    const MonotonicTime now = gateway_.clock.Now();
    // Who ran out of time while a larger model answered gets what the smaller one said.
    if (now >= deadline_ && !answered_ && GiveDraft(DeadlinePassed())) deadline_over_ = true;
    if (now >= deadline_ && !deadline_over_) co_return End(DeadlinePassed());
    const MonotonicTime until =
        deadline_over_ ? now : now + std::min<Duration>(patience, deadline_ - now);
    Result<std::optional<chat::Event>> event = co_await Try(until);
    if (!deadline_over_) {
      while (!event && !answered_ && MayMoveOn(event.error()) && MoveOn(event.error())) {
        event = co_await Try(until);
      }
      if (!event && !answered_ && GiveDraft(event.error())) event = co_await Try(until);
      if (event && !*event && gateway_.clock.Now() >= deadline_) {
        if (answered_ || !GiveDraft(DeadlinePassed())) co_return End(DeadlinePassed());
        deadline_over_ = true;
        event = co_await Try(until);
      }
    }
    if (!event) co_return End(std::move(event.error()));
    if (auto valid = StillValid(); !valid) co_return End(std::move(valid.error()));
    if (*event) Notice(**event);
    if (const auto* done = *event ? std::get_if<chat::Done>(&**event) : nullptr) {
      if (auto kept = co_await KeepLabel(); !kept) co_return End(std::move(kept.error()));
      Finish(*done);
    }
    co_return std::move(event);
  }

  const routing::Target& target() const override { return decision_.eligible[current_]; }
  const routing::Decision& decision() const override { return decision_; }
  const std::string& decision_id() const override { return decision_id_; }
  std::optional<Checked> checked() const override {
    return draft_ != nullptr ? draft_->checked() : checked_;
  }
  const Booked& booked() const override { return booked_; }
  std::vector<SideWork> TakeSideWork() override { return std::exchange(side_work_, {}); }

 private:
  static constexpr Duration kLooksAtKey = std::chrono::milliseconds(250);

  // An event on its way to the caller.
  void Notice(const chat::Event& event) {
    if (!std::exchange(answered_, true)) Record("served");
    if (!first_at_ && std::holds_alternative<chat::Delta>(event)) first_at_ = gateway_.clock.Now();
    if (gateway_.labels != nullptr) said_.Take(event);
  }

  // A whole answer tells how fast its target is.
  void Time(const chat::Done& done) {
    const history::Pace* pace = nullptr;
    if (!target().beyond) {
      pace = &gateway_.paces.Answered(target(), done, open_,
                                      gateway_.engines.ResidenceOf(target().model).took);
    } else if (first_at_) {
      pace = &gateway_.paces.Answered(target(), done.usage, *first_at_ - asked_at_,
                                      gateway_.clock.Now() - asked_at_);
    }
    if (pace != nullptr && gateway_.history != nullptr) gateway_.history->KeepPace(*pace);
  }

  // The whole answer was given.
  void Finish(const chat::Done& done) {
    Time(done);
    TakeCheckWork();
    DecisionRecord* record = gateway_.decisions.Find(decision_id_);
    if (record == nullptr) return;
    history::Served served{.target = target().name, .tier = target().tier, .usage = done.usage};
    AddCost(served, booked_);
    for (const Booked& side : side_costs_) AddCost(served, side);
    served.took_ms =
        std::chrono::duration_cast<std::chrono::milliseconds>(gateway_.clock.Now() - begun_)
            .count();
    record->served = std::move(served);
    gateway_.turns.Answered(asked_.principal, request_, decision_id_, Prefixes(done.usage, *record),
                            gateway_.clock.Now());
    Keep();
  }

  // Who has read the conversation up to here, the one that answered first.
  std::vector<Prefix> Prefixes(const chat::Usage& usage, const DecisionRecord& record) const {
    const int64_t prompt =
        usage.prompt_tokens.value_or(features_.prompt_bytes / routing::kBytesPerTokenGuess);
    const int64_t whole = prompt + usage.completion_tokens.value_or(0);
    std::vector<Prefix> prefixes = {{target().name, whole}};
    if (const auto checked = this->checked();
        checked && checked->verdict.accepted && !checked->checker.empty()) {
      prefixes.push_back({checked->checker, whole});
    }
    for (const history::Attempt& attempt : record.attempts) {
      if (attempt.outcome == kDraftRejected) prefixes.push_back({attempt.target, prompt});
    }
    return prefixes;
  }

  // Amounts of another currency are the ledger's alone.
  static void AddCost(history::Served& served, const Booked& booked) {
    if (!booked.cost || booked.currency.empty()) return;
    if (!served.currency.empty() && served.currency != booked.currency) return;
    served.currency = booked.currency;
    served.cost = ledger::Add(served.cost.value_or(0), *booked.cost);
  }

  // The decision's record is whole.
  void Keep() {
    if (std::exchange(kept_, true)) return;
    DecisionRecord* record = gateway_.decisions.Find(decision_id_);
    if (record != nullptr) {
      if (const auto checked = this->checked()) {
        record->checked = history::Checked{.gate = checked->gate,
                                           .own = OwnOf(*checked),
                                           .fault = checked->fault,
                                           .draft_model = decision_.chosen().model,
                                           .checker = checked->checker,
                                           .checker_model = checked->checker_model,
                                           .at_milli = checked->at_milli,
                                           .confidence = checked->verdict.confidence,
                                           .gain = checked->verdict.gain,
                                           .accepted = checked->verdict.accepted};
      }
    }
    KeepRecord(gateway_, decision_id_);
  }

  static std::optional<history::OwnTokens> OwnOf(const Checked& checked) {
    if (checked.own == nullptr) return std::nullopt;
    return history::OwnTokens{.after_tokens = static_cast<int64_t>(checked.own->after_tokens),
                              .signal = checked.own->signal};
  }

  void TakeCheckWork() {
    if (draft_ == nullptr) return;
    if (auto work = draft_->TakeWork()) AddSideWork(std::move(*work));
  }
  void AddSideWork(SideWork work) {
    side_costs_.push_back(work.booked);
    side_work_.push_back(std::move(work));
  }

  Result<void> StillValid() const {
    return gateway_.still_valid ? gateway_.still_valid(asked_.principal) : Result<void>();
  }

  static Error DeadlinePassed() {
    return {Code::kDeadlineExceeded, "the deadline of the request passed", "x-weir-deadline-ms"};
  }

  Spending SpendingOf(const routing::Target& at) const {
    return {.principal = asked_.principal,
            .decision_id = decision_id_,
            .asked = request_.model,
            .target = at,
            .features = features_,
            .extent = extent_};
  }

  // Before the target is asked, so that nothing is begun that no budget can pay.
  Task<Result<void>> OpenAccount() {
    if (gateway_.accounts == nullptr || stream_ || account_) co_return Result<void>();
    auto opened = co_await gateway_.accounts->Open(SpendingOf(target()));
    if (!opened) co_return std::unexpected(opened.error());
    account_ = std::move(*opened);
    co_return Result<void>();
  }

  // The account goes with the stream, which settles it however it ends.
  std::unique_ptr<backends::EventStream> Booking(std::unique_ptr<backends::EventStream> stream) {
    return account_ ? Accounted(std::move(stream), std::move(account_), extent_, booked_)
                    : std::move(stream);
  }

  // Most of an answer's events are there without a coroutine more.
  Task<Result<std::optional<chat::Event>>> Try(MonotonicTime until) {
    return stream_ ? Listen(until) : Begin(until);
  }

  Task<Result<std::optional<chat::Event>>> Begin(MonotonicTime until) {
    if (auto opened = co_await OpenAccount(); !opened) co_return std::unexpected(opened.error());
    if (!stream_ && target().beyond) {
      asked_at_ = gateway_.clock.Now();
      auto stream = Beyond();
      if (!stream) co_return std::unexpected(stream.error());
      Hear(std::move(*stream));
    }
    if (!stream_) {
      open_ = gateway_.engines.ResidenceOf(target().model).open;
      // Loading a model may take longer than the caller's patience; it goes on meanwhile, so trying
      // again is cheap.
      auto stream = co_await WithDeadline(
          until, gateway_.engines.Generate(asked_.principal, target().model, AskedOfEngine()));
      const bool patience_over = gateway_.clock.Now() >= until;
      if (!stream && stream.error().code == Code::kDeadlineExceeded && patience_over) {
        co_return std::optional<chat::Event>();
      }
      if (!stream) co_return std::unexpected(stream.error());
      Hear(std::move(*stream));
    }
    co_return co_await Listen(until);
  }

  static bool ByOwnTokens(routing::GateKind gate) {
    return gate == routing::GateKind::kFirstTokens || gate == routing::GateKind::kWholeDraft;
  }

  // The gate of a draft's own tokens needs their log-probabilities.
  const chat::GenerateRequest& AskedOfEngine() {
    if (!check_ || !ByOwnTokens(check_->gate)) return request_;
    if (!with_evidence_) with_evidence_ = WithEvidence(request_);
    return *with_evidence_;
  }

  // The first target's answer is held back until it was judged, where it is to be.
  void Hear(std::unique_ptr<backends::EventStream> heard) {
    auto stream = Booking(std::move(heard));
    if (!check_) {
      stream_ = std::move(stream);
      return;
    }
    routing::CheckPlan plan = *std::exchange(check_, {});
    std::unique_ptr<HeldDraft> draft;
    if (plan.gate == routing::GateKind::kDraftCheck) {
      draft = std::make_unique<CheckedDraft>(gateway_, asked_, request_, deadline_, std::move(plan),
                                             SpendingOf(target()), std::move(stream));
    } else if (ByOwnTokens(plan.gate)) {
      draft = std::make_unique<GatedDraft>(gateway_.clock, std::move(plan), std::move(stream));
    } else {
      draft = std::make_unique<FactsDraft>(gateway_.clock, request_, std::move(plan),
                                           std::move(stream));
    }
    draft_ = draft.get();
    stream_ = std::move(draft);
  }

  // Before the stream goes that it is.
  void LeaveDraft() {
    TakeCheckWork();
    if (draft_ != nullptr) checked_ = draft_->checked();
    draft_ = nullptr;
  }

  // A draft that was found wrong is better than no answer. One that was cut off is written once
  // more, where there is time.
  bool GiveDraft(const Error& error) {
    const bool again = cut_off_ && error.code != Code::kDeadlineExceeded;
    if ((spare_.empty() && !again) || error.code == Code::kCancelled || !StillValid()) return false;
    Record(OutcomeOf(error));
    current_ = 0;
    SettleFailed(account_, error);
    stream_.reset();  // which books what it cost
    if (spare_.empty()) {
      cut_off_ = false;
      last_ = true;
      booked_ = {};
      recorded_ = false;
      return true;
    }
    // The draft is the answer now, and no longer something beside it.
    booked_ = spare_booked_;
    std::erase_if(side_work_, [this](const SideWork& work) { return work.target == target(); });
    if (!side_costs_.empty()) side_costs_.pop_back();
    recorded_ = false;
    stream_ = std::make_unique<Replay>(std::exchange(spare_, {}));
    return true;
  }

  // In short pieces where keys may end: who waits for a quiet target is stopped in time, too.
  Task<Result<std::optional<chat::Event>>> Listen(MonotonicTime until) {
    for (;;) {
      const Duration left = until - gateway_.clock.Now();
      const Duration piece = gateway_.still_valid ? std::min(left, kLooksAtKey) : left;
      auto event = co_await stream_->Next(piece);
      if (!event || *event || piece == left || !StillValid()) co_return std::move(event);
    }
  }

  // The label is durable before the answer ends. At or below the default there is nothing to lose
  // of an answer: an assistant's turn that is not known gets the default; and a public request has
  // nothing to lose at all.
  Task<Result<void>> KeepLabel() {
    if (gateway_.labels == nullptr) co_return Result<void>();
    const std::vector<std::string> texts = said_.texts();
    std::vector<privacy::Written> answers;
    answers.reserve(texts.size());
    for (const std::string& text : texts) {
      answers.push_back(
          gateway_.labels->RememberAnswer(asked_.principal.tenant, text, decision_.label));
    }
    if (chat::Rank(decision_.label) == 0) co_return Result<void>();
    if (auto kept = co_await remembered_.Wait(); !kept) co_return kept;
    if (chat::Rank(decision_.label) <= chat::Rank(gateway_.default_label)) {
      co_return Result<void>();
    }
    for (privacy::Written& answer : answers) {
      if (auto kept = co_await answer.Wait(); !kept) co_return kept;
    }
    co_return Result<void>();
  }

  Result<std::unique_ptr<backends::EventStream>> Beyond() {
    if (gateway_.providers == nullptr) return Fail(ReachesNobody());
    return gateway_.providers->Generate({.request_id = decision_id_,
                                         .target = target().name,
                                         .label = decision_.label,
                                         .others_left = current_ + 1 < decision_.eligible.size(),
                                         .whole = asked_.whole,
                                         .deadline = deadline_},
                                        request_);
  }

  // False when there is nobody left to ask.
  bool MoveOn(const Error& error) {
    if (last_ || current_ + 1 >= decision_.eligible.size()) return false;
    Record(OutcomeOf(error));
    tried_ += fmt::format("{}{} ({})", tried_.empty() ? "" : ", ", target().name, OutcomeOf(error));
    SettleFailed(account_, error);
    if (draft_ != nullptr && error.reason == kDraftRejected) {
      TakeCheckWork();
      spare_ = draft_->TakeDraft();
      cut_off_ = spare_.empty();
      spare_booked_ = std::exchange(booked_, {});
      AddSideWork({.target = target(), .usage = draft_->draft_usage(), .booked = spare_booked_});
    }
    LeaveDraft();
    check_.reset();
    stream_.reset();
    recorded_ = false;
    ++current_;
    return true;
  }

  std::unexpected<Error> End(Error error) {
    const std::string outcome(OutcomeOf(error));
    Record(outcome);
    SettleFailed(account_, error);
    LeaveDraft();
    stream_.reset();
    Keep();
    if (!tried_.empty() && !answered_ && MayMoveOn(error)) {
      const bool too_dear = error.reason == "budget_exhausted";
      // No time is told where waiting does not bring the money back.
      const int retry_after_s = std::max(error.retry_after_s, too_dear ? 0 : 1);
      error = {too_dear ? Code::kRateLimited : Code::kUnavailable,
               fmt::format("no target of '{}' could answer; tried: {}, {} ({})", decision_.asked,
                           tried_, target().name, outcome),
               "model", too_dear ? error.reason : "all_targets_failed", retry_after_s};
    }
    return Fail(AsTold(std::move(error)));
  }

  // A target that broke off after it had served says so instead.
  void Record(std::string_view outcome) {
    DecisionRecord* record = gateway_.decisions.Find(decision_id_);
    if (record == nullptr) return;
    if (stream_) {
      for (std::string& note : stream_->TakeNotes()) record->notes.push_back(std::move(note));
    }
    if (std::exchange(recorded_, true)) {
      record->attempts.back().outcome = outcome;
    } else {
      record->attempts.push_back({target().name, std::string(outcome)});
    }
  }

  Gateway& gateway_;
  const MonotonicTime begun_;
  privacy::Written remembered_ = {};
  SaidText said_ = {};
  Asked asked_;
  routing::Features features_;
  routing::Decision decision_;
  chat::GenerateRequest request_;
  // What `check_`, and what it found, point in.
  const std::shared_ptr<const routing::DraftCheck> known_ = gateway_.draft_check;
  std::optional<routing::CheckPlan> check_;  // of the first target's answer, until it is asked
  HeldDraft* draft_ = nullptr;               // stream_, while it is one
  std::optional<chat::GenerateRequest> with_evidence_ = {};
  std::optional<Checked> checked_ = {};
  std::vector<chat::Event> spare_ = {};  // a draft that was found wrong
  bool cut_off_ = false;                 // instead of it: a draft whose beginning was doubtful
  bool last_ = false;                    // nobody is asked after this target
  Extent extent_ = {};
  Booked booked_ = {};
  Booked spare_booked_ = {};  // of `spare_`
  std::vector<SideWork> side_work_ = {};
  std::vector<Booked> side_costs_ = {};  // of all side work, taken or not; the draft's is the last
  std::string decision_id_ = {};
  MonotonicTime deadline_ = MonotonicTime::max();
  MonotonicTime asked_at_ = {};                 // the provider that answers
  std::optional<MonotonicTime> first_at_ = {};  // something of the answer was given
  size_t open_ = 0;                             // requests that the engine had when it was asked
  std::unique_ptr<Account> account_ = {};       // until there is a stream, which takes it
  std::unique_ptr<backends::EventStream> stream_ = {};
  size_t current_ = 0;
  std::string tried_ = {};  // targets before this one, and what became of them
  bool answered_ = false;
  bool recorded_ = false;       // what became of the current attempt
  bool deadline_over_ = false;  // and the draft is served for it
  bool kept_ = false;           // the record
};

// What earlier answers of the same conversation were worth, as far as asking again and going on
// tell.
void TellEarlier(Gateway& gateway, const AskedAgain::Earlier& earlier) {
  if (gateway.history == nullptr) return;
  if (!earlier.repeats.empty()) {
    gateway.history->Signal(earlier.repeats,
                            {.regenerated = earlier.same_name, .escalated = !earlier.same_name});
  }
  if (!earlier.continues.empty()) gateway.history->Signal(earlier.continues, {.continued = true});
}

}  // namespace

Result<std::unique_ptr<Generation>> Generate(Gateway& gateway, const Asked& asked,
                                             chat::GenerateRequest request,
                                             std::optional<Unanswered>* unanswered) {
  if (auto may = MayAskFor(asked.principal, request.model); !may) return Fail(may.error());
  request.priority = asked.priority.value_or(request.priority);
  routing::Features features = routing::FeaturesOf(request);
  const std::vector<chat::Prompt> prompts = PromptsOf(request);
  auto labelled =
      LabelOf(gateway, asked, request.model, request.messages, prompts, ScanOf(gateway, request));
  if (!labelled) return std::unexpected(labelled.error());
  features.label = labelled->label;
  AddCaller(gateway, asked, features);
  const auto earlier = gateway.turns.Look(asked.principal, request, gateway.clock.Now());
  routing::Decision refused;
  Result<routing::Decision> decision = routing::Decide(*gateway.policy(), request.model, features,
                                                       StateOfTargets(gateway, earlier), &refused);
  if (!decision) {
    auto kept =
        RecordRefusal(gateway, asked, features, *labelled, std::move(refused), decision.error());
    if (unanswered != nullptr) *unanswered = std::move(kept);
    return std::unexpected(decision.error());
  }
  decision->explanation.insert(decision->explanation.begin(), labelled->why.begin(),
                               labelled->why.end());
  if (!gateway.predictor_note.empty()) decision->explanation.push_back(gateway.predictor_note);
  Planned planned{.features = std::move(features), .marks = std::move(labelled->marks)};
  if (decision->confidence_min) {
    planned.facts = routing::FactsOf(request, asked.whole, *gateway.predictor);
    if (!earlier.prefixes.empty()) planned.facts->last_target = earlier.prefixes.front().target;
    if (decision->neighbours && asked.place && gateway.neighbours->size() > 0) {
      planned.facts->vote = gateway.neighbours->Vote(*asked.place);
    } else if (decision->neighbours && decision->goal.any()) {
      decision->explanation.push_back(fmt::format(
          "neighbours: abstain, {}", !asked.place ? asked.no_place : "nobody has a vote yet"));
    }
    const auto money = [&](const routing::Decision& about) {
      return gateway.accounts != nullptr ? gateway.accounts->Today(about, ExtentOf(request))
                                         : routing::MoneyToday();
    };
    planned.check =
        routing::Arrange(gateway.experience(), *planned.facts, money, gateway.goals, *decision);
    if (!planned.check) planned.check = routing::PlanForFacts(request, *planned.facts, *decision);
  }
  TellEarlier(gateway, earlier);
  DecisionRecord record = RecordOf(gateway, asked, planned.features, *labelled, *decision);
  record.facts = planned.facts;
  if (MayKeepPlace(labelled->label)) record.place = asked.place;
  return std::make_unique<RoutedGeneration>(gateway, asked, std::move(planned),
                                            std::move(*decision), std::move(record),
                                            std::move(request));
}

}  // namespace weir::gateway

#include "scheduler/world.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "scheduler/fake_memory.h"
#include "scheduler/scheduler.h"

namespace weir::scheduler::testing {
namespace {

constexpr Token kVocabulary = 5;
constexpr Token kNone = -1;
constexpr int64_t kStepsToDrain = 20'000;

// The model and sampler of one branch, given what it sees. -1 is the end of the answer.
Token SampleFrom(uint64_t history, RequestId id, int32_t branch) {
  const uint64_t draw = Mix(Mix(history, id % 3), static_cast<uint64_t>(branch % 2));
  return draw % 23 == 0 ? -1 : static_cast<Token>(draw / 23 % kVocabulary);
}

struct Client {
  Submission submission;
  std::vector<std::vector<Token>> answers;   // of each branch, as delivered
  std::vector<std::vector<Token>> expected;  // run alone
  std::vector<bool> ended;
  std::vector<bool> admitted;
  std::set<int32_t> prompt_outputs;
  bool cut_allowed = false;  // an injected fault may have ended it
  bool cancelled = false;
  bool paused = false;
  MonotonicTime arrival{};
  int64_t start_by = 0;  // a step; 0: it is not overdue
  bool live() const {
    return !cancelled && std::find(ended.begin(), ended.end(), false) != ended.end();
  }
};

class World {
 public:
  explicit World(const History& history)
      : history_(history), memory_(history.options), scheduler_(history.options) {}

  std::string Run() {
    for (const Action& action : history_.actions) {
      Act(action);
      if (!broken_.empty()) return broken_;
    }
    for (auto& [id, client] : clients_) Resume(id);
    for (int64_t i = 0; i < kStepsToDrain && broken_.empty(); ++i) {
      if (!Step(Action{}, nullptr) && broken_.empty()) break;
    }
    if (broken_.empty()) CheckAllEnded();
    return broken_;
  }

  Stats stats() const { return scheduler_.stats(); }

 private:
  void Break(std::string what) {
    if (broken_.empty()) broken_ = std::move(what);
  }

  void Act(const Action& action) {
    switch (action.kind) {
      case Action::Kind::kSubmit:
        return Submit(action);
      case Action::Kind::kCancel:
        return Cancel(Back(action.back));
      case Action::Kind::kPause:
        if (Client* client = Live(Back(action.back))) {
          client->paused = true;
          scheduler_.Pause(Back(action.back));
        }
        return;
      case Action::Kind::kResume:
        return Resume(Back(action.back));
      case Action::Kind::kStep:
        Step(action, nullptr);
        return;
      case Action::Kind::kCancelInStep:
      case Action::Kind::kSubmitInStep:
        Step(Action{}, &action);
        return;
    }
  }

  RequestId Back(int32_t back) const { return last_id_ - static_cast<RequestId>(back); }
  Client* Live(RequestId id) {
    const auto it = clients_.find(id);
    return it == clients_.end() || !it->second.live() ? nullptr : &it->second;
  }

  std::vector<Token> Prompt(const Action& action) {
    std::vector<Token> prompt;
    const auto before = clients_.find(Back(action.continues));
    if (action.continues >= 0 && before != clients_.end()) {
      prompt = before->second.submission.prompt;
      const std::vector<Token>& answer = before->second.answers.front();
      prompt.insert(prompt.end(), answer.begin(), answer.end());
    } else {
      for (int32_t i = 0; i < action.prefix; ++i) {
        prompt.push_back(static_cast<Token>(
            Mix(static_cast<uint64_t>(action.family), static_cast<uint64_t>(i)) % kVocabulary));
      }
    }
    for (int32_t i = 0; i < action.tail; ++i) {
      prompt.push_back(
          static_cast<Token>(Mix(action.tail_seed, static_cast<uint64_t>(i)) % kVocabulary));
    }
    return prompt;
  }

  int32_t RoomMax() const {
    const Options& o = history_.options;
    return o.context_max > 0 ? std::min(o.context_max, o.cells) : o.cells;
  }

  void Submit(const Action& action) {
    Submission s = SubmissionOf(action, last_id_ + 1, Prompt(action));
    const auto size = static_cast<int32_t>(s.prompt.size());
    const Result<void> result = scheduler_.Submit(s, now_);
    if (!result) {
      const Error& error = result.error();
      if (error.code == Code::kInvalidArgument && size >= 1 && size <= RoomMax()) {
        return Break("a prompt that fits was refused: " + error.message);
      }
      if (error.code != Code::kInvalidArgument && error.retry_after_s < 1) {
        return Break("a full queue without Retry-After");
      }
      return;
    }
    if (size < 1 || size > RoomMax()) return Break("a prompt that does not fit was taken");
    ++last_id_;
    const auto branches = static_cast<size_t>(s.forks);
    Client& client = clients_[s.id];
    client.submission = std::move(s);
    client.arrival = now_;
    client.answers.resize(branches);
    client.ended.resize(branches);
    client.admitted.resize(branches);
    if (Queued() > history_.options.waiting_max) Break("the queue grew past its bound");
    for (size_t b = 0; b < branches; ++b)
      client.expected.push_back(Alone(client.submission, static_cast<int32_t>(b)));
  }

  // Requests that were taken and never started.
  int32_t Queued() const {
    return static_cast<int32_t>(std::count_if(
        clients_.begin(), clients_.end(),
        [](const auto& entry) { return entry.second.live() && !entry.second.admitted.front(); }));
  }

  std::vector<Token> Alone(const Submission& s, int32_t branch) const {
    std::vector<Token> tokens = s.prompt;
    std::vector<Token> answer;
    while (static_cast<int32_t>(answer.size()) < s.max_new_tokens &&
           static_cast<int32_t>(tokens.size()) <= RoomMax()) {
      const Token token = SampleFrom(HistoryHash(tokens), s.id, branch);
      if (token < 0) break;
      answer.push_back(token);
      tokens.push_back(token);
    }
    return answer;
  }

  void Cancel(RequestId id) {
    scheduler_.Cancel(id);
    if (Client* client = Live(id)) client->cancelled = true;
  }
  void Resume(RequestId id) {
    if (Client* client = Live(id)) client->paused = false;
    scheduler_.Resume(id);
  }

  // One turn of the engine loop; false when there was nothing to do.
  bool Step(const Action& action, const Action* meanwhile) {
    now_ += std::chrono::milliseconds(5);
    memory_.failing = action.host_fails;
    const Plan plan = scheduler_.Next(now_);
    for (const SeqOp& op : plan.ops) {
      if (std::string rule = memory_.Apply(op); !rule.empty()) Break("op: " + rule);
    }
    memory_.AnswerTo(scheduler_);
    CheckHost();
    if (memory_.used() != scheduler_.stats().cells_used) {
      Break(fmt::format("the memory holds {} cells, the scheduler counts {}", memory_.used(),
                        scheduler_.stats().cells_used));
    }
    if (std::string rule = memory_.CheckRows(plan.rows); !rule.empty()) Break("rows: " + rule);
    if (!memory_.HasRoom(plan.rows.size())) Break("the plan takes more cells than there are");
    TakeEvents();
    ++steps_;
    if (history_.waits_are_bounded) CheckWaits();
    CheckRows(plan);
    CheckWhole(plan);
    if (!broken_.empty()) return false;
    if (plan.rows.empty()) return !plan.ops.empty();
    if (meanwhile != nullptr) {
      if (meanwhile->kind == Action::Kind::kCancelInStep) Cancel(Back(meanwhile->back));
      if (meanwhile->kind == Action::Kind::kSubmitInStep) Submit(*meanwhile);
    }
    Decode(plan, action);
    TakeEvents();
    return true;
  }

  // All that is there already, each row in a step of its own and computed twice: whoever waits for
  // longer waits for those that came later.
  int64_t WorkThere() const {
    int64_t rows = 1;
    for (const auto& [id, client] : clients_) {
      if (!client.live()) continue;
      const Submission& s = client.submission;
      rows += (static_cast<int64_t>(s.prompt.size()) + s.max_new_tokens) * s.forks;
    }
    return 2 * rows;
  }

  void CheckWaits() {
    for (auto& [id, client] : clients_) {
      const bool waits = client.live() && !client.admitted.front();
      if (!waits || now_ - client.arrival < history_.options.overdue) continue;
      if (client.start_by == 0) client.start_by = steps_ + WorkThere();
      if (steps_ > client.start_by) Break(fmt::format("request {} is left waiting", id));
    }
  }

  void CheckHost() {
    const Stats stats = scheduler_.stats();
    // Copies that were lost are forgotten with the next plan.
    const bool agree = static_cast<size_t>(stats.host_entries) <= memory_.copies() &&
                       stats.host_bytes <= memory_.copied_bytes();
    const bool exact = static_cast<size_t>(stats.host_entries) == memory_.copies() &&
                       stats.host_bytes == memory_.copied_bytes();
    if (!agree || (!exact && !memory_.failing)) {
      Break(fmt::format("{} copies of {} bytes in host memory, the scheduler counts {} of {}",
                        memory_.copies(), memory_.copied_bytes(), stats.host_entries,
                        stats.host_bytes));
    }
    if (memory_.copied_bytes() > history_.options.host_bytes_max) Break("too many bytes of copies");
  }

  void CheckRows(const Plan& plan) {
    std::set<std::pair<RequestId, int32_t>> asked;
    for (const Row& row : plan.rows) {
      const Client* client = Live(row.request);
      if (client == nullptr) return Break("a row of a request that is over");
      const Submission& s = client->submission;
      const auto pos = static_cast<size_t>(row.pos);
      const std::vector<Token>& answer = client->answers.at(static_cast<size_t>(row.branch));
      const size_t known = s.prompt.size() + answer.size();
      if (row.draft) {
        if (s.deterministic) return Break("a guess for a deterministic request");
        if (row.samples != 1 || !row.output) return Break("a guess that gives nothing");
        if (!asked.contains({row.request, row.branch})) return Break("a guess behind nothing");
        if (pos < known || pos >= s.prompt.size() + static_cast<size_t>(s.max_new_tokens)) {
          return Break("a guess at a token that cannot come");
        }
        continue;
      }
      if (pos >= known) return Break("a row for a token that is not known");
      const Token token = pos < s.prompt.size() ? s.prompt[pos] : answer[pos - s.prompt.size()];
      if (row.token != token) return Break("a row with another token");
      if (s.group != plan.group) return Break("a row of another group");
      if (!client->admitted[static_cast<size_t>(row.branch)])
        return Break("a row before the admission");
      const bool last = pos + 1 == known;
      const int32_t samples =
          !last || s.max_new_tokens == 0 ? 0 : (answer.empty() && row.branch == 0 ? s.forks : 1);
      if (row.samples != samples)
        return Break(fmt::format("a row asks for {} samples, not {}", row.samples, samples));
      const bool scored =
          s.prompt_outputs_from >= 0 && row.pos >= s.prompt_outputs_from && pos < s.prompt.size();
      if (samples > 0 && !row.output) return Break("a sample without logits");
      if (row.output && samples == 0 && !scored) return Break("logits that nobody asked for");
      if (samples > 0 && !asked.insert({row.request, row.branch}).second)
        return Break("asked twice");
    }
  }

  // Of tokens that belong into one step the plan has the last, if it has one of them.
  void CheckWhole(const Plan& plan) {
    std::set<std::tuple<RequestId, int32_t, int32_t>> there;
    for (const Row& row : plan.rows) there.insert({row.request, row.branch, row.pos});
    for (const Row& row : plan.rows) {
      for (const Stretch& stretch : clients_.at(row.request).submission.whole) {
        if (row.pos < stretch.from || row.pos >= stretch.to) continue;
        if (!there.contains({row.request, row.branch, stretch.to - 1}))
          Break("tokens that belong into one step are torn apart");
      }
    }
  }

  // The step is one whole fixed chunk of one prompt.
  bool IsFixedChunk(const Plan& plan) const {
    const Options& o = history_.options;
    const auto chunk = static_cast<size_t>(std::min(o.chunk_deterministic, o.batch_tokens_max));
    const Row& first = plan.rows.front();
    return plan.rows.size() == chunk && static_cast<size_t>(first.pos) % chunk == 0 &&
           plan.rows.back().seq == first.seq;
  }

  void Decode(const Plan& plan, const Action& action) {
    const Duration cost = std::chrono::microseconds(5000 + 900 * plan.rows.size());
    now_ += cost;
    StepOutcome outcome{.kind = action.outcome};
    const auto rows = static_cast<int32_t>(plan.rows.size());
    int32_t kept = rows;
    if (outcome.kind == StepOutcome::Kind::kNoRoom) kept = 0;
    if (outcome.kind == StepOutcome::Kind::kAborted || outcome.kind == StepOutcome::Kind::kFailed) {
      kept = std::min(action.cut, rows);
    }
    for (int32_t i = 0; i < kept; ++i) {
      const Row& row = plan.rows[static_cast<size_t>(i)];
      const Submission& s = clients_.at(row.request).submission;
      memory_.Put(row, {s.tenant_salt, s.group}, IsFixedChunk(plan));
    }
    std::set<Seq> seqs;
    for (const Row& row : plan.rows) seqs.insert(row.seq);
    if (outcome.kind == StepOutcome::Kind::kAborted) {
      for (const Seq seq : seqs) outcome.reached.push_back({seq, memory_.Length(seq)});
    }
    if (outcome.kind == StepOutcome::Kind::kFailed || outcome.kind == StepOutcome::Kind::kNoRoom) {
      for (const Row& row : plan.rows) clients_.at(row.request).cut_allowed = true;
    }
    scheduler_.Decoded(outcome, cost);
    if (outcome.kind == StepOutcome::Kind::kDone) {
      Token drawn = kNone;
      for (const Row& row : plan.rows) {
        drawn = row.IsVoidAfter(drawn) ? kNone : Deliver(row);
      }
    }
  }

  // What the row's last branch goes on with.
  Token Deliver(const Row& row) {
    Client& client = clients_.at(row.request);
    if (!row.output || client.cancelled) return kNone;
    const Submission& s = client.submission;
    const FakeMemory::Logits logits = memory_.See(row.seq, row.pos, row.request);
    for (const FakeMemory::Origin& origin : logits.origins) {
      if (origin != FakeMemory::Origin{s.tenant_salt, s.group})
        Break("a cell of another tenant or group was seen");
    }
    if (s.deterministic && logits.foreign_plain) {
      Break("a deterministic request saw cells that are not reproducible");
    }
    const auto pos = static_cast<size_t>(row.pos);
    if (pos < s.prompt.size() && s.prompt_outputs_from >= 0) {
      const std::span<const Token> history(s.prompt.data(), pos + 1);
      if (logits.hash != HistoryHash(history))
        Break("a scored row saw something else than its prompt");
      if (!client.prompt_outputs.insert(row.pos).second && row.samples == 0) Break("scored twice");
    }
    Token drawn = kNone;
    for (int32_t b = row.branch; b < row.branch + row.samples; ++b) {
      const auto index = static_cast<size_t>(b);
      drawn = kNone;
      if (client.ended[index]) continue;
      const Token token = SampleFrom(logits.hash, s.id, b);
      if (token < 0) {
        client.ended[index] = true;
        CheckAnswer(client, b, /*whole=*/true);
        scheduler_.Finished(s.id, b);
      } else {
        client.answers[index].push_back(token);
        scheduler_.Sampled(s.id, b, token);
        drawn = token;
      }
    }
    return drawn;
  }

  void CheckAnswer(const Client& client, int32_t branch, bool whole) {
    const std::vector<Token>& answer = client.answers[static_cast<size_t>(branch)];
    const std::vector<Token>& expected = client.expected[static_cast<size_t>(branch)];
    const bool prefix = answer.size() <= expected.size() &&
                        std::equal(answer.begin(), answer.end(), expected.begin());
    if (!prefix)
      return Break(fmt::format("request {} branch {} got another answer than alone",
                               client.submission.id, branch));
    if (whole && answer.size() != expected.size()) {
      Break(fmt::format("request {} branch {} got {} of {} tokens", client.submission.id, branch,
                        answer.size(), expected.size()));
    }
  }

  void TakeEvents() {
    for (const Event& event : scheduler_.TakeEvents()) {
      const auto it = clients_.find(event.request);
      if (it == clients_.end()) return Break("an event of no request");
      Client& client = it->second;
      const auto index = static_cast<size_t>(event.branch);
      const auto prompt = static_cast<int32_t>(client.submission.prompt.size());
      if (event.kind == Event::Kind::kAdmitted) {
        if (client.admitted[index]) Break("admitted twice");
        client.admitted[index] = true;
        if (event.cached_tokens > (event.branch == 0 ? prompt - 1 : prompt))
          Break("more cached than there is prompt");
      }
      if (event.kind == Event::Kind::kProgress && event.prompt_done > prompt)
        Break("more done than there is");
      if (event.kind != Event::Kind::kEnded || client.cancelled) continue;
      if (client.ended[index]) Break("ended twice");
      client.ended[index] = true;
      CheckEnd(client, event);
    }
  }

  void CheckEnd(const Client& client, const Event& event) {
    const Submission& s = client.submission;
    const auto answered =
        static_cast<int32_t>(client.answers[static_cast<size_t>(event.branch)].size());
    const auto size = static_cast<int32_t>(s.prompt.size());
    switch (event.reason) {
      case EndReason::kLength:
        if (answered != s.max_new_tokens) Break("ended by length too early");
        break;
      case EndReason::kOutOfRoom:
        if (size + answered <= RoomMax() && !client.cut_allowed)
          Break("ended for want of room that was there");
        break;
      case EndReason::kPromptDone:
        if (s.max_new_tokens != 0) Break("ended with the prompt");
        break;
      case EndReason::kFailed:
        if (!client.cut_allowed) Break("failed without a failure");
        break;
    }
    CheckAnswer(client, event.branch, event.reason == EndReason::kLength);
  }

  void CheckAllEnded() {
    for (const auto& [id, client] : clients_) {
      for (size_t b = 0; b < client.ended.size() && !client.cancelled; ++b) {
        if (!client.ended[b]) return Break(fmt::format("request {} branch {} never ends", id, b));
      }
      const Submission& s = client.submission;
      if (client.cancelled || client.cut_allowed || s.prompt_outputs_from < 0) continue;
      const auto wanted = static_cast<int32_t>(s.prompt.size()) - s.prompt_outputs_from;
      if (static_cast<int32_t>(client.prompt_outputs.size()) != wanted) {
        return Break(fmt::format("request {}: {} of {} prompt rows were scored", id,
                                 client.prompt_outputs.size(), wanted));
      }
    }
    const Stats stats = scheduler_.stats();
    if (stats.waiting + stats.prefilling + stats.decoding != 0) Break("somebody is left");
    if (stats.cells_used != stats.cells_idle) Break("cells are held for nobody");
    if (stats.seqs_used != stats.seqs_idle) Break("sequences are held for nobody");
  }

  const History& history_;
  FakeMemory memory_;
  Scheduler scheduler_;
  MonotonicTime now_{std::chrono::seconds(1)};
  std::map<RequestId, Client> clients_;
  RequestId last_id_ = 0;
  int64_t steps_ = 0;
  std::string broken_;
};

}  // namespace

std::string Replay(const History& history, Stats* at_end) {
  World world(history);
  std::string broken = world.Run();
  if (at_end != nullptr) *at_end = world.stats();
  return broken;
}

}  // namespace weir::scheduler::testing

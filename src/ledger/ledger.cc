#include "ledger/ledger.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <utility>

#include "async/channel.h"
#include "async/event.h"
#include "async/loop.h"
#include "async/spawn.h"
#include "base/check.h"
#include "base/log.h"

namespace weir::ledger {
namespace {

constexpr size_t kBatchMax = 256;         // entries that are handed over together
constexpr size_t kBatchesMax = 32;        // that the writer has not taken
constexpr size_t kTransactionMax = 4096;  // entries written together
constexpr size_t kQuestionsMax = 16;
constexpr Duration kTryAgain = std::chrono::seconds(1);
constexpr Duration kWarnEvery = std::chrono::minutes(1);
constexpr Duration kPrepareAhead = std::chrono::minutes(2);
constexpr int kBusyRetry_s = 1;

using Question = std::function<void(sqlite::Database&)>;

Error Unavailable(std::string what) {
  return {Code::kUnavailable, std::move(what), "", "ledger_unavailable", 5};
}

int SecondsUntil(WallTime end, WallTime now) {
  return static_cast<int>(
      std::clamp<int64_t>(UnixSeconds(end) - UnixSeconds(now) + 1, 1, int64_t{32} * 24 * 3600));
}

}  // namespace

struct Ledger::State : std::enable_shared_from_this<Ledger::State> {
  State(const Executor& on, const Clock& with, std::unique_ptr<sqlite::Database> writing,
        sqlite::Database reading, Journal tables)
      : executor(on),
        clock(with),
        writer_db(std::move(writing)),
        reader_db(std::move(reading)),
        journal(std::move(tables)),
        changed(on),
        batches(kBatchesMax),
        stopping(1),
        questions(kQuestionsMax) {}

  // The I/O thread's.
  Executor executor;
  const Clock& clock;
  Purses purses = {};
  std::vector<Command> pending = {};
  Gap gap = {};
  bool flush_planned = false;
  MonotonicTime warned{};
  uint64_t booked = 0;
  uint64_t dropped = 0;
  uint64_t refused = 0;
  uint64_t handed = 0;  // batches that were given to the writer

  // The writing thread's, once it runs.
  std::unique_ptr<sqlite::Database> writer_db;
  sqlite::Database reader_db;  // the reading thread's
  Journal journal;
  std::vector<Command> last = {};  // what the channel had no room for when it was closed

  Event changed;      // the disk has answered
  uint64_t done = 0;  // batches that are on the disk, as far as the I/O thread knows
  Channel<std::vector<Command>> batches;
  Channel<int> stopping;
  Channel<Question> questions;
  std::atomic<uint64_t> written = 0;
  std::atomic<uint64_t> failures = 0;
  std::thread writing = {};
  std::thread reading = {};

  void Put(Command command);
  void PutEntry(Entry entry);
  void HandOver();
  void PlanFlush();
  void SendWishes();
  void Answered(const std::vector<Lease>& leases, uint64_t batches_done);
  void WriteUntilClosed();
  bool WriteUntilGood(const std::vector<Command>& commands, std::vector<Lease>& leases);
  static Task<void> FlushLater(std::weak_ptr<State> state);
  Error Refusal(const Purses::Verdict& verdict, Pico amount, std::span<const Claim> claims);
};

Result<std::unique_ptr<Ledger>> Ledger::Open(const std::filesystem::path& folder,
                                             const Executor& executor, const Clock& clock) {
  const auto path = folder / kLedgerFile;
  auto writer = sqlite::Database::Open(path, {.bytes_max = kFileBytesMax});
  if (!writer) return Fail(writer.error());
  auto held = std::make_unique<sqlite::Database>(std::move(*writer));
  auto journal = Journal::Open(*held);
  if (!journal) return Fail(journal.error());
  auto reader = sqlite::Database::Open(path, {.read_only = true, .check = false});
  if (!reader) return Fail(reader.error());
  return std::unique_ptr<Ledger>(new Ledger(std::make_shared<State>(
      executor, clock, std::move(held), std::move(*reader), std::move(*journal))));
}

Ledger::Ledger(std::shared_ptr<State> state) : state_(std::move(state)) {
  State* raw = state_.get();  // outlives its threads: the destructor joins them
  raw->writing = std::thread([raw] { raw->WriteUntilClosed(); });
  raw->reading = std::thread([raw] {
    while (auto question = raw->questions.Pop()) (*question)(raw->reader_db);
  });
}

Ledger::~Ledger() {
  state_->HandOver();
  state_->last = std::move(state_->pending);
  state_->pending.clear();
  state_->questions.Close();
  state_->batches.Close();
  state_->stopping.Close();
  state_->writing.join();
  state_->reading.join();
}

// Everything that lasts goes through here, in order.
void Ledger::State::Put(Command command) {
  if (gap.entries > 0 && pending.size() + 1 < kPendingMax) {
    pending.push_back(std::exchange(gap, Gap{}));
  }
  pending.push_back(std::move(command));
  if (pending.size() >= kBatchMax) HandOver();
  if (!pending.empty()) PlanFlush();
}

void Ledger::State::PutEntry(Entry entry) {
  ++booked;
  if (pending.size() < kPendingMax) return Put(std::move(entry));
  ++dropped;
  if (gap.entries++ == 0) gap.from = entry.time;
  gap.until = entry.time;
  if (entry.price && entry.cost) {
    const auto known = std::ranges::find(gap.cost, entry.price->currency,
                                         [](const auto& item) { return item.first; });
    Pico& sum = known != gap.cost.end() ? known->second
                                        : gap.cost.emplace_back(entry.price->currency, 0).second;
    sum = Add(sum, *entry.cost);
  }
  for (const Charge& charge : entry.charges) {
    const auto known = std::ranges::find(gap.charges, charge.purse, &Charge::purse);
    if (known != gap.charges.end()) {
      known->amount = Add(known->amount, charge.amount);
    } else {
      gap.charges.push_back(charge);
    }
  }
  const MonotonicTime now = clock.Now();
  if (warned == MonotonicTime{} || now - warned >= kWarnEvery) {
    warned = now;
    LogError("the ledger's disk is too slow: {} entries are counted, but not kept", dropped);
  }
}

void Ledger::State::HandOver() {
  if (gap.entries > 0 && pending.size() < kPendingMax) {
    pending.push_back(std::exchange(gap, Gap{}));
  }
  if (pending.empty()) return;
  std::vector<Command> batch = std::move(pending);
  pending.clear();
  if (batches.Push(std::move(batch))) {
    ++handed;
  } else {
    pending = std::move(batch);  // NOLINT(bugprone-use-after-move): Push left it as it was
  }
}

void Ledger::State::PlanFlush() {
  if (std::exchange(flush_planned, true)) return;
  Spawn(executor, "ledger flush", FlushLater(weak_from_this()));
}

Task<void> Ledger::State::FlushLater(std::weak_ptr<State> state) {
  co_await SleepFor(kFlushAfter);
  const auto self = state.lock();
  if (!self) co_return;
  self->flush_planned = false;
  self->HandOver();
  if (!self->pending.empty()) self->PlanFlush();
}

void Ledger::State::SendWishes() {
  std::vector<LeaseWish> wishes = purses.TakeWishes();
  if (wishes.empty()) return;
  for (LeaseWish& wish : wishes) {
    if (pending.size() >= kPendingMax) {
      purses.NotLeased(wish.purse);
      continue;
    }
    Put(std::move(wish));
  }
  HandOver();  // somebody may be waiting
}

void Ledger::State::Answered(const std::vector<Lease>& leases, uint64_t batches_done) {
  for (const Lease& lease : leases) {
    if (lease.row) purses.Opened(lease.purse, *lease.row);
    purses.Leased(lease.purse, lease.ceiling);
  }
  done += batches_done;
  changed.Set();
}

// False when the program ends before the disk takes it.
bool Ledger::State::WriteUntilGood(const std::vector<Command>& commands,
                                   std::vector<Lease>& leases) {
  MonotonicTime told{};
  for (;;) {
    auto applied = journal.Apply(commands);
    if (applied) {
      leases = std::move(*applied);
      return true;
    }
    ++failures;
    const MonotonicTime now = SystemClock().Now();
    if (told == MonotonicTime{} || now - told >= kWarnEvery) {
      told = now;
      LogError("the ledger cannot be written: {}", applied.error().message);
    }
    stopping.PopUntil(now + kTryAgain);
    if (stopping.closed_and_empty()) return false;
  }
}

void Ledger::State::WriteUntilClosed() {
  const std::weak_ptr<State> self = weak_from_this();
  size_t lost = 0;
  for (;;) {
    auto first = batches.Pop();
    std::vector<Command> commands =
        first ? std::move(*first) : std::exchange(last, std::vector<Command>());
    if (commands.empty()) break;
    uint64_t taken = 1;
    while (commands.size() < kTransactionMax) {
      auto next = batches.TryPop();
      if (!next) break;
      ++taken;
      std::ranges::move(*next, std::back_inserter(commands));
    }
    std::vector<Lease> leases;
    if (!WriteUntilGood(commands, leases)) {
      lost += commands.size();
      continue;
    }
    written += static_cast<uint64_t>(std::ranges::count_if(
        commands, [](const Command& command) { return std::holds_alternative<Entry>(command); }));
    Post(executor, [self, leases = std::move(leases), taken] {
      if (const auto state = self.lock()) state->Answered(leases, taken);
    });
  }
  if (lost > 0) {
    LogError(
        "{} entries of the ledger could not be written before the end; what they may have "
        "cost counts as spent",
        lost);
    return;
  }
  if (auto closed = journal.Close(); !closed) LogError("{}", closed.error().message);
}

Error Ledger::State::Refusal(const Purses::Verdict& verdict, Pico amount,
                             std::span<const Claim> claims) {
  using Kind = Purses::Verdict::Kind;
  ++refused;
  const PurseId& purse = verdict.purse;
  const std::string which = fmt::format(
      "budget '{}' ({})", purse.budget,
      purse.window == Window::kTotal ? "in all" : fmt::format("per {}", WindowName(purse.window)));
  if (verdict.kind == Kind::kTooMany) {
    return Unavailable(fmt::format("more than {} budgets are in use at once", Purses::kPursesMax));
  }
  if (verdict.kind == Kind::kBusy) {
    return {Code::kRateLimited,
            fmt::format("{} has {} left, which requests that run now may need; wait, or ask for "
                        "fewer tokens",
                        which, MoneyText(verdict.left)),
            "", "budget_exhausted", kBusyRetry_s};
  }
  const auto claim = std::ranges::find(claims, purse, &Claim::purse);
  if (claim != claims.end() && amount > claim->limit) {
    return {
        Code::kRateLimited,
        fmt::format("{} allows {} and this request alone may cost {}, which never fits; ask for "
                    "fewer tokens (max_tokens)",
                    which, MoneyText(claim->limit), MoneyText(amount)),
        "", "budget_exhausted"};
  }
  return {Code::kRateLimited,
          fmt::format("{} has {} left and this request may cost {}; {}ask for fewer tokens "
                      "(max_tokens)",
                      which, MoneyText(verdict.left), MoneyText(amount),
                      verdict.until ? "wait, or " : ""),
          "", "budget_exhausted",
          verdict.until ? SecondsUntil(*verdict.until, clock.WallNow()) : 0};
}

Task<Result<void>> Ledger::Reserve(std::vector<Claim> claims, Pico amount) {
  const auto state = state_;
  const MonotonicTime until = SystemClock().Now() + kLeasePatience;
  for (;;) {
    const Purses::Verdict verdict = state->purses.Reserve(claims, amount);
    state->SendWishes();
    if (verdict.kind == Purses::Verdict::Kind::kTaken) co_return Result<void>();
    if (verdict.kind != Purses::Verdict::Kind::kWait) {
      co_return Fail(state->Refusal(verdict, amount, claims));
    }
    state->changed.Reset();
    if (auto changed = co_await state->changed.WaitUntil(until); !changed) {
      if (changed.error().code == Code::kCancelled) co_return changed;
      ++state->refused;
      co_return Fail(Unavailable("the budget's lease could not be written in time"));
    }
  }
}

void Ledger::Book(Entry entry, const std::vector<Claim>& claims, Pico reserved) {
  const Pico cost = entry.cost.value_or(0);
  entry.reserved = reserved;
  entry.charges.clear();
  if (cost > 0) {
    for (const Claim& claim : claims) entry.charges.push_back({claim.purse, cost});
  }
  state_->purses.Settle(claims, reserved, cost);
  state_->PutEntry(std::move(entry));
  state_->SendWishes();
}

void Ledger::Return(const std::vector<Claim>& claims, Pico reserved) {
  state_->purses.Settle(claims, reserved, 0);
}

void Ledger::Tick(std::span<const Budget> budgets) {
  const WallTime now = state_->clock.WallNow();
  state_->purses.Tidy(now);
  for (const Budget& budget : budgets) {
    for (const WallTime at :
         {now, now + std::chrono::duration_cast<WallTime::duration>(kPrepareAhead)}) {
      for (const Claim& claim : ClaimsOf(budget, at)) state_->purses.Prepare(claim);
    }
  }
  state_->SendWishes();
}

Task<Result<void>> Ledger::Flush() {
  const auto state = state_;
  const MonotonicTime until = SystemClock().Now() + kLeasePatience;
  state->HandOver();
  while (!state->pending.empty() || state->done < state->handed) {
    state->changed.Reset();
    if (auto changed = co_await state->changed.WaitUntil(until); !changed) {
      if (changed.error().code == Code::kCancelled) co_return changed;
      co_return Fail(Unavailable("the ledger's disk does not answer"));
    }
    if (state->done >= state->handed) state->HandOver();
  }
  co_return Result<void>();
}

Task<Result<void>> Ledger::ReleaseHeld(PurseId purse) {
  const auto state = state_;
  state->Put(Release{purse});
  if (auto flushed = co_await Flush(); !flushed) co_return flushed;
  state->purses.Released(purse);
  co_return Result<void>();
}

Task<Result<void>> Ledger::Run(Question question) {
  const auto state = state_;
  if (auto flushed = co_await Flush(); !flushed) co_return flushed;
  Event answered(state->executor);
  auto pushed = state->questions.Push(
      [question = std::move(question), set = answered.Setter()](sqlite::Database& db) {
        question(db);
        set();
      });
  if (!pushed) {
    co_return Fail(Unavailable(
        fmt::format("{} questions wait for the ledger already, the most", kQuestionsMax)));
  }
  co_return co_await answered.Wait();
}

const Purses& Ledger::purses() const { return state_->purses; }

Ledger::Figures Ledger::figures() const {
  return {.booked = state_->booked,
          .written = state_->written,
          .dropped = state_->dropped,
          .failures = state_->failures,
          .refused = state_->refused,
          .pending = state_->pending.size()};
}

}  // namespace weir::ledger

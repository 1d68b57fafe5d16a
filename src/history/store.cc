#include "history/store.h"

#include <functional>
#include <thread>
#include <utility>
#include <vector>

#include "async/event.h"
#include "async/handover.h"
#include "base/background.h"
#include "base/log.h"

namespace weir::history {
namespace {

constexpr int64_t kFileBytesMax = int64_t{4} << 30;
// A record has about 1.3 KiB. A third less of the thread's time than at 4 KiB, and of the file.
constexpr int kPageBytes = 16 << 10;
// Beside requests on one processor: their p99 is 700 to 1,200 us at 10, 400 to 600 at 14, 340 to
// 500 at 19, where records pile up once both processors are busy.
constexpr int kNice = 14;
constexpr auto kTidyEvery = std::chrono::minutes(1);

}  // namespace

struct Store::State {
  struct Job {
    std::move_only_function<Result<void>(Shelf&)> work = {};
    // After the commit, with the error of whichever of the two failed.
    std::move_only_function<void(Result<void>)> done = {};
  };

  State(const Executor& on, const Clock& time, Shelf opened)
      : executor(on), clock(time), shelf(std::move(opened)), waiting(kWaitingMax) {}

  void WorkUntilClosed() {
    WorkInBackground(kNice);
    for (;;) {
      auto batch = waiting.Take(kGather);
      if (batch.empty()) return;
      Write(batch);
    }
  }

  void Write(Handover<Job>::Batch& batch) {
    struct Waiting {
      size_t place = 0;
      Result<void> result = {};
    };
    std::vector<Waiting> waiting_for_it;
    auto transaction = shelf.Begin();
    for (size_t i = 0; i < batch.size(); ++i) {
      Result<void> result =
          transaction ? batch[i].work(shelf) : Result<void>(Fail(transaction.error()));
      if (batch[i].done) {
        waiting_for_it.push_back({i, std::move(result)});
      } else {
        batch.GiveBack(i);  // a large batch is not to lie in memory twice
      }
    }
    if (transaction && clock.Now() >= tidy_at) {
      tidy_at = clock.Now() + kTidyEvery;
      if (auto tidied = shelf.Tidy(clock.WallNow()); !tidied) Tell(tidied.error());
    }
    const Result<void> committed =
        transaction ? transaction->Commit() : Result<void>(Fail(transaction.error()));
    if (!committed) Tell(committed.error());
    for (Waiting& one : waiting_for_it) {
      batch[one.place].done(committed ? std::move(one.result) : committed);
    }
  }

  // Once a minute: a full disk fails every batch.
  void Tell(const Error& error) {
    if (clock.Now() < tell_at) return;
    tell_at = clock.Now() + kTidyEvery;
    LogWarning("decisions are not kept: {}", error.message);
  }

  // Runs `call` on the store's thread. What it uses is its own: the caller may be cancelled.
  template <class T>
  Task<Result<T>> Run(std::move_only_function<Result<T>(Shelf&)> call) {
    struct Shared {
      explicit Shared(const Executor& on) : done(on), set_done(done.Setter()) {}
      Event done;
      std::function<void()> set_done;
      Result<T> result = Fail(Code::kInternal, "nothing came of it");
      Result<void> written = {};
    };
    const auto shared = std::make_shared<Shared>(executor);
    Job job{.work = [shared, call = std::move(call)](Shelf& on) mutable -> Result<void> {
              shared->result = call(on);
              return {};
            },
            .done =
                [shared](Result<void> written) {
                  shared->written = std::move(written);
                  shared->set_done();
                }};
    if (!waiting.Push(std::move(job))) {
      co_return Fail(Code::kUnavailable, "too many wait for kept decisions; try again", "",
                     "storage_busy");
    }
    if (auto waited = co_await shared->done.Wait(); !waited) co_return Fail(waited.error());
    if (!shared->written) co_return Fail(shared->written.error());
    co_return std::move(shared->result);
  }

  Executor executor;
  const Clock& clock;
  Shelf shelf;  // the thread's, once that runs
  Handover<Job> waiting;
  MonotonicTime tidy_at = MonotonicTime::min();
  MonotonicTime tell_at = MonotonicTime::min();
  std::thread thread = {};
};

Result<std::unique_ptr<Store>> Store::Open(const std::filesystem::path& folder,
                                           const Executor& executor, const Clock& clock,
                                           const Bounds& bounds) {
  auto db = sqlite::Database::Open(folder / kHistoryFile,
                                   {.bytes_max = kFileBytesMax, .page_bytes = kPageBytes});
  if (!db) return Fail(db.error());
  auto shelf = Shelf::Open(std::move(*db), bounds);
  if (!shelf) return Fail(shelf.error());
  auto paces = shelf->Paces();
  if (!paces) return Fail(paces.error());
  return std::unique_ptr<Store>(
      new Store(std::make_unique<State>(executor, clock, std::move(*shelf)), std::move(*paces)));
}

Store::Store(std::unique_ptr<State> state, std::vector<Pace> paces)
    : state_(std::move(state)), paces_(std::move(paces)) {
  state_->thread = std::thread([state = state_.get()] { state->WorkUntilClosed(); });
}

Store::~Store() {
  state_->waiting.Close();
  state_->thread.join();
}

void Store::Add(Record record) {
  State::Job job{.work = [record = std::move(record)](Shelf& shelf) { return shelf.Put(record); }};
  if (!state_->waiting.Push(std::move(job))) ++dropped_;
}

void Store::Signal(std::string id, Signals signals) {
  State::Job job{.work = [id = std::move(id), signals](Shelf& shelf) -> Result<void> {
    if (auto set = shelf.Signal(id, signals); !set) return Fail(set.error());
    return {};
  }};
  if (!state_->waiting.Push(std::move(job))) ++dropped_;
}

void Store::KeepPace(Pace pace) {
  State::Job job{.work = [pace = std::move(pace), now = state_->clock.WallNow()](Shelf& shelf) {
    return shelf.PutPace(pace, now);
  }};
  if (!state_->waiting.Push(std::move(job))) ++dropped_;
}

Task<Result<std::optional<Record>>> Store::Find(std::string id) {
  co_return co_await state_->Run<std::optional<Record>>(
      [id = std::move(id)](Shelf& shelf) { return shelf.Find(id); });
}

Task<Result<void>> Store::Vote(std::string id, std::optional<bool> up) {
  co_return co_await state_->Run<void>([id = std::move(id), up](Shelf& shelf) -> Result<void> {
    const auto there = shelf.Vote(id, up);
    if (!there) return Fail(there.error());
    if (*there) return {};
    return Fail(Code::kNotFound, "there is no such decision here (any more)", "id",
                "decision_not_found");
  });
}

Task<Result<routing::Learned>> Store::Learn() {
  co_return co_await state_->Run<routing::Learned>([](Shelf& shelf) -> Result<routing::Learned> {
    const auto outcomes = shelf.Outcomes();
    if (!outcomes) return Fail(outcomes.error());
    return routing::Learn(*outcomes);
  });
}

namespace {

Result<Store::Voters> VotersOf(Shelf& shelf, const routing::Refit& refit) {
  auto known = shelf.Neighbours();
  if (!known) return Fail(known.error());
  Store::Voters voters{.neighbours = routing::Neighbours(std::move(*known))};
  voters.judgement = voters.neighbours.Judge(refit);
  if (!voters.judgement.adopted) voters.neighbours = {};
  return voters;
}

}  // namespace

Task<Result<Store::Voters>> Store::LearnNeighbours(routing::Refit refit) {
  co_return co_await state_->Run<Voters>(
      [refit = std::move(refit)](Shelf& shelf) { return VotersOf(shelf, refit); });
}

Result<Store::Voters> Store::ReadVoters(const std::filesystem::path& folder,
                                        const routing::Refit& refit) {
  auto shelf = Shelf::OpenToRead(folder);
  if (!shelf) return Fail(shelf.error());
  return VotersOf(*shelf, refit);
}

}  // namespace weir::history

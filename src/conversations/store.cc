#include "conversations/store.h"

#include <functional>
#include <optional>
#include <thread>
#include <utility>

#include "async/channel.h"
#include "async/event.h"
#include "conversations/shelf.h"

namespace weir::conversations {
namespace {

// Beyond Limits::bytes_max for rows, indexes and pages that are half empty.
constexpr int64_t kFileBytesMax = int64_t{8} << 30;

}  // namespace

struct Store::State {
  using Job = std::move_only_function<void(Shelf&, int64_t now_s)>;

  State(const Executor& on, const Clock& time, Shelf opened)
      : executor(on), clock(time), shelf(std::move(opened)), waiting(kWaitingMax) {}

  // Runs `call` on the store's thread. What it uses is its own: the caller may be cancelled.
  template <class T>
  Task<Result<T>> Run(std::move_only_function<Result<T>(Shelf&, int64_t)> call) {
    struct Shared {
      explicit Shared(const Executor& on) : done(on), set_done(done.Setter()) {}
      Event done;
      std::function<void()> set_done;
      Result<T> result = Fail(Code::kInternal, "nothing came of it");
    };
    const auto shared = std::make_shared<Shared>(executor);
    Job job = [shared, call = std::move(call)](Shelf& on, int64_t now_s) mutable {
      shared->result = call(on, now_s);
      shared->set_done();
    };
    if (!waiting.Push(std::move(job))) {
      co_return Fail(Code::kUnavailable, "too many wait for kept conversations; try again", "",
                     "storage_busy");
    }
    if (auto waited = co_await shared->done.Wait(); !waited) co_return Fail(waited.error());
    co_return std::move(shared->result);
  }

  void WorkUntilClosed() {
    while (auto job = waiting.Pop()) (*job)(shelf, UnixSeconds(clock.WallNow()));
  }

  Executor executor;
  const Clock& clock;
  Shelf shelf;  // the thread's, once that runs
  Channel<Job> waiting;
  std::thread thread = {};
};

Result<std::unique_ptr<Store>> Store::Open(const std::filesystem::path& folder,
                                           const Executor& executor, const Clock& clock,
                                           const Limits& limits) {
  auto db = sqlite::Database::Open(folder / "conversations.db", {.bytes_max = kFileBytesMax});
  if (!db) return Fail(db.error());
  auto shelf = Shelf::Open(std::move(*db), limits, UnixSeconds(clock.WallNow()));
  if (!shelf) return Fail(shelf.error());
  return std::unique_ptr<Store>(
      new Store(std::make_unique<State>(executor, clock, std::move(*shelf))));
}

Store::Store(std::unique_ptr<State> state) : state_(std::move(state)) {
  state_->thread = std::thread([state = state_.get()] { state->WorkUntilClosed(); });
}

Store::~Store() {
  state_->waiting.Close();
  state_->thread.join();
}

Task<Result<void>> Store::Put(Owner owner, Answer answer) {
  co_return co_await state_->Run<void>(
      [owner = std::move(owner), answer = std::move(answer)](Shelf& shelf, int64_t now_s) {
        return shelf.Put(owner, answer, now_s);
      });
}

Task<Result<std::string>> Store::Body(Owner owner, std::string id) {
  co_return co_await state_->Run<std::string>(
      [owner = std::move(owner), id = std::move(id)](Shelf& shelf, int64_t now_s) {
        return shelf.Body(owner, id, now_s);
      });
}

Task<Result<std::vector<Item>>> Store::History(Owner owner, std::string id, bool output) {
  co_return co_await state_->Run<std::vector<Item>>(
      [owner = std::move(owner), id = std::move(id), output](Shelf& shelf, int64_t now_s) {
        return shelf.History(owner, id, output, now_s);
      });
}

Task<Result<std::vector<Item>>> Store::Find(Owner owner, std::vector<std::string> item_ids) {
  co_return co_await state_->Run<std::vector<Item>>(
      [owner = std::move(owner), ids = std::move(item_ids)](Shelf& shelf, int64_t) {
        return shelf.Find(owner, ids);
      });
}

Task<Result<void>> Store::Remove(Owner owner, std::string id) {
  co_return co_await state_->Run<void>(
      [owner = std::move(owner), id = std::move(id)](Shelf& shelf, int64_t) {
        return shelf.Remove(owner, id);
      });
}

}  // namespace weir::conversations

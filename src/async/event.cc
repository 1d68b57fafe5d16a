#include "async/event.h"

#include <algorithm>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <list>
#include <utility>

#include "async/loop.h"

namespace weir {
namespace asio = boost::asio;

struct Event::State : std::enable_shared_from_this<State> {
  explicit State(Executor e) : executor(std::move(e)) {}

  struct Waiter {
    uint64_t id;
    bool* timed_out;  // of the waiting coroutine; null when it waits for ever
    std::move_only_function<void()> resume;
  };

  void Set() {
    set = true;
    while (!waiters.empty()) Resume(waiters.begin());
  }
  void Resume(std::list<Waiter>::iterator waiter) {
    asio::post(executor, std::move(waiter->resume));
    waiters.erase(waiter);
  }
  void ResumeById(uint64_t id) {
    const auto waiter = std::ranges::find(waiters, id, &Waiter::id);
    if (waiter != waiters.end()) Resume(waiter);
  }
  void TimeOut(uint64_t id) {
    const auto waiter = std::ranges::find(waiters, id, &Waiter::id);
    if (waiter == waiters.end()) return;
    *waiter->timed_out = true;
    Resume(waiter);
  }
  // A waiter that was resumed meanwhile is not found: its coroutine, and `timer`, may be gone.
  void Arm(asio::steady_timer& timer, uint64_t id) {
    timer.async_wait([weak = weak_from_this(), id](boost::system::error_code error) {
      const std::shared_ptr<State> self = weak.lock();
      if (!error && self) self->TimeOut(id);
    });
  }

  template <class Handler>
  void Add(Handler handler, bool* timed_out = nullptr) {
    auto slot = asio::get_associated_cancellation_slot(handler);
    const uint64_t id = next_id++;
    // The slot is cleared before the coroutine goes on; until then a cancellation finds no waiter
    // of this id.
    waiters.push_back({id, timed_out, [slot, handler = std::move(handler)]() mutable {
                         if (slot.is_connected()) slot.clear();
                         std::move(handler)();
                       }});
    if (!slot.is_connected()) return;
    slot.assign([weak = weak_from_this(), id](asio::cancellation_type) {
      if (const std::shared_ptr<State> self = weak.lock()) self->ResumeById(id);
    });
  }

  Executor executor;
  bool set = false;
  uint64_t next_id = 0;
  std::list<Waiter> waiters;
};

Event::Event(Executor executor) : state_(std::make_shared<State>(std::move(executor))) {}
Event::~Event() = default;

void Event::Set() { state_->Set(); }
void Event::Reset() { state_->set = false; }
bool Event::is_set() const { return state_->set; }

Task<Result<void>> Event::Wait() {
  const std::shared_ptr<State> state = state_;
  if (!state->set && !co_await IsCancelled()) {
    co_await asio::async_initiate<const asio::use_awaitable_t<>, void()>(
        [&state](auto handler) { state->Add(std::move(handler)); }, asio::use_awaitable);
  }
  if (co_await IsCancelled()) co_return Fail(Code::kCancelled, "cancelled while waiting");
  co_return Result<void>();
}

// Streams wait like this for every token, so the alarm is a bare timer and no second coroutine.
Task<Result<void>> Event::WaitUntil(MonotonicTime deadline) {
  const std::shared_ptr<State> state = state_;
  bool timed_out = false;
  if (!state->set && !co_await IsCancelled()) {
    asio::steady_timer timer(state->executor, deadline);
    co_await asio::async_initiate<const asio::use_awaitable_t<>, void()>(
        [&](auto handler) {
          state->Arm(timer, state->next_id);
          state->Add(std::move(handler), &timed_out);
        },
        asio::use_awaitable);
  }
  if (co_await IsCancelled()) co_return Fail(Code::kCancelled, "cancelled while waiting");
  if (timed_out) {
    co_return Fail(Code::kDeadlineExceeded, "the deadline of the request passed");
  }
  co_return Result<void>();
}

void Event::Abandon() { std::exchange(state_->waiters, {}); }

std::function<void()> Event::Setter() {
  return [executor = state_->executor, weak = std::weak_ptr(state_)] {
    asio::post(executor, [weak] {
      if (const std::shared_ptr<State> state = weak.lock()) state->Set();
    });
  };
}

}  // namespace weir

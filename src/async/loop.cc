#include "async/loop.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

namespace weir {
namespace asio = boost::asio;

struct Loop::State {
  asio::io_context context{1};  // one thread runs it; others may post
};

Loop::Loop() : state_(std::make_unique<State>()) {}
Loop::~Loop() = default;

Executor Loop::executor() { return state_->context.get_executor(); }

void Loop::Run() {
  state_->context.restart();
  state_->context.run();
}

bool Loop::RunFor(Duration limit) {
  state_->context.restart();
  state_->context.run_for(limit);
  return state_->context.stopped();
}

void Loop::Stop() { state_->context.stop(); }

void Post(const Executor& executor, std::move_only_function<void()> work) {
  asio::post(executor, std::move(work));
}

Task<bool> SleepUntil(MonotonicTime time) {
  if (co_await IsCancelled()) co_return false;
  asio::steady_timer timer(co_await asio::this_coro::executor);
  timer.expires_at(time);
  boost::system::error_code error;
  co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, error));
  co_return !error;
}

Task<bool> SleepFor(Duration duration) {
  return SleepUntil(std::chrono::steady_clock::now() + duration);
}

Task<bool> IsCancelled() {
  const asio::cancellation_state state = co_await asio::this_coro::cancellation_state;
  co_return state.cancelled() != asio::cancellation_type::none;
}

}  // namespace weir

#include "async/deadline.h"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/this_coro.hpp>
#include <exception>

#include "async/loop.h"
#include "base/log.h"

namespace weir {
namespace asio = boost::asio;
namespace {

enum class End : uint8_t { kNotYet, kWork, kDeadline };

// Both sides of the race are roots of their own for Asio, so each switches throwing off again
// (spawn.cc).
Task<void> Work(Task<void> work, End& first) {
  co_await asio::this_coro::throw_if_cancelled(false);
  co_await std::move(work);
  if (first == End::kNotYet) first = End::kWork;
}

Task<void> Alarm(MonotonicTime deadline, End& first) {
  co_await asio::this_coro::throw_if_cancelled(false);
  if (co_await SleepUntil(deadline) && first == End::kNotYet) first = End::kDeadline;
}

}  // namespace

Task<bool> RunUntil(MonotonicTime deadline, Task<void> work) {
  using namespace asio::experimental::awaitable_operators;
  if (co_await IsCancelled()) co_return true;
  End first = End::kNotYet;
  // When the caller is cancelled the race reports it by throwing; `work` has seen the cancellation
  // by then.
  try {
    co_await (Work(std::move(work), first) || Alarm(deadline, first));
  } catch (const boost::system::system_error& error) {
    if (error.code() != asio::error::operation_aborted) throw;
  }
  co_return first != End::kDeadline;
}

}  // namespace weir

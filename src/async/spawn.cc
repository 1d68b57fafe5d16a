#include "async/spawn.h"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>
#include <exception>
#include <utility>

#include "base/log.h"

namespace weir {
namespace asio = boost::asio;

struct CancelHandle::State {
  explicit State(const Executor& on) : executor(on) {}

  Executor executor;
  asio::cancellation_signal signal = {};
  bool ended = false;  // the Task is over, or its Loop is
};

CancelHandle::CancelHandle() = default;

void CancelHandle::Cancel() const {
  if (!state_ || state_->ended) return;
  // Emitting may end the Task and with it the last other owner of the state. Asio passes the signal
  // on through the executor, and into a slot that may be gone by then unless this runs on it
  // already: between two runs of the Loop it does not.
  asio::dispatch(state_->executor,
                 [keep = state_] { keep->signal.emit(asio::cancellation_type::terminal); });
}

namespace {

// Cancellation is a returned value in our code (task.h), so the root switches Asio's throwing off
// for its whole tree.
Task<void> Root(Task<void> task) {
  co_await asio::this_coro::throw_if_cancelled(false);
  co_await std::move(task);
}

// Marks the end of a Task, however it comes about: its completion is destroyed.
class EndMark {
 public:
  explicit EndMark(std::shared_ptr<bool> ended) : ended_(std::move(ended)) {}
  EndMark(EndMark&&) = default;
  EndMark& operator=(EndMark&&) = delete;
  ~EndMark() {
    if (ended_) *ended_ = true;
  }

 private:
  std::shared_ptr<bool> ended_;
};

void LogEscaped(std::string_view name, const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const boost::system::system_error& e) {
    // Asio's own word for a Task that was cancelled before its first step.
    if (e.code() != asio::error::operation_aborted) {
      LogError("task '{}' ended with an exception: {}", name, e.what());
    }
  } catch (const std::exception& e) {
    LogError("task '{}' ended with an exception: {}", name, e.what());
  } catch (...) {
    LogError("task '{}' ended with an exception that is no std::exception", name);
  }
}

}  // namespace

CancelHandle Spawn(const Executor& executor, std::string_view name, Task<void> task,
                   std::move_only_function<void()> done) {
  CancelHandle handle;
  handle.state_ = std::make_shared<CancelHandle::State>(executor);
  // The completion owns the state: the slot must live as long as the Task that listens to it.
  auto completion = [name, end = EndMark({handle.state_, &handle.state_->ended}),
                     done = std::move(done)](std::exception_ptr error) mutable {
    if (error) LogEscaped(name, error);
    if (done) done();
  };
  asio::co_spawn(executor, Root(std::move(task)),
                 asio::bind_cancellation_slot(handle.state_->signal.slot(), std::move(completion)));
  return handle;
}

}  // namespace weir

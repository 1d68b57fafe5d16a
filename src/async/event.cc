#include "async/event.h"

#include <utility>

#include "async/root_task.h"

namespace weir {

struct Event::State {
  explicit State(const Executor& on) : executor(on) {}

  void Set() {
    set = true;
    while (!waiters.empty()) waiters.front().ResumeSoon();
  }

  const Executor executor;
  bool set = false;
  LinkedList<weir::Wait> waiters = {};
};

bool Event::Waiting::Begin() {
  if (event_.set) return false;
  event_.waiters.PushBack(*this);
  if (deadline_ != MonotonicTime::max()) Arm(chain().loop, deadline_);
  return true;
}

void Event::Waiting::Ring() {
  timed_out_ = true;
  ResumeSoon();
}

Result<void> Event::Waiting::await_resume() const {
  if (cancelled()) return Fail(Code::kCancelled, "cancelled while waiting");
  if (timed_out_) {
    return Fail(Code::kDeadlineExceeded, "the deadline of the request passed");
  }
  return {};
}

Event::Event(const Executor& executor) : state_(std::make_shared<State>(executor)) {}
Event::~Event() = default;

void Event::Set() { state_->Set(); }
void Event::Reset() { state_->set = false; }
bool Event::is_set() const { return state_->set; }

void Event::Abandon() {
  const std::shared_ptr<State> state = state_;  // a waiter may own this Event
  while (!state->waiters.empty()) {
    RootTask& root = state->waiters.front().chain().root;
    root.Destroy();
  }
}

std::function<void()> Event::Setter() {
  return [executor = state_->executor, weak = std::weak_ptr(state_)] {
    Post(executor, [weak] {
      if (const std::shared_ptr<State> state = weak.lock()) state->Set();
    });
  };
}

}  // namespace weir

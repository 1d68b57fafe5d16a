#include "async/loop_core.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "async/root_task.h"
#include "base/check.h"

namespace weir {
namespace {

// Of what is ready before the kernel is asked again.
constexpr int kRunAtOnce = 256;

thread_local const LoopCore* running_here = nullptr;

}  // namespace

void Chain::Cancel() {
  if (std::exchange(cancelled, true)) return;
  if (wait != nullptr) wait->Cancel();
}

void Wait::ResumeSoon() {
  if (std::exchange(resumed_, true)) return;
  Detach();
  Leave();
  chain_->loop.AddReady(*this);
}

void Wait::Run() {
  chain_->wait = nullptr;
  coroutine_.resume();
}

struct LoopCore::Posted final : Ready {
  explicit Posted(std::move_only_function<void()> what) : work(std::move(what)) {}
  void Run() override {
    const std::unique_ptr<Posted> self(this);
    work();
  }
  std::move_only_function<void()> work;
};

LoopCore::LoopCore() : epoll_(epoll_create1(EPOLL_CLOEXEC)), wake_(eventfd(0, EFD_CLOEXEC)) {
  epoll_event event{.events = EPOLLIN, .data = {.ptr = nullptr}};
  CHECK(epoll_ >= 0 && wake_ >= 0 && epoll_ctl(epoll_, EPOLL_CTL_ADD, wake_, &event) == 0,
        "the kernel gives a loop its descriptors");
}

// What waits is destroyed, and whatever that posts, too.
LoopCore::~LoopCore() {
  do {
    while (!roots_.empty()) roots_.front().Destroy();
    while (!heard_.empty()) {
      Heard& heard = heard_.front();
      heard.Leave();
      heard.OnLoopEnd();
    }
    while (!alarms_.empty()) alarms_.back()->Disarm();
    TakePosted();
    // Only posted work is left there: what resumes a coroutine left with it.
    while (!ready_.empty()) {
      Ready& ready = ready_.front();
      ready.Leave();
      if (auto* posted = dynamic_cast<Posted*>(&ready)) delete posted;
    }
  } while (!roots_.empty() || !heard_.empty() || has_posted_);
  close(epoll_);
  close(wake_);
}

void LoopCore::AddRoot(RootTask& root) { roots_.PushBack(root); }

bool LoopCore::IsRunningHere() const { return running_here == this; }

void LoopCore::Post(std::move_only_function<void()> work) {
  auto posted = std::make_unique<Posted>(std::move(work));
  if (IsRunningHere()) return ready_.PushBack(*posted.release());
  {
    MutexLock lock(mutex_);
    posted_.push_back(posted.get());
    [[maybe_unused]] Posted* const taken = posted.release();
  }
  has_posted_ = true;
  Wake();
}

void LoopCore::Stop() {
  stopped_ = true;
  Wake();
}

void LoopCore::Wake() {
  if (!sleeping_.exchange(false)) return;
  const uint64_t one = 1;
  CHECK(write(wake_, &one, sizeof one) == sizeof one, "an eventfd takes a one");
}

bool LoopCore::TakePosted() {
  if (!has_posted_.exchange(false)) return false;
  std::vector<Posted*> taken;
  {
    MutexLock lock(mutex_);
    taken.swap(posted_);
  }
  for (Posted* posted : taken) ready_.PushBack(*posted);
  return !taken.empty();
}

bool LoopCore::RunUntil(MonotonicTime deadline) {
  const auto* const outer = std::exchange(running_here, this);
  const struct Back {
    const LoopCore* to;
    ~Back() { running_here = to; }
  } back{outer};
  stopped_ = false;
  for (;;) {
    TakePosted();
    if (!alarms_.empty()) Ring(SystemClock().Now());
    RunReady();
    if (stopped_) return true;
    if (ready_.empty() && !has_posted_ && !AnythingLeft()) return true;
    if (deadline != MonotonicTime::max() && SystemClock().Now() >= deadline) return false;
    Poll(deadline);
  }
}

void LoopCore::RunReady() {
  for (int i = 0; i < kRunAtOnce && !ready_.empty() && !stopped_; ++i) {
    Ready& ready = ready_.front();
    ready.Leave();
    ready.Run();
  }
}

// Asks the kernel once, and waits there when nothing is ready.
void LoopCore::Poll(MonotonicTime deadline) {
  int patience_ms = 0;
  if (ready_.empty()) {
    MonotonicTime until = deadline;
    if (!alarms_.empty()) until = std::min(until, alarms_.front()->at_);
    patience_ms = -1;
    if (until != MonotonicTime::max()) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - SystemClock().Now());
      constexpr int64_t kLongestMs = 60'000;
      patience_ms = static_cast<int>(std::clamp<int64_t>(left.count(), 0, kLongestMs));
    }
    // From here on whoever posts wakes us; what was posted before is seen by the question after it.
    sleeping_ = true;
    if (has_posted_ || stopped_) patience_ms = 0;
  }
  std::array<epoll_event, kEventsAtOnce> events;
  const int count = epoll_wait(epoll_, events.data(), kEventsAtOnce, patience_ms);
  sleeping_ = false;
  CHECK(count >= 0 || errno == EINTR, "epoll_wait waits");
  for (int i = 0; i < count; ++i) {
    if (auto* heard = static_cast<Heard*>(events[static_cast<size_t>(i)].data.ptr)) {
      heard->OnEvents(events[static_cast<size_t>(i)].events);
    } else {
      uint64_t ones = 0;
      [[maybe_unused]] const ssize_t got = read(wake_, &ones, sizeof ones);
    }
  }
}

void Alarm::Arm(LoopCore& loop, MonotonicTime at) {
  Disarm();
  loop_ = &loop;
  at_ = at;
  loop.Insert(*this);
}

void Alarm::Disarm() {
  if (loop_ == nullptr) return;
  std::exchange(loop_, nullptr)->Remove(*this);
}

// Only those that were armed before: an alarm that rings may arm one for the past.
void LoopCore::Ring(MonotonicTime now) {
  const uint64_t before = alarms_armed_;
  while (!alarms_.empty() && alarms_.front()->at_ <= now && alarms_.front()->number_ < before) {
    Alarm& alarm = *alarms_.front();
    alarm.Disarm();
    alarm.Ring();
  }
}

bool LoopCore::Before(const Alarm& a, const Alarm& b) {
  return a.at_ != b.at_ ? a.at_ < b.at_ : a.number_ < b.number_;
}

void LoopCore::Insert(Alarm& alarm) {
  alarm.number_ = alarms_armed_++;
  alarm.place_ = alarms_.size();
  alarms_.push_back(&alarm);
  Sift(alarm.place_);
}

void LoopCore::Remove(Alarm& alarm) {
  const size_t place = alarm.place_;
  alarms_[place] = alarms_.back();
  alarms_[place]->place_ = place;
  alarms_.pop_back();
  if (place < alarms_.size()) Sift(place);
}

// Moves the one at `place` to where it belongs, up or down.
void LoopCore::Sift(size_t place) {
  const auto swap = [this](size_t a, size_t b) {
    std::swap(alarms_[a], alarms_[b]);
    alarms_[a]->place_ = a;
    alarms_[b]->place_ = b;
  };
  for (; place > 0 && Before(*alarms_[place], *alarms_[(place - 1) / 2]); place = (place - 1) / 2) {
    swap(place, (place - 1) / 2);
  }
  for (;;) {
    size_t least = place;
    for (const size_t child : {2 * place + 1, 2 * place + 2}) {
      if (child < alarms_.size() && Before(*alarms_[child], *alarms_[least])) least = child;
    }
    if (least == place) return;
    swap(place, least);
    place = least;
  }
}

}  // namespace weir

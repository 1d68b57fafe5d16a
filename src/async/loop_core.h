// The inside of a Loop: what is ready to run, what waits for a time, what waits for the kernel.
// Internal to async. Everything but Post and Stop belongs to the Loop's thread.
//
// Nothing here runs a coroutine but Run: whoever sets an event, cancels a tree or sees a descriptor
// become ready puts what waits into the queue of what is ready. Being there costs no memory of its
// own: the entries are parts of what they resume.
#pragma once

#include <array>
#include <atomic>
#include <coroutine>
#include <cstdint>
#include <functional>
#include <vector>

#include "async/mutex.h"
#include "async/task.h"
#include "base/clock.h"

namespace weir {

// An entry of a doubly linked list, at most one; it leaves its list when it ends.
class Link {
 public:
  Link() = default;
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;
  ~Link() { Leave(); }

  bool linked() const { return next_ != nullptr; }
  void Leave() {
    if (next_ == nullptr) return;
    next_->previous_ = previous_;
    previous_->next_ = next_;
    next_ = previous_ = nullptr;
  }

 private:
  template <class T>
  friend class LinkedList;
  Link* next_ = nullptr;
  Link* previous_ = nullptr;
};

// Of what derives from Link; owns none of it.
template <class T>
class LinkedList {
 public:
  LinkedList() { ends_.next_ = ends_.previous_ = &ends_; }
  LinkedList(const LinkedList&) = delete;
  LinkedList& operator=(const LinkedList&) = delete;
  ~LinkedList() {
    while (!empty()) ends_.next_->Leave();
    ends_.next_ = nullptr;
  }

  bool empty() const { return ends_.next_ == &ends_; }
  T& front() { return static_cast<T&>(*ends_.next_); }
  void PushBack(T& entry) {
    Link& link = entry;
    link.previous_ = ends_.previous_;
    link.next_ = &ends_;
    ends_.previous_->next_ = &link;
    ends_.previous_ = &link;
  }

 private:
  Link ends_;
};

// What the loop runs when its turn comes; it may end meanwhile.
class Ready : public Link {
 public:
  virtual void Run() = 0;

 protected:
  ~Ready() = default;
};

// What a coroutine waits for. It lies in the coroutine's frame.
class Wait : public Ready {
 public:
  Wait() = default;

  // The coroutine goes on soon. Once.
  void ResumeSoon();
  // As ResumeSoon, because its tree was cancelled.
  virtual void Cancel() { ResumeSoon(); }
  Chain& chain() const { return *chain_; }

 protected:
  ~Wait() {
    if (chain_ != nullptr && chain_->wait == this) chain_->wait = nullptr;
  }
  // False when the tree was cancelled already: then there is nothing to wait for.
  template <class Promise>
  bool Suspend(std::coroutine_handle<Promise> coroutine) {
    coroutine_ = coroutine;
    chain_ = coroutine.promise().chain;
    if (chain_->cancelled) return false;
    chain_->wait = this;
    return true;
  }
  // No longer in any queue but that of what is ready.
  virtual void Detach() {}
  bool cancelled() const { return chain_ != nullptr && chain_->cancelled; }

 private:
  void Run() final;

  std::coroutine_handle<> coroutine_ = {};
  Chain* chain_ = nullptr;
  bool resumed_ = false;
};

// Something that is to happen at a time; disarmed when it ends.
class Alarm {
 public:
  Alarm() = default;
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;

  void Arm(LoopCore& loop, MonotonicTime at);
  void Disarm();
  bool armed() const { return loop_ != nullptr; }

 protected:
  ~Alarm() { Disarm(); }
  virtual void Ring() = 0;  // it is disarmed by then

 private:
  friend class LoopCore;
  LoopCore* loop_ = nullptr;
  MonotonicTime at_ = {};
  uint64_t number_ = 0;  // of equal times the first armed is the first to ring
  size_t place_ = 0;     // in the heap
};

// What hears of a descriptor.
class Heard : public Link {
 public:
  virtual void OnEvents(uint32_t events) = 0;  // of epoll
  virtual void OnLoopEnd() = 0;

 protected:
  ~Heard() = default;
};

class LoopCore {
 public:
  LoopCore();
  ~LoopCore();
  LoopCore(const LoopCore&) = delete;
  LoopCore& operator=(const LoopCore&) = delete;

  // False when the time came first.
  bool RunUntil(MonotonicTime deadline);
  void Stop();
  void Post(std::move_only_function<void()> work);

  // Whether this thread runs it now.
  bool IsRunningHere() const;
  void AddReady(Ready& ready) { ready_.PushBack(ready); }
  void AddRoot(RootTask& root);
  int epoll_fd() const { return epoll_; }
  void AddHeard(Heard& heard) { heard_.PushBack(heard); }
  // What keeps Run from returning, besides what is ready, alarms and roots.
  void CountWait(int change) { waits_ += change; }

 private:
  friend class Alarm;
  struct Posted;

  bool TakePosted();
  void RunReady();
  void Ring(MonotonicTime now);
  void Poll(MonotonicTime deadline);
  void Wake();
  bool AnythingLeft() const { return !alarms_.empty() || waits_ > 0 || !roots_.empty(); }

  void Insert(Alarm& alarm);
  void Remove(Alarm& alarm);
  void Sift(size_t place);
  static bool Before(const Alarm& a, const Alarm& b);

  static constexpr size_t kEventsAtOnce = 128;

  int epoll_ = -1;
  int wake_ = -1;  // an eventfd
  LinkedList<Ready> ready_;
  LinkedList<RootTask> roots_;
  LinkedList<Heard> heard_;
  std::vector<Alarm*> alarms_;  // a heap, the next one first
  uint64_t alarms_armed_ = 0;
  int waits_ = 0;

  std::atomic<bool> stopped_ = false;
  std::atomic<bool> sleeping_ = false;
  std::atomic<bool> has_posted_ = false;
  Mutex mutex_;
  std::vector<Posted*> posted_ GUARDED_BY(mutex_);
};

}  // namespace weir

// A bounded queue from one thread to another that takes no lock, not even the allocator's: what a
// thread of low priority (base/background.h) can be given things by. Such a thread may be kept from
// running at any instruction for as long as the others have work; a lock that it held then would
// hold up whoever wants it next.
//
// What was taken is destroyed by the thread that pushed it, at its later pushes, a few at each:
// memory goes back to where it came from (glibc locks the arena of another thread's memory), and no
// push pays for a whole batch.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <thread>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/clock.h"

namespace weir {

template <class T>
class Handover {
  struct Node {
    T value;
    Node* next = nullptr;
  };

 public:
  // In the order of the pushes; given back when it ends. The Handover outlives it.
  class Batch {
   public:
    explicit Batch(Handover& from) : from_(from) {}
    Batch(Batch&& other) noexcept : from_(other.from_), nodes_(std::exchange(other.nodes_, {})) {}
    Batch& operator=(Batch&&) = delete;
    ~Batch() {
      for (Node* node : nodes_) {
        if (node != nullptr) from_.PushOnto(from_.spent_, *node);
      }
    }

    bool empty() const { return nodes_.empty(); }
    size_t size() const { return nodes_.size(); }
    T& operator[](size_t place) { return nodes_[place]->value; }
    // Before the others; it is not to be looked at any more.
    void GiveBack(size_t place) {
      from_.PushOnto(from_.spent_, *std::exchange(nodes_[place], nullptr));
    }

   private:
    friend class Handover;
    Handover& from_;
    std::vector<Node*> nodes_ = {};
  };

  explicit Handover(size_t capacity) : capacity_(capacity) {
    CHECK(capacity > 0, "a handover holds at least one value");
  }
  Handover(const Handover&) = delete;
  Handover& operator=(const Handover&) = delete;
  // Neither thread uses it any more.
  ~Handover() {
    DestroyAll(pushed_.load());
    DestroyAll(spent_.load());
    DestroyAll(returned_);
  }

  // The pushing thread. False, with `value` left as it was, when full or closed.
  bool Push(T&& value) {
    DestroySome();
    if (closed_ || waiting_ >= capacity_) return false;
    ++waiting_;
    PushOnto(pushed_, *new Node{.value = std::move(value)});
    if (filled_.exchange(1) == 0) filled_.notify_one();
    return true;
  }
  // The pushing thread. No pushes from now on; what is inside can still be taken.
  void Close() {
    closed_ = true;
    filled_ = 1;
    filled_.notify_one();
  }

  // The taking thread: waits for a value, then `gather` longer for others; pushes wake nobody
  // meanwhile. Empty when closed and everything was taken.
  Batch Take(Duration gather) {
    Batch batch(*this);
    for (bool closed = false; batch.empty() && !closed;) {
      filled_.wait(0);
      if (!closed_) std::this_thread::sleep_for(gather);
      filled_ = 0;  // whoever pushes from here on sets it again
      closed = closed_;
      if (closed) filled_ = 1;
      for (Node* node = pushed_.exchange(nullptr); node != nullptr; node = node->next) {
        batch.nodes_.push_back(node);
      }
    }
    std::ranges::reverse(batch.nodes_);
    waiting_ -= batch.size();
    return batch;
  }

 private:
  // Nobody takes one node off a list, only whole lists are taken: a head that is there again is the
  // same list.
  static void PushOnto(std::atomic<Node*>& head, Node& node) {
    node.next = head.load();
    while (!head.compare_exchange_weak(node.next, &node)) {
    }
  }
  static void DestroyAll(Node* node) {
    while (node != nullptr) delete std::exchange(node, node->next);
  }
  // More than one: what is spent never grows over what waits.
  void DestroySome() {
    constexpr int kDestroyedPerPush = 4;
    for (int i = 0; i < kDestroyedPerPush; ++i) {
      if (returned_ == nullptr) returned_ = spent_.exchange(nullptr);
      if (returned_ == nullptr) return;
      delete std::exchange(returned_, returned_->next);
    }
  }

  const size_t capacity_;
  std::atomic<Node*> pushed_ = nullptr;  // the newest first
  std::atomic<Node*> spent_ = nullptr;
  Node* returned_ = nullptr;  // the pushing thread's: spent, and to be destroyed
  std::atomic<size_t> waiting_ = 0;
  std::atomic<int> filled_ = 0;  // 1: there may be something; an int is what a futex waits for
  std::atomic<bool> closed_ = false;
};

}  // namespace weir

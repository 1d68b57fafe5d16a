// Events of an answer on their way from the coroutine that reads a provider to the stream that a
// client takes them from. Whoever puts waits for room before it reads on, so a client that takes
// nothing holds some events, or some bytes, and what came in one piece beyond that.
//
// One thread.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <utility>
#include <variant>

#include "async/event.h"
#include "async/task.h"
#include "chat/event.h"

namespace weir::backends {

class UnreadEvents {
 public:
  static constexpr size_t kCountMax = 256;
  static constexpr size_t kBytesMax = size_t{1} << 20;

  explicit UnreadEvents(const Executor& executor) : taken_(executor) {}

  bool empty() const { return events_.empty(); }
  size_t bytes() const { return bytes_; }  // of text, arguments and log-probabilities

  void Put(chat::Event event) {
    bytes_ += SizeOf(event);
    events_.push_back(std::move(event));
  }
  // The oldest.
  std::optional<chat::Event> Take() {
    if (events_.empty()) return std::nullopt;
    std::optional<chat::Event> event = std::move(events_.front());
    events_.pop_front();
    bytes_ -= SizeOf(*event);
    // Not at the first that is taken: the two would take turns for each event.
    if (events_.size() <= kCountMax / 4 && bytes_ <= kBytesMax / 4) taken_.Set();
    return event;
  }
  Task<Result<void>> WaitForRoom() {
    while (events_.size() >= kCountMax || bytes_ >= kBytesMax) {
      taken_.Reset();
      if (auto room = co_await taken_.Wait(); !room) co_return room;
    }
    co_return Result<void>();
  }

 private:
  static size_t SizeOf(const chat::Event& event) {
    const auto* delta = std::get_if<chat::Delta>(&event);
    return delta == nullptr ? 0 : chat::BytesOf(*delta);
  }

  Event taken_;
  std::deque<chat::Event> events_ = {};
  size_t bytes_ = 0;
};

}  // namespace weir::backends

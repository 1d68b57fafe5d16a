// Whether one place may be asked now, learnt from how it answered. Pure: outcomes with their time
// go in, the answer comes out.
//
//   closed     asked freely; opens after kFailuresInRow failures in a row, or when half of the last
//              kWindow outcomes (at least kWindowMin of them) were failures; after the first one
//              where another place does the same work
//   open       not asked for a while: kOpenFirst, twice as long each time, up to kOpenMax
//   half open  one request at a time is let through as a probe; success closes, failure opens again
//
// Beside it a pause that the place itself asked for (Retry-After), and whether the model is gone.
// One thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "base/result.h"

namespace weir::backends {

class Breaker {
 public:
  static constexpr int kFailuresInRow = 5;
  static constexpr int kWindow = 20;
  static constexpr int kWindowMin = 10;
  static constexpr Duration kOpenFirst = std::chrono::seconds(5);
  static constexpr Duration kOpenMax = std::chrono::minutes(5);
  static constexpr Duration kPauseMax = std::chrono::minutes(2);

  enum class State : uint8_t { kClosed, kOpen, kHalfOpen };

  State At(MonotonicTime now) const {
    if (open_until_ == MonotonicTime()) return State::kClosed;
    return now < open_until_ ? State::kOpen : State::kHalfOpen;
  }
  // Whether a request may go there now. A probe that is under way keeps others out.
  bool MayAsk(MonotonicTime now) const {
    if (now < pause_until_) return false;
    const State state = At(now);
    return state == State::kClosed || (state == State::kHalfOpen && !probing_);
  }
  // A request goes there.
  void Begin(MonotonicTime now) {
    if (At(now) == State::kHalfOpen) probing_ = true;
  }
  // The place answered well. A probe that did closes the breaker and wipes out what it remembers.
  void Succeed(MonotonicTime now) {
    if (At(now) != State::kClosed) {
      const MonotonicTime pause = pause_until_;
      *this = Breaker();
      pause_until_ = pause;
      return;
    }
    history_ = (history_ << 1) & kMask;
    seen_ = std::min(seen_ + 1, kWindow);
    in_row_ = 0;
  }
  // The place failed; not: the request was wrong, or was cancelled. `others`: another place that is
  // well does the same work meanwhile.
  void Fail(MonotonicTime now, bool others = false) {
    const bool instead = others && At(now) == State::kClosed;
    const bool probe_failed = std::exchange(probing_, false);
    history_ = (history_ << 1 | 1u) & kMask;
    seen_ = std::min(seen_ + 1, kWindow);
    ++in_row_;
    const int failures = __builtin_popcount(history_);
    const bool half = seen_ >= kWindowMin && failures * 2 >= seen_;
    if (probe_failed || instead || in_row_ >= kFailuresInRow || half) Open(now);
  }
  // It answered, but it was no success either (a rejected or cancelled request): a probe says
  // nothing, and the next may try.
  void Abandon() { probing_ = false; }
  void Pause(MonotonicTime now, Duration wait) {
    pause_until_ = std::max(pause_until_, now + std::min(wait, kPauseMax));
  }
  // Opens at once: the place says that it will not work (a refused key, a retired model).
  void OpenFor(MonotonicTime now, Duration time) {
    probing_ = false;
    open_until_ = now + time;
  }
  // When to ask again, for Retry-After.
  MonotonicTime until() const { return std::max(open_until_, pause_until_); }

 private:
  static constexpr uint32_t kMask = (1u << kWindow) - 1;

  void Open(MonotonicTime now) {
    open_time_ = open_time_ == Duration() ? kOpenFirst : std::min(open_time_ * 2, kOpenMax);
    open_until_ = now + open_time_;
    in_row_ = 0;
    history_ = 0;
    seen_ = 0;
  }

  uint32_t history_ = 0;  // of the last kWindow outcomes; 1 is a failure
  int seen_ = 0;
  int in_row_ = 0;
  bool probing_ = false;
  Duration open_time_ = {};
  MonotonicTime open_until_ = {};
  MonotonicTime pause_until_ = {};
};

std::string_view BreakerStateName(Breaker::State state);

}  // namespace weir::backends

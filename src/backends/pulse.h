// Whether an engine that owes an answer still lives: a pure state machine, driven by ticks.
//
// Every frame of an engine is sent between two of its steps, so a frame proves that a step has come
// to its end. One that is silent is asked for a sign of life; no sign within `bound` means that it
// hangs: stopped, or in a step that takes too long. Time is counted in ticks and not read from a
// clock, so a gateway that itself stood still for a while blames nobody: it counts one tick, and
// then reads what has arrived meanwhile.
//
// One thread. It sends and ends nothing; backends/engine_connection.h does.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "base/clock.h"

namespace weir::backends {

class Pulse {
 public:
  enum class Verdict : uint8_t {
    kWell,
    kAsk,   // send it something that it answers between steps
    kHung,  // silent for `bound` since it was asked
  };

  // `bound` above zero. Between a silence and kHung pass at most the bound and three ticks.
  explicit Pulse(Duration bound)
      : tick_(std::clamp<Duration>(bound / 4, kTickMin, kTickMax)),
        ticks_max_((bound + tick_ - Duration(1)) / tick_) {}

  Duration tick() const { return tick_; }  // between two calls of Tick

  // Something that it answers was sent.
  void Sent() { owes_ = true; }
  void Heard() {
    owes_ = asked_ = false;
    silent_ = 0;
  }
  // Whether Tick has to be called; `busy`: requests are open, so more frames have to come.
  bool watching(bool busy) const { return busy || owes_; }

  Verdict Tick(bool busy) {
    if (!watching(busy)) {
      silent_ = 0;
      return Verdict::kWell;
    }
    ++silent_;
    if (asked_) return silent_ >= ticks_max_ ? Verdict::kHung : Verdict::kWell;
    if (silent_ < kSilentBeforeAsking) return Verdict::kWell;
    owes_ = asked_ = true;
    silent_ = 0;
    return Verdict::kAsk;
  }

 private:
  static constexpr Duration kTickMin = std::chrono::milliseconds(10);
  static constexpr Duration kTickMax = std::chrono::milliseconds(250);
  static constexpr int64_t kSilentBeforeAsking = 2;  // ticks: one of them is whole

  Duration tick_;
  int64_t ticks_max_;
  bool owes_ = false;
  bool asked_ = false;
  int64_t silent_ = 0;  // ticks, since a frame came or since it was asked
};

}  // namespace weir::backends

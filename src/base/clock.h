// Time as a value that is handed in. Pure code takes a MonotonicTime as an argument; code that has
// to ask holds a Clock, and tests give it a FakeClock that moves only when told.
#pragma once

#include <chrono>
#include <cstdint>

namespace weir {

// Since an arbitrary start; never goes back; for durations and deadlines.
using MonotonicTime = std::chrono::time_point<std::chrono::steady_clock, std::chrono::nanoseconds>;
using Duration = std::chrono::nanoseconds;
// Since the Unix epoch; may jump; for what people read and what crosses machines.
using WallTime = std::chrono::time_point<std::chrono::system_clock, std::chrono::microseconds>;

// Any thread may call it.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual MonotonicTime Now() const = 0;
  virtual WallTime WallNow() const = 0;
};

// The machine's clocks. Lives as long as the program.
const Clock& SystemClock();

// Stands still until it is moved. One thread.
class FakeClock final : public Clock {
 public:
  MonotonicTime Now() const override { return now_; }
  WallTime WallNow() const override { return wall_; }
  void Advance(Duration by) {
    now_ += by;
    wall_ += std::chrono::duration_cast<std::chrono::microseconds>(by);
  }
  void SetWall(WallTime wall) { wall_ = wall; }

 private:
  MonotonicTime now_{std::chrono::seconds(1)};
  WallTime wall_{std::chrono::seconds(1'700'000'000)};
};

inline int64_t UnixSeconds(WallTime time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}
inline double Milliseconds(Duration d) {
  return std::chrono::duration<double, std::milli>(d).count();
}

}  // namespace weir

// What a supervised server writes, as lines for the log. Pure: bytes and the time go in.
//
// A server writes what it likes: lines are cut, bytes that are no text replaced, and beyond a rate
// they are left out and counted. One for each life of a server.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace weir {

class OutputLines {
 public:
  static constexpr size_t kLineBytesMax = 1000;
  static constexpr double kLinesPerSecond = 20;
  static constexpr double kLinesAtOnce = 200;

  using Sink = std::function<void(std::string_view line)>;

  void Feed(std::string_view bytes, MonotonicTime now, const Sink& sink);
  // Says how many were left out since the last line.
  void TellLeftOut(const Sink& sink);
  // What has no end of line yet, and how many were left out last.
  void End(MonotonicTime now, const Sink& sink);
  // The newest line that was not empty.
  const std::string& last() const { return last_; }

 private:
  void Take(MonotonicTime now, const Sink& sink);

  std::string line_;
  bool cut_ = false;
  std::string last_;
  double allowed_ = kLinesAtOnce;
  MonotonicTime counted_{};
  size_t left_out_ = 0;
};

}  // namespace weir

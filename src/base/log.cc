#include "base/log.h"

#include <unistd.h>

#include <ctime>
#include <string>

#include "base/clock.h"
#include "base/terminal_text.h"

namespace weir {
namespace {

struct LogState {
  std::string process = "weir";
  LogLevel level = LogLevel::kWarning;
};
LogState& State() {
  static LogState state;
  return state;
}

std::string_view Name(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarning:
      return "warning";
    case LogLevel::kError:
      return "error";
    case LogLevel::kOff:
      break;
  }
  return "off";
}

}  // namespace

LogLevel LogLevelFromName(std::string_view name) {
  for (LogLevel level : {LogLevel::kDebug, LogLevel::kWarning, LogLevel::kError, LogLevel::kOff}) {
    if (name == Name(level)) return level;
  }
  return LogLevel::kInfo;
}

void SetUpLog(std::string_view process, LogLevel level) {
  State().process = process;
  State().level = level;
}

bool LogEnabled(LogLevel level) { return level >= State().level; }

void LogLine(LogLevel level, std::string_view message) {
  const WallTime now = SystemClock().WallNow();
  const std::time_t seconds = UnixSeconds(now);
  const auto millis = (now.time_since_epoch().count() / 1000) % 1000;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  char stamp[32];
  std::strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &utc);
  // A line break inside a message would let it forge the next line.
  const std::string line = fmt::format("{}.{:03}Z {} {}: {}\n", stamp, millis, Name(level),
                                       State().process, OneLine(message));
  // One write: lines of several threads and processes do not mix. A log that cannot be written is
  // no reason to stop.
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace weir

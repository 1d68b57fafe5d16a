// One line for an event, to stderr: `2026-11-21T17:04:05.123Z info gateway: engine ready
// model=smollm2:135m`. Any thread may log. Never log prompt text, keys, headers or bodies; ids,
// names, counts and times are fine.
#pragma once

#include <fmt/core.h>

#include <string_view>
#include <utility>

namespace weir {

enum class LogLevel : uint8_t { kDebug, kInfo, kWarning, kError, kOff };

// "debug", "info", "warning", "error", "off"; info for anything else.
LogLevel LogLevelFromName(std::string_view name);

// `process` ("gateway", "engine") stands in every line. Call once, before threads start.
void SetUpLog(std::string_view process, LogLevel level);
bool LogEnabled(LogLevel level);
void LogLine(LogLevel level, std::string_view message);

template <class... Args>
void Log(LogLevel level, fmt::format_string<Args...> format, Args&&... args) {
  if (LogEnabled(level)) LogLine(level, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void LogInfo(fmt::format_string<Args...> format, Args&&... args) {
  Log(LogLevel::kInfo, format, std::forward<Args>(args)...);
}
template <class... Args>
void LogWarning(fmt::format_string<Args...> format, Args&&... args) {
  Log(LogLevel::kWarning, format, std::forward<Args>(args)...);
}
template <class... Args>
void LogError(fmt::format_string<Args...> format, Args&&... args) {
  Log(LogLevel::kError, format, std::forward<Args>(args)...);
}
template <class... Args>
void LogDebug(fmt::format_string<Args...> format, Args&&... args) {
  Log(LogLevel::kDebug, format, std::forward<Args>(args)...);
}

}  // namespace weir

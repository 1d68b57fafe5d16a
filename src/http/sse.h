// Server-sent events: writing them, and reading them from bytes that come in any pieces. Pure.
// Source: WHATWG HTML, 9.2 "Server-sent events".
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace weir::http {

// "event: <name>\ndata: <line>\n\n"; no event line when `event` is empty; one data line for each
// line of `data` (LF, CR and CRLF all end one, and come back as LF). `event` holds no line ends
// (CHECK).
void AppendSseEvent(std::string& out, std::string_view event, std::string_view data);
// ": <text>\n\n", which readers ignore: a heartbeat. `text` holds no line ends (CHECK).
void AppendSseComment(std::string& out, std::string_view text);

struct SseLimits {
  size_t line_bytes = 1024 * 1024;
  size_t event_bytes = 4 * 1024 * 1024;  // data of one event
};

// Reads a stream. CRLF, LF and CR end a line, wherever the pieces are split; a byte order mark at
// the start is skipped; an event without data is dropped, and so is one that the end of the stream
// cuts off, as the standard says.
class SseReader {
 public:
  struct Event {
    std::string event;  // "" means "message"
    std::string data;
    std::string id;  // the last id seen in the stream
  };
  // Returns false to stop.
  using Sink = std::function<bool(const Event&)>;

  explicit SseReader(SseLimits limits = {}) : limits_(limits) {}

  // Calls `sink` for every event that `bytes` completes. kTooLarge over a limit, kCancelled when
  // the sink stopped; the reader is not used after either.
  Result<void> Feed(std::string_view bytes, const Sink& sink);

  // Whether bytes of an event that is not complete are held: at the end of a stream, that something
  // was cut off.
  bool holds_part() const { return !line_.empty() || has_data_; }

 private:
  Result<void> OnLine(std::string_view line, const Sink& sink);
  Result<void> OnField(std::string_view name, std::string_view value);
  Result<void> Dispatch(const Sink& sink);

  SseLimits limits_;
  std::string line_;
  bool after_cr_ = false;
  bool at_start_ = true;
  bool has_data_ = false;
  Event event_;
};

}  // namespace weir::http

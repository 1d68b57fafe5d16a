#include "http/sse.h"

#include <algorithm>

#include "base/check.h"

namespace weir::http {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr std::string_view kLineEnds = "\r\n";

// Where the first line ends: at its CR or LF, or with the text. Two searches for one byte each are
// faster than one for either.
size_t LineEnd(std::string_view text) {
  const size_t line_feed = std::min(text.find('\n'), text.size());
  return std::min(text.substr(0, line_feed).find('\r'), line_feed);
}

bool IsOneLine(std::string_view text) {
  return text.find_first_of(kLineEnds) == std::string_view::npos;
}

}  // namespace

void AppendSseEvent(std::string& out, std::string_view event, std::string_view data) {
  CHECK(IsOneLine(event), "an event name is one line");
  if (!event.empty()) out.append("event: ").append(event).append("\n");
  while (true) {
    const size_t end = data.find_first_of(kLineEnds);
    out.append("data: ").append(data.substr(0, end)).append("\n");
    if (end == std::string_view::npos) break;
    data.remove_prefix(end + (data.substr(end).starts_with("\r\n") ? 2 : 1));
  }
  out.append("\n");
}

void AppendSseComment(std::string& out, std::string_view text) {
  CHECK(IsOneLine(text), "a comment is one line");
  out.append(": ").append(text).append("\n\n");
}

Result<void> SseReader::Feed(std::string_view bytes, const Sink& sink) {
  while (!bytes.empty()) {
    if (after_cr_) {  // the LF of a CRLF that was split
      after_cr_ = false;
      if (bytes.front() == '\n') {
        bytes.remove_prefix(1);
        continue;
      }
    }
    const size_t end = LineEnd(bytes);
    if (line_.size() + end > limits_.line_bytes) {
      return Fail(Code::kTooLarge, "a line of the event stream is longer than " +
                                       std::to_string(limits_.line_bytes) + " bytes");
    }
    if (end == bytes.size()) {
      line_.append(bytes);
      break;
    }
    std::string_view line = bytes.substr(0, end);
    if (!line_.empty()) line = line_.append(line);
    after_cr_ = bytes[end] == '\r';
    bytes.remove_prefix(end + 1);
    const Result<void> taken = OnLine(line, sink);
    if (!taken) return taken;
    line_.clear();
  }
  return {};
}

Result<void> SseReader::OnLine(std::string_view line, const Sink& sink) {
  if (at_start_ && line.starts_with(kByteOrderMark)) line.remove_prefix(kByteOrderMark.size());
  at_start_ = false;
  if (line.empty()) return Dispatch(sink);
  const size_t colon = std::min(line.find(':'), line.size());
  if (colon == 0) return {};  // a comment
  std::string_view value = line.substr(std::min(line.size(), colon + 1));
  if (value.starts_with(' ')) value.remove_prefix(1);
  return OnField(line.substr(0, colon), value);
}

Result<void> SseReader::OnField(std::string_view name, std::string_view value) {
  if (name == "event") event_.event = value;
  if (name == "id" && value.find('\0') == std::string_view::npos) event_.id = value;
  if (name != "data") return {};
  if (event_.data.size() + value.size() + 1 > limits_.event_bytes) {
    return Fail(Code::kTooLarge, "an event of the stream is larger than " +
                                     std::to_string(limits_.event_bytes) + " bytes");
  }
  if (has_data_) event_.data += '\n';
  event_.data.append(value);
  has_data_ = true;
  return {};
}

Result<void> SseReader::Dispatch(const Sink& sink) {
  const bool go_on = !has_data_ || sink(event_);
  event_.event.clear();
  event_.data.clear();
  has_data_ = false;
  if (!go_on) return Fail(Code::kCancelled, "the reader of the event stream stopped");
  return {};
}

}  // namespace weir::http

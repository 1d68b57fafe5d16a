#include "supervisor/output_lines.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "base/utf8.h"

namespace weir {
namespace {

// A terminal that shows the log is not the server's to steer.
void MakeReadable(std::string& line) {
  const bool is_text = IsValidUtf8(line);
  for (char& c : line) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) c = ' ';
    if (byte >= 0x80 && !is_text) c = '?';
  }
  while (line.ends_with(' ')) line.pop_back();
}

}  // namespace

void OutputLines::Feed(std::string_view bytes, MonotonicTime now, const Sink& sink) {
  while (!bytes.empty()) {
    // A progress bar ends its lines with a carriage return.
    const size_t end = bytes.find_first_of("\r\n");
    const std::string_view part = bytes.substr(0, end);
    const size_t room = kLineBytesMax - line_.size();
    line_ += part.substr(0, room);
    cut_ |= part.size() > room;
    if (end == std::string_view::npos) return;
    Take(now, sink);
    bytes.remove_prefix(end + 1);
  }
}

void OutputLines::End(MonotonicTime now, const Sink& sink) {
  Take(now, sink);
  TellLeftOut(sink);
}

void OutputLines::Take(MonotonicTime now, const Sink& sink) {
  std::string line = std::exchange(line_, {});
  const bool cut = std::exchange(cut_, false);
  if (cut) line.resize(CompleteUtf8Prefix(line));
  MakeReadable(line);
  if (line.empty()) return;
  if (cut) line += " ...";
  const double passed = std::chrono::duration<double>(now - counted_).count();
  allowed_ = std::min(kLinesAtOnce, allowed_ + passed * kLinesPerSecond);
  counted_ = now;
  last_ = std::move(line);
  if (allowed_ < 1) {
    ++left_out_;
    return;
  }
  TellLeftOut(sink);
  --allowed_;
  sink(last_);
}

void OutputLines::TellLeftOut(const Sink& sink) {
  if (left_out_ == 0) return;
  sink(fmt::format("({} lines were left out)", std::exchange(left_out_, 0)));
}

}  // namespace weir

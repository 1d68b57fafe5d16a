#include "llama/stop_strings.h"

#include <algorithm>

#include "base/check.h"
#include "base/utf8.h"

namespace weir::llama {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

size_t SequenceLength(unsigned char lead) {
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return 2;
  if (lead >= 0xE0 && lead <= 0xEF) return 3;
  if (lead >= 0xF0 && lead <= 0xF4) return 4;
  return 0;
}

// `text` is complete (no code point is cut at its end, or nothing will follow).
std::string Valid(std::string_view text) {
  if (IsValidUtf8(text)) return std::string(text);
  std::string valid;
  for (size_t i = 0; i < text.size();) {
    const size_t length = SequenceLength(static_cast<unsigned char>(text[i]));
    if (length > 0 && IsValidUtf8(text.substr(i, length)) && i + length <= text.size()) {
      valid += text.substr(i, length);
      i += length;
    } else {
      valid += kReplacement;
      ++i;
    }
  }
  return valid;
}

// How much of the end of `text` is a proper prefix of `stop`.
size_t PossibleStart(std::string_view text, std::string_view stop) {
  for (size_t length = std::min(text.size(), stop.size() - 1); length > 0; --length) {
    if (text.ends_with(stop.substr(0, length))) return length;
  }
  return 0;
}

}  // namespace

StopStrings::StopStrings(std::vector<std::string> stops) : stops_(std::move(stops)) {
  std::erase_if(stops_, [](const std::string& stop) { return stop.empty(); });
  CHECK(stops_.size() <= kStopsMax, "at most 32 stop strings");
  for (const std::string& stop : stops_) {
    CHECK(stop.size() <= kStopBytesMax, "a stop string has at most 512 bytes");
    longest_ = std::max(longest_, stop.size());
  }
}

std::string StopStrings::Push(std::string_view bytes) {
  if (found()) return {};
  held_ += bytes;
  size_t first = std::string::npos;
  for (size_t i = 0; i < stops_.size(); ++i) {
    const size_t at = held_.find(stops_[i]);
    if (at < first) {
      first = at;
      found_ = static_cast<int>(i);
    }
  }
  if (found()) {
    held_.resize(first);
    return Release(held_.size());
  }
  size_t hold = 0;
  for (const std::string& stop : stops_) hold = std::max(hold, PossibleStart(held_, stop));
  return Release(CompleteUtf8Prefix(std::string_view(held_).substr(0, held_.size() - hold)));
}

std::string StopStrings::Finish() {
  if (found()) return {};
  return Release(held_.size());
}

std::string_view StopStrings::found_stop() const {
  return found() ? std::string_view(stops_[static_cast<size_t>(found_)]) : std::string_view();
}

std::string StopStrings::Release(size_t count) {
  std::string text = Valid(std::string_view(held_).substr(0, count));
  held_.erase(0, count);
  return text;
}

}  // namespace weir::llama

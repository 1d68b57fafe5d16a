#include "base/terminal_text.h"

namespace weir {
namespace {

// How many bytes of a control character lie there; 0 for any other.
size_t ControlAt(std::string_view text, size_t at) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  if (byte(at) < 0x20 || byte(at) == 0x7f) return 1;
  const bool c1 = byte(at) == 0xc2 && at + 1 < text.size() && byte(at + 1) < 0xa0;
  return c1 ? 2 : 0;
}

}  // namespace

std::string WithoutControls(std::string_view text) {
  std::string shown;
  shown.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    const size_t control = ControlAt(text, i);
    if (control == 0 || text[i] == '\n' || text[i] == '\t') shown += text[i];
    i += control == 0 ? 1 : control;
  }
  return shown;
}

std::string OneLine(std::string_view text) {
  std::string shown;
  shown.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    const size_t control = ControlAt(text, i);
    const bool blank = text[i] == '\n' || text[i] == '\r' || text[i] == '\t';
    shown += control == 0 ? text[i] : blank ? ' ' : '?';
    i += control == 0 ? 1 : control;
  }
  return shown;
}

}  // namespace weir

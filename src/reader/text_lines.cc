#include "reader/text_lines.h"

#include <algorithm>

#include "reader/block_list.h"

namespace weir::reader {

size_t Line::indent() const { return std::min(text.find_first_not_of(" \t"), text.size()); }

std::vector<Line> LinesOf(std::string_view text) {
  std::vector<Line> lines;
  size_t at = 0;
  while (at < text.size()) {
    const size_t stop = std::min(text.find_first_of("\r\n", at), text.size());
    size_t next = stop + 1;
    if (stop < text.size() && text[stop] == '\r' && next < text.size() && text[next] == '\n')
      ++next;
    next = std::min(next, text.size());
    const std::string_view line = text.substr(at, stop - at);
    lines.push_back({.text = line, .begin = at, .end = next, .blank = Trimmed(line).empty()});
    at = next;
  }
  return lines;
}

}  // namespace weir::reader

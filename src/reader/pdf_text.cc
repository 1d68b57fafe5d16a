#include <string>

#include "reader/formats.h"

namespace weir::reader {
namespace {

// Lines of a block as one text; a word that was divided at a line's end is whole again.
std::string Joined(std::string_view block) {
  std::string text;
  while (!block.empty()) {
    const size_t end = block.find('\n');
    const std::string line = Collapsed(block.substr(0, end));
    if (!line.empty()) {
      const bool lower = line.front() >= 'a' && line.front() <= 'z';
      const bool divided = text.size() > 1 && text.back() == '-' && lower &&
                           text[text.size() - 2] >= 'a' && text[text.size() - 2] <= 'z';
      if (divided) {
        text.pop_back();
      } else if (!text.empty()) {
        text += ' ';
      }
      text += line;
    }
    if (end == std::string_view::npos) break;
    block.remove_prefix(end + 1);
  }
  return text;
}

}  // namespace

void ReadPdfText(std::string_view text, BlockList& out) {
  uint32_t page = 0;
  while (!text.empty() && !out.full()) {
    const size_t stop = text.find('\f');
    std::string_view rest = text.substr(0, stop);
    out.BeginPage(++page);
    while (!rest.empty()) {
      const size_t end = rest.find("\n\n");
      out.Add(BlockList::Kind::kParagraph, Joined(rest.substr(0, end)));
      if (end == std::string_view::npos) break;
      rest.remove_prefix(end + 2);
    }
    if (stop == std::string_view::npos) break;
    text.remove_prefix(stop + 1);
  }
}

}  // namespace weir::reader

// The lines of a text with where they lie. Pure.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace weir::reader {

struct Line {
  std::string_view text = {};  // without its end
  size_t begin = 0;
  size_t end = 0;  // behind its end
  bool blank = false;

  size_t indent() const;  // white space at its beginning, in bytes
};

// They end in LF, CR LF or CR.
std::vector<Line> LinesOf(std::string_view text);

}  // namespace weir::reader

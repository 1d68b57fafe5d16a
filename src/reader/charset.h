// Bytes of a text file as UTF-8. Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace weir::reader {

struct Decoded {
  std::string text = {};
  bool as_it_lay = true;  // offsets in `text`, and `skipped` more, are offsets in the file
  size_t skipped = 0;     // a byte order mark
};

// UTF-8, UTF-16 with a byte order mark, or else Windows-1252. kUnprocessable, reason
// unsupported_document, for what has NUL bytes: that is no text.
Result<Decoded> DecodeText(std::string_view bytes);

// By the name that a mail or a page gives its character set; what is unknown is read as DecodeText
// does, without failing.
std::string DecodeNamed(std::string_view bytes, std::string_view charset);

void AppendCodePoint(std::string& out, char32_t code_point);

}  // namespace weir::reader

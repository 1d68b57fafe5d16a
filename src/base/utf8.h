// UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF.
#pragma once

#include <cstddef>
#include <string_view>

namespace weir {

bool IsValidUtf8(std::string_view text);

// The length of the longest prefix of `text` that does not end inside a code point. A stream may
// send that much and must keep the rest (at most 3 bytes). Bytes that can never become valid count
// as complete, so that nothing is held for ever.
size_t CompleteUtf8Prefix(std::string_view text);

}  // namespace weir

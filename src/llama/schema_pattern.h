// The regular expressions of "pattern" (ECMA-262's, as JSON Schema has them) that can be turned
// into rules: what is said here is refused would be dropped by llama-common, which then lets any
// string pass. Lookaround, back references, lazy repetitions and properties of Unicode are among
// it.
//
// Threads: pure, any thread.
#pragma once

#include <string>
#include <string_view>

namespace weir::llama {

// What is not supported, in words; empty when all of it is.
std::string PatternProblem(std::string_view pattern);

// The same for the text of the string in JSON, where a quote, a backslash and control characters
// stand as escapes: llama-common takes a pattern as one of that text, and would let "^.$" be a
// bare quote, and only with both anchors. Where such a character is one of many (a dot, a negated
// class, a range) it is left out, and around a pattern without an anchor there are at most 256
// others; so what the result matches may be less, and is never another string. `pattern` is one
// without a problem.
std::string PatternForJson(std::string_view pattern);

// What a string of this format looks like ("email"); empty of a format without a pattern. Each
// allows what is of the format and nothing else, though not every writing of it.
std::string_view PatternOfFormat(std::string_view format);

}  // namespace weir::llama

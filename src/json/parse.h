// JSON text to a tree, strictly as RFC 8259 has it: valid UTF-8, no comments, no trailing commas or
// content, no lone surrogates, no byte order mark, no duplicate keys (two readers would disagree
// about which counts), and no number beyond uint64_t, int64_t or double.
//
// The error is kInvalidArgument (kTooLarge for the byte limit), says what is wrong and at which
// byte offset, and never holds the text; a duplicate key is named. Any thread.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/result.h"
#include "json/value.h"

namespace weir::json {

struct Limits {
  size_t depth = 128;               // arrays and objects inside each other
  size_t bytes = size_t{32} << 20;  // of text
  size_t values =
      500'000;  // of any type: each costs up to 64 bytes here, and may cost only 2 bytes to send
};

Result<Value> Parse(std::string_view text, const Limits& limits = {});

}  // namespace weir::json

// How deep the arrays and objects of a JSON text lie inside each other, without parsing it: asked
// before a recursive parser is, so that a hostile text cannot exhaust its stack. Of text that is no
// JSON the number means nothing but a bound.
//
// Pure, any thread; linear in the text.
#pragma once

#include <string_view>

namespace weir::llama {

int JsonDepth(std::string_view json);

}  // namespace weir::llama

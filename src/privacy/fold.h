// What one code point is in a detection copy: what looks or counts the same becomes the same
// (full-width and mathematical forms, digits of all scripts, dashes, spaces, letters with marks,
// the commonest look-alikes), and what cannot be seen goes. Pure.
#pragma once

#include <string_view>

namespace weir::privacy {

struct Folded {
  enum class As { kItself, kNothing, kText };
  As as = As::kItself;
  std::string_view text = {};  // kText: one to three characters of ASCII
};

Folded Fold(char32_t code_point);

}  // namespace weir::privacy

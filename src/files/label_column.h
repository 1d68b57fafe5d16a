// Labels as the tables hold them.
#pragma once

#include <string_view>

#include "chat/label.h"

namespace weir::files {

// Whatever cannot be read as a label counts as the highest.
inline chat::Label KeptLabel(std::string_view name) {
  return chat::LabelFromName(name).value_or(chat::Label::kUnscanned);
}

}  // namespace weir::files

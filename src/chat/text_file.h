// Which files that a message carries are plain text: those that local models read and detectors
// look at. Both go by the same word, since a file that is read as text must have been looked at as
// text.
#pragma once

#include "chat/message.h"

namespace weir::chat {

// Inline bytes that are UTF-8 without a zero byte, of a type of text or of none. Not what only
// looks so: a PDF, RTF or PostScript file may be all ASCII, and whoever is handed it may read what
// it means instead of what it says.
bool IsTextFile(const Part& part);

}  // namespace weir::chat

// As what a file is read, by its name and its first bytes. Pure.
#pragma once

#include <optional>
#include <string_view>

#include "wire/document.h"

namespace weir::knowledge {

// Nothing: it is of no kind that can be read (pictures, programs, archives). A text of unknown kind
// is plain text.
std::optional<wire::DocumentKind> KindOf(std::string_view name, std::string_view bytes);

// "markdown", "pdf", ...
std::string_view KindName(wire::DocumentKind kind);
// Whether the name alone says that it can be read; for walks over folders.
bool IsDocumentName(std::string_view name);

}  // namespace weir::knowledge

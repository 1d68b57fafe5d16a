// Rows of the registry's tables as values; for the registry's own sources.
#pragma once

#include <array>
#include <string_view>

#include "knowledge/attributes.h"
#include "knowledge/document.h"
#include "sqlite/rows.h"

namespace weir::knowledge {

// The order of WEIR_COLUMNS.
DocumentInfo DocumentRow(const sqlite::Statement& row);

#define WEIR_COLUMNS                                                                    \
  "collection, id, name, title, sha256, kind, bytes, pages, chunks, status, label,"     \
  " found_label, reason, message, duplicate_of, updated, created, file_id, attributes," \
  " chunk_tokens, chunk_overlap, asked"

}  // namespace weir::knowledge

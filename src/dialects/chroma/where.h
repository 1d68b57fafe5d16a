// Chroma's `where` and `where_document` to our filters. What ours cannot say is refused by name.
// Bounded like ours (vectors::Filter).
#pragma once

#include "json/fields.h"
#include "vectors/filter.h"

namespace weir::chroma {

// The fields `where` and `where_document` of a request, both of which must hold.
vectors::Filter ReadWhere(json::Fields& fields);

}  // namespace weir::chroma

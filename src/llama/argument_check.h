// Whether the arguments of a call are what a strict function's schema says, as far as a value can
// be told by its type, its members and what it may be one of. Inside of this folder only: it names
// llama-common's JSON.
//
// Keywords: type, enum, const, properties, required, additionalProperties: false, items, anyOf,
// oneOf and $ref into the same document (JSON Schema draft 2020-12). What else a schema says
// (lengths, patterns, ranges) is not looked at: a value passes.
#pragma once

#include <json.h>

namespace weir::llama {

// Nesting beyond 64 values passes, as does what is left after 10,000 comparisons. No side effects;
// throws nothing that CallsIn does not catch.
bool MeetsSchema(const common_json& value, const common_json& schema);

}  // namespace weir::llama

// OpenAPI's `nullable`, which clients write into JSON Schemas, as JSON Schema says it: null is one
// more type, and one more value of an enum. Where a schema says no type of its own (beside $ref,
// anyOf, const) the word stays, for CheckSchema to refuse. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

namespace weir::llama {

// The same text where there is nothing to change, or where it is no JSON of a bounded depth.
std::string WithNullAsType(std::string_view schema);

}  // namespace weir::llama

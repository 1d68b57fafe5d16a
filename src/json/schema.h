// Holds JSON values to JSON Schemas (draft 2020-12). Pure, any thread.
//
// Keywords: type, enum, const, properties, required, additionalProperties, minProperties,
// maxProperties, items, prefixItems, minItems, maxItems, uniqueItems, minLength, maxLength,
// minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf, anyOf, oneOf, allOf, not, and
// $ref to the schema itself or to one of its $defs or definitions. Annotations say nothing. What
// else a schema says (pattern, format, if, ...) is not looked at: UnheldIn tells.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "json/value.h"

namespace weir::json {

inline constexpr int kSchemaNestingMax = 256;    // subschemas inside each other, references too
inline constexpr int kSchemaStepsMax = 300'000;  // comparisons

// Whether `value` is what `schema` says. Not, where the answer is not found within the bounds.
bool Fits(const Value& value, const Value& schema);

struct Unheld {
  std::string path;  // "/properties/age/pattern"
  std::string why;   // "cannot be checked"
};

// The first thing in `schema` that Fits would pass over, or that is not what its keyword takes.
std::optional<Unheld> UnheldIn(const Value& schema);

}  // namespace weir::json

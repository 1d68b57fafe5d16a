// Whether a JSON Schema is one that the grammar converter enforces in full. A keyword that it
// would ignore is an error that names it with its path, never a silent hole in the answer's shape.
//
// Annotations (title, description, default, examples, $schema, $id, $comment, deprecated, readOnly,
// writeOnly, discriminator, definitions, $defs) constrain nothing and pass. Source: llama.cpp's
// common/json-schema.cpp and json-schema-to-grammar.cpp at the pinned version; schema_check_test.cc
// holds a case for each keyword.
//
// Threads: pure, any thread.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace weir::llama {

class NumberRules;

inline constexpr size_t kSchemaBytesMax = 256 << 10;
inline constexpr int kSchemaDepthMax = 32;
inline constexpr int kSchemaNodesMax = 5'000;  // subschemas
inline constexpr int kSchemaEnumMax = 1'000;   // values in one enum
inline constexpr int kSchemaPatternBytesMax = 512;
inline constexpr int kSchemaCountMax = 1'000;  // minItems, maxItems, minLength, maxLength

// What a schema describes. The parameters of a function are those of an object, since the arguments
// of a call are one. They come generated from types of other languages, with formats that no
// grammar knows ("email", "uri", "int32"): by JSON Schema a format is an annotation, so such a one
// passes there, unless the function is strict.
enum class SchemaUse : uint8_t { kAnswer, kParameters, kStrictParameters };

// kInvalidArgument with `param` plus the path inside of the schema ("tools[0].function.parameters"
// + "/properties/age/multipleOf").
Result<void> CheckSchema(std::string_view schema, std::string_view param,
                         SchemaUse use = SchemaUse::kAnswer);
// Adds the ranges of numbers that an answer may hold to `numbers`.
Result<void> CheckSchema(std::string_view schema, std::string_view param, SchemaUse use,
                         NumberRules& numbers);

}  // namespace weir::llama

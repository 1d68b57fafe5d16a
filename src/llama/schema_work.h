// How much work a JSON Schema would make llama-common's converter, counted before it is given one.
//
// The converter is linear in most of a schema. It is not where an object has many optional
// properties (each is written out with all those that may come after it), many patterns (the rules
// so far are copied for each), or properties whose names are told apart by nothing that the name of
// a rule may hold ("名", "前"). Parts of an allOf are copied into it, so that one that refers back
// to what it lies in would have no end.
//
// Threads: pure, any thread.
#pragma once

#include <cstdint>
#include <stdexcept>

class common_json;
struct common_chat_schema_document;

namespace weir::llama {

// A step is about 0.1 us: 60 ms in all. It is 270 optional properties in one object, or 800
// patterns.
inline constexpr int64_t kSchemaStepsMax = 600'000;

// What the schemas of one request have cost so far, their ranges of numbers (number_rules.h) among
// it.
struct SchemaWork {
  int64_t steps = 0;
};

struct SchemaTooMuch : std::runtime_error {
  SchemaTooMuch() : std::runtime_error("the schema takes too many steps") {}
};

// The schema as the converter takes it. Throws SchemaTooMuch where the work goes over the bound,
// and what llama-common throws of what is no schema. Whoever wrote it; nested as deep as it may be
// read.
common_chat_schema_document ReadWithin(const common_json& schema, SchemaWork& work);

}  // namespace weir::llama

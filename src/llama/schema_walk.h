// Where a JSON Schema holds schemas, and where it holds names or values that only look like one: a
// property may be called "default" or "const". Whoever rewrites schemas and whoever follows
// references in them go by this. Pure; any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

class common_json;

namespace weir::llama {

enum class Holds : uint8_t {
  kSchemas,  // one, a list of them, or an object that groups some
  kNamed,    // schemas by names, which are no keywords ("properties", "$defs")
  kValues,   // values of an answer, or examples of them ("const", "default")
};

// What a keyword of a schema holds, as far as it is objects.
Holds WhatHolds(std::string_view keyword);

// Calls `see` with each schema in `root`, `root` itself last. They may change what they are given.
// `root` is nested as deep as it may be read.
void EachSchema(common_json& root, const std::function<void(common_json&)>& see);

}  // namespace weir::llama

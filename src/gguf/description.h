// A model file's header as people are shown it: the checked facts, and beside them every pair of
// the metadata that is one value. The weights are not read. Any thread; as inspect.h in time,
// memory and errors.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <variant>

#include "base/result.h"
#include "gguf/info.h"

namespace weir::gguf {

// Nothing of an array (a vocabulary), and of a text that is too long to keep or no UTF-8.
using Shown = std::variant<std::monostate, uint64_t, int64_t, double, bool, std::string>;

struct Description {
  Info info = {};
  std::map<std::string, Shown> pairs = {};
};

// `fd` stays the caller's; its offset is neither used nor moved.
Result<Description> DescribeDescriptor(int fd);

}  // namespace weir::gguf

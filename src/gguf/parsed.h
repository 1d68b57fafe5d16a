// A GGUF file's checked header, for what asks more of it than Info says. Inside gguf/ only.
#pragma once

#include "base/result.h"
#include "gguf/info.h"
#include "gguf/metadata.h"
#include "gguf/source.h"
#include "gguf/tensors.h"

namespace weir::gguf {

struct Parsed {
  Info info;
  Metadata metadata;
  TensorTable tensors;
};

// The checks of inspect.h. `source` stands at the file's beginning.
Result<Parsed> Parse(Source& source);
// As InspectDescriptor.
Result<Parsed> ParseDescriptor(int fd);

}  // namespace weir::gguf

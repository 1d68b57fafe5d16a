// Whether a projector ("mmproj": pictures into a model's embedding space) is one whose pictures our
// engines compute: it has an encoder for images, and is of a family that engines know. Whether its
// rows are as wide as the model's is the engine's to say at load: most files say it by the shape of
// a tensor whose name is the family's.
//
// Errors: those of the inspector, and kUnprocessable with the reason "not_a_projector" or
// "projector_kind" (audio alone, or a family that engines do not compute). Any thread.
//
// Source of the names: clip-impl.h and mtmd.cpp of llama.cpp (tools/mtmd).
#pragma once

#include "base/result.h"

namespace weir::gguf {

// The descriptor stays the caller's; its offset is neither used nor moved.
Result<void> CheckProjector(int projector);

}  // namespace weir::gguf

// Whether a LoRA adapter goes on a model: both files pass the inspector (inspect.h), the adapter is
// made for the model's architecture, and each of its pairs of matrices fits a tensor that the model
// has. What libllama would answer by a message in a log at the next load is an Error here, when the
// adapter is chosen.
//
// Errors: those of the inspector, and kUnprocessable with the reason "adapter_mismatch" (made for
// another model), "not_an_adapter", or "adapter_kind" (a control vector, a LoRA that is switched on
// by words). Any thread.
//
// Source of the rules: llama-adapter.cpp of llama.cpp.
#pragma once

#include "base/result.h"

namespace weir::gguf {

// Both descriptors stay the caller's; their offsets are neither used nor moved.
Result<void> CheckAdapter(int adapter, int model);

}  // namespace weir::gguf

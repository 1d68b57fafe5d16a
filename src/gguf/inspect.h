// The check that every model file passes before an engine may open it. Reads header, metadata and
// tensor table of a GGUF file (versions 2 and 3, little endian), never the weights, and trusts no
// number in it: each count is held against the bytes that are left, each product and sum against
// overflow, each tensor against the end of the file and its neighbour, each id against the
// vocabulary. What llama.cpp would answer with an assertion, a wild read or a wild write is an
// Error here. No libllama; nothing is executed, in particular no template.
//
// What it does not say: that the weights are good, that the architecture is one our engine knows,
// or that a template is honest. Any thread may call it. It takes milliseconds for real files and a
// few MiB at most; arrays are walked, not kept.
//
// Errors: kNotFound (no such file), kInvalidArgument (not a regular file), kUnprocessable with a
// stable `reason`
// ("gguf_magic", "gguf_tensor_bounds", ...) and in `param` the key or tensor, made printable.
// docs/formats/gguf.md lists the reasons.
//
// Source of the rules: ggml's docs/gguf.md, and gguf.cpp, llama-vocab.cpp and llama-hparams.h of
// llama.cpp.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "base/result.h"
#include "gguf/info.h"

namespace weir::gguf {

// Opens for reading and inspects. The path may be a symbolic link; whoever must not follow one
// opens it and uses the next function.
Result<Info> InspectFile(const std::string& path);

// `fd` stays the caller's; its offset is neither used nor moved.
Result<Info> InspectDescriptor(int fd);

// A whole file in memory.
Result<Info> InspectBytes(std::span<const std::byte> file);

}  // namespace weir::gguf

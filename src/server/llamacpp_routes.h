// llama.cpp's routes that need no dialect of their own: tokens of a text and back.
// Source: llama.cpp tools/server/README.md, "POST /tokenize" and "POST /detokenize". `model` is
// ours: without it, the first local model of `auto`.
#pragma once

#include "async/task.h"
#include "server/call.h"
#include "server/site.h"

namespace weir::server {

Task<void> PostTokenize(Site& site, Call& call);
Task<void> PostDetokenize(Site& site, Call& call);

}  // namespace weir::server

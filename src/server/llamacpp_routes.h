// llama-server's own routes: completions as editor plugins ask for them, and tokens of a text and
// back. Source: llama.cpp tools/server/README.md. `model` is ours: without it, `auto`, and where a
// vocabulary is needed the first local model of it.
#pragma once

#include "async/task.h"
#include "server/call.h"
#include "server/site.h"

namespace weir::server {

Task<void> PostCompletion(Site& site, Call& call);
Task<void> PostInfill(Site& site, Call& call);
Task<void> PostApplyTemplate(Site& site, Call& call);
Task<void> GetProps(Site& site, Call& call);
Task<void> GetLoraAdapters(Site& site, Call& call);
Task<void> PostTokenize(Site& site, Call& call);
Task<void> PostDetokenize(Site& site, Call& call);

}  // namespace weir::server

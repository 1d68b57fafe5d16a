// Ollama's routes that change the models of this server: pull, create, copy, delete and blobs. Push
// is refused. They do what `weir pull`, `create`, `cp` and `rm` do, through
// gateway/model_changes.h, and need a key with the scope `models`.
#pragma once

#include "async/task.h"
#include "server/call.h"
#include "server/site.h"

namespace weir::server {

Task<void> OllamaPull(Site& site, Call& call);
Task<void> OllamaCreate(Site& site, Call& call);
Task<void> OllamaCopy(Site& site, Call& call);
Task<void> OllamaDelete(Site& site, Call& call);
Task<void> OllamaPush(Site& site, Call& call);
Task<void> OllamaHasBlob(Site& site, Call& call);
Task<void> OllamaPutBlob(Site& site, Call& call);

// What Ollama calls a model, as a reference of `weir pull` (fetch/reference.h): names without more
// are the catalogue's where it has them, and else those of Ollama's registry.
std::string ReferenceOf(std::string_view model);

}  // namespace weir::server

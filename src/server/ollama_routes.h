// Ollama's routes: chat, generate, embeddings, and what there is and runs. Models are pulled,
// created and removed with `weir pull`, `create` and `rm`.
#pragma once

#include "async/task.h"
#include "server/call.h"
#include "server/site.h"

namespace weir::server {

Task<void> OllamaChat(Site& site, Call& call);
Task<void> OllamaGenerate(Site& site, Call& call);
Task<void> OllamaEmbed(Site& site, Call& call);
Task<void> OllamaEmbeddings(Site& site, Call& call);
Task<void> OllamaTags(Site& site, Call& call);
Task<void> OllamaShow(Site& site, Call& call);
Task<void> OllamaRunning(Site& site, Call& call);
// pull, create, copy, delete, push, blobs: refused, with the command that does it.
Task<void> OllamaChangeModels(Site& site, Call& call);
Task<void> OllamaVersion(Site& site, Call& call);

}  // namespace weir::server

// Ollama's routes: chat, generate, embeddings, and what there is and runs. What changes models is
// in ollama_model_routes.h.
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
Task<void> OllamaVersion(Site& site, Call& call);

}  // namespace weir::server

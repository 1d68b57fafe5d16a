// The prompt that a local model would be given for a chat, with everything that makes it: for
// routes that count or show it.
#pragma once

#include "async/task.h"
#include "base/result.h"
#include "chat/request.h"
#include "server/site.h"
#include "wire/engine.h"

namespace weir::server {

// kNotFound for a model that is not of this machine. Loads the model.
Task<Result<wire::Tokens>> PromptOf(Site& site, chat::GenerateRequest request);

}  // namespace weir::server

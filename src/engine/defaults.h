// What a model brings for what a request leaves open. Pure.
#pragma once

#include "chat/request.h"
#include "wire/engine.h"

namespace weir::engine {

// What the request says counts; its stop strings replace the model's, its system message the
// model's. The model's turns stand between the system message and the chat.
void ApplyDefaults(const wire::ModelDefaults& defaults, chat::GenerateRequest& request);

}  // namespace weir::engine

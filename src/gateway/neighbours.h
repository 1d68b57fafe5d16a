// Where a question lies among earlier ones, for routes whose neighbours have a vote: its vector
// from the embedding model of this machine, or nothing. Never waits for a model to be loaded or for
// other work, never past kPatience, and never asks anybody beyond this machine.
#pragma once

#include "async/task.h"
#include "chat/request.h"
#include "gateway/gateway.h"

namespace weir::gateway {

inline constexpr Duration kNeighbourPatience = std::chrono::milliseconds(4);
inline constexpr size_t kNeighbourTextMax = 256;  // bytes of a question that are looked at

// To be awaited before Generate: fills in Asked::place, or Asked::no_place with why not. Does
// nothing for names without neighbours.
Task<void> LookForNeighbours(Gateway& gateway, Asked& asked, const chat::GenerateRequest& request);

// Whether the place of a question with this label may be kept: vectors are data about text.
bool MayKeepPlace(chat::Label label);

}  // namespace weir::gateway

// Vectors of a collection's texts, by the model that embeds that collection.
#pragma once

#include <string>
#include <vector>

#include "async/task.h"
#include "gateway/ingest.h"

namespace weir::gateway {

// One for each text. `model` is a full name (Documents::model_name); who may use `embedding` may
// use what embeds their collections. Texts that are too long for the model are cut at their ends.
// kConflict, reason embedding_model_missing, when the model is not here.
Task<Result<std::vector<std::vector<float>>>> TextVectors(Gateway& gateway,
                                                          const Documents& documents, Asked asked,
                                                          std::string model,
                                                          std::vector<std::string> texts);

// For work in the background: waits, for some seconds at most, while somebody's answer is being
// generated.
Task<Result<void>> MakeRoom(Gateway& gateway);

}  // namespace weir::gateway

// Fields that many requests of Qdrant's have.
#pragma once

#include <string_view>

#include "json/fields.h"
#include "json/value.h"

namespace weir::qdrant {

// "is not supported: WHY", so that a client knows that it was understood.
void RefuseUnsupported(json::Fields& fields, std::string_view key, std::string_view why);
// Shards are refused; null, which clients send, is not.
void RefuseShards(json::Fields& fields);

}  // namespace weir::qdrant

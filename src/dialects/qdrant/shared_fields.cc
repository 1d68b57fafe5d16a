#include "dialects/qdrant/shared_fields.h"

#include <fmt/format.h>

namespace weir::qdrant {

void RefuseUnsupported(json::Fields& fields, std::string_view key, std::string_view why) {
  fields.Refuse(key, fmt::format("is not supported: {}", why), Code::kInvalidArgument,
                "unsupported_parameter");
}

void RefuseShards(json::Fields& fields) {
  if (fields.Take("shard_key") != nullptr)
    RefuseUnsupported(fields, "shard_key", "there is one server, and one shard");
}

}  // namespace weir::qdrant

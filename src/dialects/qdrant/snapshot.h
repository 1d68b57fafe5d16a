// Qdrant's descriptions of snapshots, and what it is told to recover from. Pure.
#pragma once

#include <string>

#include "base/result.h"
#include "json/value.h"
#include "json/writer.h"
#include "vectors/types.h"

namespace weir::qdrant {

void AppendSnapshot(json::Writer& writer, const vectors::SnapshotInfo& snapshot);

// Which snapshot of this server's own: of the collection that is recovered unless another is named.
struct RecoverAsk {
  std::string collection = {};
  std::string snapshot = {};
};
// {"location": "NAME.snapshot"} or {"location": "file:///COLLECTION/NAME.snapshot"}; of a longer
// path the last two pieces count. Files are found among the snapshots alone, never followed.
Result<RecoverAsk> ReadRecover(const json::Value& body);

}  // namespace weir::qdrant

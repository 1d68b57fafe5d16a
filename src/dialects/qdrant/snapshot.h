// Qdrant's descriptions of snapshots, and what it is told to recover from. Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "json/value.h"
#include "json/writer.h"
#include "vectors/types.h"

namespace weir::qdrant {

// `checksum`: SHA-256 in hexadecimal; empty where it is not known.
void AppendSnapshot(json::Writer& writer, const vectors::SnapshotInfo& snapshot,
                    std::string_view checksum);
// What a client says that a file has: 64 hexadecimal digits, as lower case.
Result<std::string> ReadChecksum(std::string_view text);

// Which snapshot of this server's own: of the collection that is recovered unless another is named.
struct RecoverAsk {
  std::string collection = {};
  std::string snapshot = {};
  std::string checksum = {};  // that its file must have; empty: any
};
// {"location": "NAME.snapshot"} or {"location": "file:///COLLECTION/NAME.snapshot"}; of a longer
// path the last two pieces count. Files are found among the snapshots alone, never followed.
Result<RecoverAsk> ReadRecover(const json::Value& body);

}  // namespace weir::qdrant

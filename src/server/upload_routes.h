// /v1/uploads: large files that come in parts, as OpenAI's (docs/vector-stores.md).
#pragma once

#include <cstddef>

#include "async/task.h"
#include "server/call.h"
#include "server/site.h"

namespace weir::server {

inline constexpr const char* kUploadsPath = "/v1/uploads/";
// A part as OpenAI's clients cut them, 64 MiB, and the form around it.
inline constexpr size_t kPartBodyBytesMax = (size_t{64} << 20) + (size_t{64} << 10);

Task<void> PostUpload(Site& site, Call& call);
Task<void> PostUploadPart(Site& site, Call& call);
Task<void> CompleteUpload(Site& site, Call& call);
Task<void> CancelUpload(Site& site, Call& call);

}  // namespace weir::server

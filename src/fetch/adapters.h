// LoRA adapters on their way into the store: each a file without a name of its own, kept for the
// manifest that points to it. Inside fetch/ only.
#pragma once

#include "base/result.h"
#include "fetch/job.h"
#include "fetch/session.h"
#include "models/manifest.h"

namespace weir::fetch {

// Work::kAdapter.
Result<Event> TakeAdapter(const Session& session);
// Those that a registry's model brings, as far as the store has them not.
Result<void> FetchAdapters(const Session& session, const Source& source);
// Whether the manifest's adapters, which are in the store, go on the model in `file`.
Result<void> CheckAdapters(const Session& session, const models::Manifest& manifest, int file);

}  // namespace weir::fetch

// What lies beside a model on its way into the store: LoRA adapters and a projector, each a file
// without a name of its own, kept for the manifest that will point to it. One that has not come to
// that within models::kLooseBlobAfter is loose. Errors as those of session.h.
#pragma once

#include "base/result.h"
#include "fetch/job.h"
#include "fetch/session.h"
#include "models/manifest.h"

namespace weir::fetch {

// Work::kAdapter and Work::kProjector.
Result<Event> TakeBeside(const Session& session);
// Of the source, those that are not in the store yet. A projector that engines cannot compute is
// told of and left out: the model runs without it.
Result<void> FetchBeside(const Session& session, Source& source);
// Whether the manifest's adapters and projector, which are in the store, go on the model in `file`.
Result<void> CheckBeside(const Session& session, const models::Manifest& manifest, int file);
// They go again where no name points to them.
void DropBeside(const Session& session, const models::Manifest& manifest);

}  // namespace weir::fetch

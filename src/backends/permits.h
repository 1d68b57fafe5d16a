// The permit of a call that is about to go out. I/O thread only.
#pragma once

#include <cstddef>
#include <memory>

#include "async/task.h"
#include "async/worker_pool.h"
#include "base/clock.h"
#include "base/result.h"
#include "chat/provider.h"
#include "privacy/permit.h"

namespace weir::backends {

// What has more is hashed by the workers: 25 MiB of sound take up to 100 ms.
inline constexpr size_t kHashedHereBytesMax = 256u << 10;

// Refusals are the office's; with the workers' queue full, kUnavailable with the reason
// workers_busy. Null `workers`: everything is hashed here. The others live as long as the Task; the
// call is shared with the workers, because whoever asked may be gone before they end.
Task<Result<privacy::Permit>> IssuePermit(privacy::PermitOffice& office, WorkerPool* workers,
                                          privacy::Purpose purpose,
                                          std::shared_ptr<const chat::ProviderCall> call,
                                          const Clock& clock);

}  // namespace weir::backends

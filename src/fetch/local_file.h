// A file of this machine, copied into the store. Inside fetch/ only.
#pragma once

#include <string>

#include "base/result.h"
#include "fetch/session.h"
#include "models/partial.h"
#include "process/fd.h"

namespace weir::fetch {

// For reading, whatever it is: not a pipe that would hold us.
Result<Fd> OpenLocal(const std::string& path);

struct Copied {
  models::Partial partial;
  std::string sha256;
};

// A whole copy, which the caller commits, keeps or discards. `name` is for people; two copies from
// one `place` meet at the same partial. kInvalidArgument when it is no regular file.
Result<Copied> CopyIn(const Session& session, const Fd& file, const std::string& name,
                      const std::string& place);

}  // namespace weir::fetch

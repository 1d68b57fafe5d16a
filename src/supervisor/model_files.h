// Opens model files for an engine. The gateway names them, and the gateway may have been taken
// over; so what counts is where the opened file really lies, links followed, and not what its name
// looks like.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "process/fd.h"

namespace weir {

class ModelFiles {
 public:
  // `allowed`: folders (with all below) and single files. Those that do not exist yet are looked up
  // again on each Open.
  explicit ModelFiles(std::vector<std::string> allowed) : allowed_(std::move(allowed)) {}

  // Read-only. kNotFound; kForbidden outside of what is allowed; kUnprocessable for what is no
  // regular file.
  Result<Fd> Open(const std::string& path) const;

 private:
  bool Allows(const std::string& real_path) const;
  std::vector<std::string> allowed_;
};

}  // namespace weir

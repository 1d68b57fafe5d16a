// A data folder for a server that is only tried (PrivateServer): made under the system's temporary
// folder, gone with its owner.
#pragma once

#include <string>
#include <utility>

#include "base/result.h"

namespace weir::cli {

class TrialFolder {
 public:
  // Readable by its owner only. kUnavailable, or what the system says, when none can be made.
  static Result<TrialFolder> Create();
  ~TrialFolder();
  TrialFolder(TrialFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  TrialFolder& operator=(TrialFolder&&) = delete;

  const std::string& path() const { return path_; }

 private:
  explicit TrialFolder(std::string path) : path_(std::move(path)) {}

  std::string path_;  // empty when moved away
};

}  // namespace weir::cli

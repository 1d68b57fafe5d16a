#include "cli/trial_folder.h"

#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include "process/fd.h"

namespace weir::cli {

Result<TrialFolder> TrialFolder::Create() {
  std::string path = (std::filesystem::temp_directory_path() / "weir-trial-XXXXXX").string();
  if (mkdtemp(path.data()) == nullptr)
    return Fail(SystemError("cannot make a folder for the trial", errno));
  return TrialFolder(std::move(path));
}

TrialFolder::~TrialFolder() {
  std::error_code ignored;
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

}  // namespace weir::cli

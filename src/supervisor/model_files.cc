#include "supervisor/model_files.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

namespace weir {

bool ModelFiles::Allows(const std::string& real_path) const {
  for (const std::string& entry : allowed_) {
    std::error_code error;
    const std::string real = std::filesystem::canonical(entry, error).string();
    if (error || real.empty()) continue;
    if (real_path == real || real_path.starts_with(real + "/")) return true;
  }
  return false;
}

Result<Fd> ModelFiles::Open(const std::string& path) const {
  // Non-blocking: a named pipe must not hold the launcher up.
  Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (!fd.valid()) return Fail(SystemError("cannot open the model file", errno));
  struct stat info{};
  if (fstat(fd.get(), &info) != 0 || !S_ISREG(info.st_mode)) {
    return Fail(Code::kUnprocessable, "the model is not a regular file");
  }
  // Asked of the open descriptor: nobody can swap a link between check and use.
  const auto real = PathOf(fd.get());
  if (!real) return Fail(real.error());
  if (!Allows(*real)) {
    return Fail(Code::kForbidden,
                "the model file is outside of the model store; name its folder with --models");
  }
  return fd;
}

}  // namespace weir

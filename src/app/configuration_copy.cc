#include "app/configuration_copy.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>

namespace weir::app {

// The path, a zero byte, the text.
Result<Fd> SealedCopy(const config::File& file) {
  Fd copy(memfd_create("weir configuration", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  std::string bytes = file.path;
  bytes += '\0';
  bytes += file.text;
  const bool written = copy.valid() && write(copy.get(), bytes.data(), bytes.size()) ==
                                           static_cast<ssize_t>(bytes.size());
  constexpr int kSeals = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
  if (!written || fcntl(copy.get(), F_ADD_SEALS, kSeals) != 0)
    return Fail(SystemError("the configuration cannot be kept in memory", errno));
  return copy;
}

Result<config::File> ReadCopy(int descriptor) {
  const auto none = Fail(Code::kInvalidArgument, "no configuration was handed down");
  struct stat facts{};
  if (fstat(descriptor, &facts) != 0 || !S_ISREG(facts.st_mode)) return none;
  std::string bytes(static_cast<size_t>(facts.st_size), '\0');
  const ssize_t got = pread(descriptor, bytes.data(), bytes.size(), 0);
  const size_t path_end = bytes.find('\0');
  if (got != facts.st_size || path_end == std::string::npos) return none;
  return config::File{bytes.substr(0, path_end), bytes.substr(path_end + 1)};
}

}  // namespace weir::app

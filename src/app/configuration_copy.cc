#include "app/configuration_copy.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "wire/archive.h"

namespace weir::config {

template <class Archive>
void Visit(Archive& a, File& v) {
  a(v.path, v.text, v.named);
}

}  // namespace weir::config

namespace weir::app {

Result<Fd> SealedCopy(const config::File& file) {
  Fd copy(memfd_create("weir configuration", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  const std::string bytes = wire::Encode(file);
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
  auto file = got == facts.st_size ? wire::Decode<config::File>(bytes) : std::nullopt;
  if (!file) return none;
  return *std::move(file);
}

}  // namespace weir::app

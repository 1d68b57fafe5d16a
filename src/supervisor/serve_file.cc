#include "supervisor/serve_file.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <string_view>

#include "process/fd.h"

namespace weir {
namespace {

constexpr size_t kAddressBytesMax = 256;

// So narrow that nothing in it needs escaping in JSON, nor on a terminal.
bool IsPlainAddress(std::string_view address) {
  constexpr std::string_view kAllowed =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:[]/-_";
  return !address.empty() && address.size() <= kAddressBytesMax &&
         address.find_first_not_of(kAllowed) == std::string_view::npos;
}

std::string Path(const std::string& folder) { return folder + "/serve.json"; }

// Not synced: it matters only while this server runs, and nobody shall wait for a disk before the
// ready line.
Result<void> WriteWhole(const std::string& path, const std::string& text) {
  const Fd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd.valid()) return Fail(SystemError("cannot write serve.json", errno));
  if (write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    return Fail(SystemError("cannot write serve.json", errno));
  }
  return {};
}

}  // namespace

Result<void> WriteServeFile(const std::string& data_folder,
                            const std::vector<std::string>& addresses, pid_t pid) {
  if (addresses.empty() || addresses.size() > kServeAddressesMax ||
      !std::ranges::all_of(addresses, IsPlainAddress)) {
    return Fail(Code::kInvalidArgument,
                fmt::format("serve.json takes 1 to {} plain addresses", kServeAddressesMax));
  }
  const std::string text = fmt::format("{{\"address\":\"{}\",\"addresses\":[\"{}\"],\"pid\":{}}}\n",
                                       addresses.front(), fmt::join(addresses, "\",\""), pid);
  const std::string temporary = Path(data_folder) + ".new";
  if (auto written = WriteWhole(temporary, text); !written) return written;
  if (std::rename(temporary.c_str(), Path(data_folder).c_str()) != 0) {
    return Fail(SystemError("cannot write serve.json", errno));
  }
  return {};
}

void RemoveServeFile(const std::string& data_folder) { unlink(Path(data_folder).c_str()); }

}  // namespace weir

#include "history/learned_file.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>

namespace weir::history {
namespace {

std::unexpected<Error> NotKept(const std::string& what) {
  return Fail(Code::kUnavailable,
              fmt::format("what was learnt is not kept: {}: {}", what, std::strerror(errno)), "",
              "storage_io");
}

}  // namespace

Result<routing::Refit> ReadLearned(const std::filesystem::path& folder) {
  const auto path = folder / kLearnedFile;
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return routing::Refit();
  std::ifstream file(path, std::ios::binary);
  const std::string text(std::istreambuf_iterator<char>(file), {});
  auto refit = routing::Refit::Parse(text);
  if (!refit) {
    return Fail(Code::kInvalidArgument,
                fmt::format("{} is not right ({}); `weir route learn` makes it anew", path.string(),
                            refit.error().message));
  }
  return refit;
}

Result<void> WriteLearned(const std::filesystem::path& folder, const routing::Refit& refit) {
  const std::string path = (folder / kLearnedFile).string();
  if (refit.steps().empty()) {
    if (unlink(path.c_str()) != 0 && errno != ENOENT) return NotKept(path);
    return {};
  }
  const std::string fresh = path + ".new";
  const std::string text = refit.Print() + "\n";
  const int file = open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file < 0) return NotKept(fresh);
  const bool written = write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
                       fsync(file) == 0;
  close(file);
  if (!written || rename(fresh.c_str(), path.c_str()) != 0) return NotKept(fresh);
  return {};
}

}  // namespace weir::history

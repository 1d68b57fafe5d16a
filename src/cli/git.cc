#include "cli/git.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "hash/hash.h"
#include "process/captured.h"

extern char** environ;

namespace weir::cli {
namespace {

namespace fs = std::filesystem;

constexpr size_t kListBytesMax = size_t{256} << 20;
constexpr Duration kListTime = std::chrono::minutes(5);
constexpr Duration kFetchTime = std::chrono::hours(1);
constexpr size_t kKeyDigits = 16;

// Its own and the user's settings of git, without what asks at the terminal.
std::vector<std::string> Environment() {
  std::vector<std::string> kept = {"GIT_TERMINAL_PROMPT=0", "GIT_LFS_SKIP_SMUDGE=1",
                                   "GIT_ALLOW_PROTOCOL=https:http:ssh:git:file"};
  for (char** entry = environ; *entry != nullptr; ++entry) {
    // Those of a hook that runs us would name another repository.
    if (!std::string_view(*entry).starts_with("GIT_")) kept.emplace_back(*entry);
  }
  return kept;
}

// Git's own "fatal: ..." among its advice.
std::string Complaint(std::string_view errors) {
  for (const std::string_view mark : {"fatal: ", "error: "}) {
    const size_t at = errors.find(mark);
    if (at == std::string_view::npos) continue;
    errors.remove_prefix(at + mark.size());
    return std::string(errors.substr(0, errors.find('\n')));
  }
  return "it failed and did not say why";
}

Result<std::string> Git(const fs::path& folder, std::vector<std::string> arguments,
                        Duration limit) {
  const std::string program = ProgramInPath("git");
  if (program.empty()) {
    return Fail(Code::kUnavailable, "git is not installed; install it, or name a folder", {},
                "git_missing");
  }
  // A repository can name programs that git would run by the way.
  std::vector<std::string> all = {"-C", folder.string(),           "-c", "core.fsmonitor=false",
                                  "-c", "core.hooksPath=/dev/null"};
  all.insert(all.end(), std::make_move_iterator(arguments.begin()),
             std::make_move_iterator(arguments.end()));
  auto done =
      Capture({.program = program, .arguments = std::move(all), .environment = Environment()},
              kListBytesMax, limit);
  if (!done) return Fail(done.error());
  if (!done->end.Clean()) {
    return Fail(Code::kUnavailable, fmt::format("git: {}", Complaint(done->errors)), {},
                "git_failed");
  }
  return std::move(done->output);
}

std::string_view WithoutMark(std::string_view address) {
  constexpr std::string_view kMark = "git+";
  if (address.starts_with(kMark)) address.remove_prefix(kMark.size());
  return address;
}

}  // namespace

bool IsRepositoryAddress(std::string_view text) {
  if (text.starts_with("git+") || text.starts_with("ssh://") || text.starts_with("git://")) {
    return true;
  }
  if (text.find("://") != std::string_view::npos) return text.ends_with(".git");
  // As ssh has it: user@host:path
  const size_t at = text.find('@'), colon = text.find(':');
  return at != std::string_view::npos && at > 0 && colon != std::string_view::npos &&
         colon > at + 1 && text.find('/') > at;
}

std::string RepositoryName(std::string_view address) {
  while (address.ends_with('/')) address.remove_suffix(1);
  if (address.ends_with(".git")) address.remove_suffix(4);
  const std::string name(address.substr(address.find_last_of("/:") + 1));
  return name.empty() || name.starts_with('.') ? "repository" : name;
}

bool IsRepository(const fs::path& folder) {
  std::error_code error;
  return fs::exists(folder / ".git", error) && !ProgramInPath("git").empty();
}

Result<std::vector<std::string>> FilesOfRepository(const fs::path& folder) {
  auto listed =
      Git(folder, {"ls-files", "-z", "--cached", "--others", "--exclude-standard"}, kListTime);
  if (!listed) return Fail(listed.error());
  std::vector<std::string> files;
  for (size_t at = 0; at < listed->size();) {
    const size_t end = std::min(listed->find('\0', at), listed->size());
    files.push_back(listed->substr(at, end - at));
    at = end + 1;
  }
  std::ranges::sort(files);
  const auto [last, end] = std::ranges::unique(files);  // a conflict has a file several times
  files.erase(last, end);
  return files;
}

Result<fs::path> MirrorRepository(std::string_view address, const fs::path& cache) {
  const std::string url(WithoutMark(address));
  const std::string key = Sha256::Of(url).substr(0, kKeyDigits);
  const fs::path place = cache / key, folder = place / RepositoryName(url);
  std::error_code error;
  fs::create_directories(place, error);
  if (error) {
    return Fail(Code::kUnavailable,
                fmt::format("{} cannot be made: {}", place.string(), error.message()));
  }
  if (fs::exists(folder / ".git" / "HEAD", error)) {
    auto fetched = Git(folder, {"fetch", "--quiet", "--depth", "1", "--no-tags", "origin", "HEAD"},
                       kFetchTime);
    if (fetched) fetched = Git(folder, {"reset", "--quiet", "--hard", "FETCH_HEAD"}, kFetchTime);
    if (!fetched) return Fail(fetched.error());
    return folder;
  }
  fs::remove_all(folder, error);  // of a clone that was broken off
  auto cloned = Git(place,
                    {"clone", "--quiet", "--depth", "1", "--no-tags", "--single-branch",
                     "--no-recurse-submodules", "--", url, folder.filename().string()},
                    kFetchTime);
  if (!cloned) return Fail(cloned.error());
  return folder;
}

}  // namespace weir::cli

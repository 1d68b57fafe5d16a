#include "fetch/local_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/check.h"
#include "fetch/follower.h"
#include "fetch/transfer.h"
#include "hash/hash.h"

namespace weir::fetch {
namespace {

constexpr size_t kPlaceDigits = 40;

Result<void> CopyInto(const Session& session, int file, uint64_t size, models::Partial& partial) {
  if (auto room = CheckRoom(size, session.writer.FreeBytes()); !room) return room;
  if (auto laid = partial.Lay(size, ""); !laid) return laid;
  std::string block(size_t{4} << 20, '\0');
  size_t piece = 0;
  for (uint64_t at = 0; at < size;) {
    if (partial.PieceComplete(piece)) ++piece;
    const uint64_t room = partial.PieceBytes(piece) - partial.PieceDone(piece);
    const size_t want = static_cast<size_t>(std::min<uint64_t>(room, block.size()));
    const ssize_t got = pread(file, block.data(), want, static_cast<off_t>(at));
    if (got <= 0)
      return Fail(Code::kUnavailable, "the file cannot be read to its end; check its disk");
    const auto put =
        partial.Append(piece, std::string_view(block.data(), static_cast<size_t>(got)));
    if (!put) return put;
    at += static_cast<uint64_t>(got);
    session.reporter.Progress(at, size);
  }
  return {};
}

Result<std::string> HashOf(int file, uint64_t size) {
  Follower hash(file);
  hash.Advance(size);
  std::string sha256 = hash.Finish();
  if (!sha256.empty()) return sha256;
  return Fail(Code::kUnavailable, "the copy cannot be read back; check the disk", {},
              "store_failed");
}

}  // namespace

Result<Fd> OpenLocal(const std::string& path) {
  Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (file.valid()) return file;
  Error error = SystemError("cannot open the file " + path, errno);
  error.message += "; check the path";
  return Fail(std::move(error));
}

Result<Copied> CopyIn(const Session& session, const Fd& file, const std::string& name,
                      const std::string& place) {
  struct stat status{};
  if (fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode))
    return Fail(Code::kInvalidArgument, "that is not a regular file; name a GGUF file", "model");
  const auto size = static_cast<uint64_t>(status.st_size);
  session.reporter.Begin(name, size);
  const std::string key = "file-" + Sha256::Of(place).substr(0, kPlaceDigits);
  auto partial = BeginOrWait(session, key, [] { return false; });
  if (!partial) return Fail(partial.error());
  CHECK(partial->has_value(), "a copy is never somebody else's");
  auto copied = CopyInto(session, file.get(), size, **partial);
  auto sha256 = copied ? HashOf((*partial)->data(), size) : Fail(copied.error());
  if (!sha256) {
    session.writer.Discard(std::move(**partial));
    return Fail(sha256.error());
  }
  return Copied{std::move(**partial), std::move(*sha256)};
}

}  // namespace weir::fetch

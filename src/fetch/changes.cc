#include "fetch/changes.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "base/time_text.h"
#include "fetch/beside.h"
#include "fetch/follower.h"
#include "fetch/transfer.h"

namespace weir::fetch {
namespace {

constexpr size_t kBlockBytes = size_t{1} << 20;
constexpr std::string_view kMagic = "GGUF";

// Bytes that come from a client, into a partial of their own.
class Intake {
 public:
  Intake(const Session& session, models::Partial& partial)
      : session_(session), partial_(partial), hash_(partial.data()) {}

  Result<uint64_t> TakeAll(int input) {
    const uint64_t size = session_.job.size;
    if (auto room = CheckRoom(size, session_.writer.FreeBytes()); !room) return Fail(room.error());
    if (auto laid = partial_.Lay(size, ""); !laid) return Fail(laid.error());
    session_.reporter.Begin("", size, session_.job.sha256);
    std::string block(kBlockBytes, '\0');
    while (size == 0 || taken_ < size) {
      const size_t want =
          size == 0 ? block.size()
                    : static_cast<size_t>(std::min<uint64_t>(block.size(), size - taken_));
      const ssize_t got = read(input, block.data(), want);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) break;
      auto put = Put(std::string_view(block).substr(0, static_cast<size_t>(got)));
      if (!put) return Fail(put.error());
    }
    if (taken_ < std::max<uint64_t>(size, kMagic.size()))
      return Fail(Code::kInvalidArgument, "the file broke off before its end; send it again",
                  "body", "broke_off");
    if (size == 0) partial_.EndHere();
    return taken_;
  }

  std::string Hash() {
    hash_.Advance(taken_);
    return hash_.Finish();
  }

 private:
  Result<void> Put(std::string_view bytes) {
    if (auto checked = CheckBeginning(bytes); !checked) return checked;
    while (!bytes.empty()) {
      while (partial_.PieceComplete(piece_)) ++piece_;
      const uint64_t room = partial_.PieceBytes(piece_) - partial_.PieceDone(piece_);
      const std::string_view part =
          bytes.substr(0, static_cast<size_t>(std::min<uint64_t>(room, bytes.size())));
      if (auto put = partial_.Append(piece_, part); !put) return put;
      bytes.remove_prefix(part.size());
      taken_ += part.size();
    }
    hash_.Advance(taken_);
    return {};
  }

  // A page of words, or weights in another format, ends at once.
  Result<void> CheckBeginning(std::string_view bytes) {
    if (taken_ >= kMagic.size()) return {};
    const std::string_view expected = kMagic.substr(static_cast<size_t>(taken_));
    const size_t both = std::min(expected.size(), bytes.size());
    if (bytes.substr(0, both) == expected.substr(0, both)) return {};
    return Fail(Code::kUnprocessable,
                "this is not a GGUF file, and models of other formats are not taken; convert it to "
                "GGUF first",
                "body", "not_gguf");
  }

  const Session& session_;
  models::Partial& partial_;
  Follower hash_;
  size_t piece_ = 0;
  uint64_t taken_ = 0;
};

Event Kept(const Job& job, uint64_t size, bool fetched) {
  return {.kind = Event::Kind::kDone,
          .done = size,
          .total = size,
          .sha256 = job.sha256,
          .fetched = fetched};
}

Result<uint64_t> TakeIn(const Session& session, int input, models::Partial& partial) {
  Intake intake(session, partial);
  const auto size = intake.TakeAll(input);
  if (!size) return size;
  const std::string sha256 = intake.Hash();
  if (sha256.empty())
    return Fail(Code::kUnavailable, "the file cannot be read back; check the disk", {},
                "store_failed");
  if (sha256 != session.job.sha256)
    return Fail(
        Code::kInvalidArgument,
        fmt::format("the file has sha256 {}, which is not the digest that was named", sha256),
        "digest", "wrong_sha256");
  return size;
}

}  // namespace

Result<Event> GiveName(const Session& session) {
  auto manifest = models::ParseManifest(session.job.manifest);
  if (!manifest) return Fail(manifest.error());
  if (manifest->created.empty()) manifest->created = TimeText(SystemClock().WallNow());
  const auto file = session.writer.store().OpenBlob(manifest->sha256);
  if (!file) return Fail(file.error());
  auto inspected = Inspect(file->get());
  if (inspected) inspected = CheckBeside(session, *manifest, file->get());
  if (!inspected) return Fail(inspected.error());
  if (auto named = session.writer.GiveName(*manifest, false); !named) return Fail(named.error());
  return Event{.kind = Event::Kind::kDone,
               .text = manifest->name.ToString(),
               .done = manifest->size,
               .total = manifest->size,
               .sha256 = manifest->sha256};
}

Result<Event> RemoveName(const Session& session) {
  const auto name = models::ParseName(session.job.name);
  if (!name) return Fail(name.error());
  const auto removed = session.writer.Remove(*name);
  if (!removed) return Fail(removed.error());
  return Event{.kind = Event::Kind::kDone,
               .text = removed->name,
               .done = removed->bytes_freed,
               .total = removed->bytes_freed};
}

Result<Event> KeepFile(const Session& session, int input) {
  const Job& job = session.job;
  const auto there = [&] { return session.writer.store().OpenBlob(job.sha256).has_value(); };
  if (there()) return Kept(job, job.size, false);
  auto partial = BeginOrWait(session, std::string(models::kUploadPrefix) + job.sha256, there);
  if (!partial) return Fail(partial.error());
  if (!*partial) return Kept(job, job.size, false);
  const auto size = TakeIn(session, input, **partial);
  if (!size) {
    session.writer.Discard(std::move(**partial));
    return Fail(size.error());
  }
  if (auto kept = session.writer.Keep(std::move(**partial), job.sha256); !kept)
    return Fail(kept.error());
  return Kept(job, *size, true);
}

}  // namespace weir::fetch

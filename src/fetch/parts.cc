// A split model: its parts lie in partials of their own until the whole is committed, so that an
// interrupted pull goes on with the parts that are missing.
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>

#include "fetch/session.h"
#include "fetch/transfer.h"
#include "gguf/join.h"
#include "hash/hash.h"

namespace weir::fetch {
namespace {

constexpr size_t kBlockBytes = size_t{4} << 20;
constexpr size_t kUrlKeyDigits = 40;

std::string KeyOf(const PartFile& part) {
  if (!part.sha256.empty()) return part.sha256;
  return "url-" + Sha256::Of(part.url).substr(0, kUrlKeyDigits);
}

// Appends bytes to a laid-out file, over its pieces, and hashes them.
class Sequence {
 public:
  explicit Sequence(models::Partial& partial) : partial_(partial) {}

  Result<void> Add(std::string_view bytes) {
    hash_.Add(bytes);
    while (!bytes.empty()) {
      if (partial_.PieceComplete(piece_)) ++piece_;
      const uint64_t room = partial_.PieceBytes(piece_) - partial_.PieceDone(piece_);
      const size_t count = static_cast<size_t>(std::min<uint64_t>(room, bytes.size()));
      if (auto put = partial_.Append(piece_, bytes.substr(0, count)); !put) return put;
      bytes.remove_prefix(count);
    }
    return {};
  }
  std::string Hex() const { return hash_.Hex(); }

 private:
  models::Partial& partial_;
  size_t piece_ = 0;
  Sha256 hash_;
};

Result<void> CopyRun(const gguf::Run& run, const std::vector<int>& files, Sequence& into) {
  if (!run.text.empty()) return into.Add(run.text);
  std::string block(static_cast<size_t>(std::min<uint64_t>(run.count, kBlockBytes)), '\0');
  for (uint64_t done = 0; done < run.count;) {
    const size_t want = static_cast<size_t>(std::min<uint64_t>(run.count - done, block.size()));
    const ssize_t got =
        pread(files.at(run.part), block.data(), want, static_cast<off_t>(run.offset + done));
    if (got <= 0)
      return Fail(Code::kUnavailable, "a part cannot be read back; check the disk", {},
                  "store_failed");
    auto added = into.Add(std::string_view(block.data(), static_cast<size_t>(got)));
    if (!added) return added;
    done += static_cast<uint64_t>(got);
  }
  return {};
}

Result<std::string> Join(const Session& session, const std::vector<models::Partial>& parts,
                         models::Partial& whole) {
  std::vector<int> files;
  for (const models::Partial& part : parts) files.push_back(part.data());
  const auto plan = gguf::PlanJoin(files);
  if (!plan) return Fail(plan.error());
  if (auto room = CheckRoom(plan->size, session.writer.FreeBytes()); !room)
    return Fail(room.error());
  if (auto laid = whole.Lay(plan->size, ""); !laid) return Fail(laid.error());
  Sequence sequence(whole);
  for (const gguf::Run& run : plan->runs) {
    if (auto copied = CopyRun(run, files, sequence); !copied) return Fail(copied.error());
  }
  return sequence.Hex();
}

}  // namespace

Result<std::string> FetchParts(const Session& session, const Source& source,
                               models::Partial& whole) {
  std::vector<models::Partial> parts;
  uint64_t before = 0;
  for (const PartFile& file : source.parts) {
    auto partial = BeginOrWait(session, KeyOf(file), [] { return false; });
    if (!partial) return Fail(partial.error());
    const auto arrived = FetchInto(session, source, file, *partial, [&](uint64_t done, uint64_t) {
      session.reporter.Progress(before + done, source.size);
    });
    if (!arrived) return Fail(arrived.error());
    parts.push_back(std::move(**partial));
    before += arrived->size;
  }
  auto sha256 = Join(session, parts, whole);
  for (models::Partial& part : parts) session.writer.Discard(std::move(part));
  return sha256;
}

}  // namespace weir::fetch

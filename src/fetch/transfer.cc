// The first connection asks for the first missing piece and learns how the server answers:
//   206  ranges are served: the total is known, the other pieces are asked for beside it
//   200  they are not: what comes is the whole file from its start, on this one connection
// After that each connection takes one piece at a time. A broken one gives its piece back, and the
// rest of that piece is asked for again after a pause.
#include "fetch/transfer.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <thread>

#include "base/clock.h"
#include "fetch/follower.h"

namespace weir::fetch {
namespace {

using std::chrono::milliseconds;
constexpr auto kStepPatience = milliseconds(100);
constexpr auto kPauseFirst = milliseconds(100);
constexpr auto kPauseMax = milliseconds(8000);
constexpr std::string_view kMagic = "GGUF";

class Transfer {
 public:
  Transfer(http::Downloads& downloads, const RemoteFile& file, models::Partial& partial,
           const std::function<uint64_t()>& free_bytes,
           const std::function<void(uint64_t, uint64_t)>& on_progress)
      : downloads_(downloads),
        file_(file),
        partial_(partial),
        free_bytes_(free_bytes),
        on_progress_(on_progress) {}

  Result<Arrived> Run() {
    Prepare();
    while (!Complete()) {
      if (failure_) break;
      StartConnections();
      for (const http::Ended& ended : downloads_.Step(kStepPatience)) OnEnded(ended);
      Tell();
    }
    DropAll();
    if (failure_) return Fail(*failure_);
    Tell();
    return Finish();
  }

 private:
  struct Active {
    size_t piece;
    bool progressed = false;
  };

  void DropAll() {
    for (const auto& each : active_) downloads_.Drop(each.first);
    active_.clear();
  }

  // What is there already counts when nothing says that it belongs to other bytes.
  void Prepare() {
    const bool kept = partial_.BeginBoot() || !file_.sha256.empty();
    const bool same_size = file_.size == 0 || partial_.total() == file_.size;
    const bool same_bytes = !file_.sha256.empty() || !partial_.etag().empty();
    laid_ = kept && partial_.total() > 0 && same_size && same_bytes;
    resumed_ = laid_ && partial_.done() > 0;
    if (laid_) Follow();
  }

  bool Complete() const { return laid_ && !endless_ && partial_.done() == partial_.total(); }

  void Follow() {
    follower_ = std::make_unique<Follower>(partial_.data());
    follower_->Advance(partial_.Frontier());
  }

  bool LayOut(uint64_t total, std::string_view etag) {
    follower_.reset();
    // What the file already takes from the disk is given back first.
    auto laid = partial_.Lay(0, etag);
    if (laid) laid = CheckRoom(total, free_bytes_());
    if (laid) laid = partial_.Lay(total, etag);
    if (!laid) return End(laid.error());
    laid_ = true;
    endless_ = total == 0;
    Follow();
    return true;
  }

  bool End(Error error) {
    if (!failure_) failure_ = std::move(error);
    return false;
  }

  void Tell() {
    if (!follower_) return;
    follower_->Advance(partial_.Frontier());
    on_progress_(partial_.done(), partial_.total());
  }

  // The next piece that nobody fetches, or nothing.
  std::optional<size_t> NextPiece() const {
    for (size_t piece = 0; piece < partial_.pieces(); ++piece) {
      const bool taken = std::ranges::any_of(
          active_, [&](const auto& each) { return each.second->piece == piece; });
      if (!taken && !partial_.PieceComplete(piece)) return piece;
    }
    return std::nullopt;
  }

  void StartConnections() {
    if (SystemClock().Now() < pause_until_) {
      if (active_.empty()) std::this_thread::sleep_for(milliseconds(20));
      return;
    }
    const size_t wanted = ranges_ ? static_cast<size_t>(file_.connections) : 1;
    while (active_.size() < wanted) {
      if (!laid_) return Start(0, 0, models::kPieceBytesMin - 1);
      const auto piece = NextPiece();
      if (!piece) return;
      const uint64_t start = partial_.PieceStart(*piece);
      Start(*piece, start + partial_.PieceDone(*piece), start + partial_.PieceBytes(*piece) - 1);
    }
  }

  void Start(size_t piece, uint64_t first, uint64_t last) {
    // Where it really lies was learnt from the first answer; a signed address may have run out, so
    // after a break the original one is asked again.
    const bool moved = !moved_to_.empty();
    http::Wanted wanted{.url = moved ? moved_to_ : file_.url,
                        .token = moved ? "" : file_.token,
                        .whole = false,
                        .first = first,
                        .last = last};
    if (file_.sha256.empty() && laid_) wanted.if_range = partial_.etag();
    auto active = std::make_shared<Active>(Active{piece});
    const uint64_t id = downloads_.Start(
        std::move(wanted),
        {.on_head = [this, first](const auto& head) { return OnHead(head, first); },
         .on_bytes = [this, active](std::string_view bytes) { return OnBytes(bytes, *active); }});
    active_.emplace(id, std::move(active));
  }

  bool OnHead(const http::DownloadHead& head, uint64_t first) {
    if (head.status == 206) return OnPart(head, first);
    if (head.status == 200) return OnWhole(head);
    if (head.status >= 500 || !moved_to_.empty()) {
      moved_to_.clear();
      last_error_ = http::StatusError(file_.who, head);
      return false;
    }
    return End(http::StatusError(file_.who, head));
  }

  bool OnPart(const http::DownloadHead& head, uint64_t first) {
    if (head.total == 0 || head.total > kFileBytesMax || head.first != first)
      return End(Nonsense("it answered with another range than was asked for"));
    if (auto fits = CheckTotal(head.total); !fits) return End(fits.error());
    if (laid_ && head.total != partial_.total()) return StartOver();
    if (!laid_ && !LayOut(head.total, StrongEtag(head))) return false;
    ranges_ = true;
    if (head.redirected) moved_to_ = head.url;
    return true;
  }

  // No ranges here, or the file changed since: all of it, from its start.
  bool OnWhole(const http::DownloadHead& head) {
    if (ranges_ && active_.size() > 1) return StartOver();
    if (head.total > kFileBytesMax) return End(Nonsense("it announces a file beyond 4 TiB"));
    if (head.total > 0) {
      if (auto fits = CheckTotal(head.total); !fits) return End(fits.error());
    }
    const uint64_t total = head.total > 0 ? head.total : file_.size;
    whole_ = true;
    ranges_ = false;
    return LayOut(total, StrongEtag(head));
  }

  // A weak one does not promise the same bytes.
  static std::string_view StrongEtag(const http::DownloadHead& head) {
    const std::string_view etag = head.Header("etag");
    return etag.starts_with('"') ? etag : std::string_view();
  }

  Result<void> CheckTotal(uint64_t total) const {
    if (file_.size == 0 || total == file_.size) return {};
    return Fail(Code::kUnprocessable,
                fmt::format("{} sends {} bytes where {} were promised; the file is refused",
                            file_.who, total, file_.size),
                {}, "wrong_size");
  }

  Error Nonsense(std::string_view what) const {
    return {Code::kBackendFailed,
            fmt::format("{} does not speak HTTP as it should ({}); try another source", file_.who,
                        what),
            {},
            "hub_failed"};
  }

  // Forgets everything, once: the file changed under us.
  bool StartOver() {
    if (std::exchange(started_over_, true))
      return End(Nonsense("the file keeps changing while it is fetched"));
    restart_ = true;
    return false;
  }

  bool OnBytes(std::string_view bytes, Active& active) {
    size_t& piece = active.piece;
    while (!bytes.empty()) {
      if (whole_) {
        while (piece < partial_.pieces() && partial_.PieceComplete(piece)) ++piece;
      }
      const bool over = piece >= partial_.pieces() || partial_.PieceComplete(piece) ||
                        (endless_ && partial_.done() + bytes.size() > kFileBytesMax);
      if (over) return End(Nonsense("it sends more bytes than it announced"));
      const uint64_t room = partial_.PieceBytes(piece) - partial_.PieceDone(piece);
      const auto part =
          bytes.substr(0, static_cast<size_t>(std::min<uint64_t>(room, bytes.size())));
      if (!LooksRight(part, piece)) return false;
      if (auto put = partial_.Append(piece, part); !put) return End(put.error());
      if (whole_ && !endless_) follower_->Advance(partial_.Frontier());
      tries_ = 0;
      active.progressed = true;
      bytes.remove_prefix(part.size());
    }
    return true;
  }

  // A page of words instead of a model is told by its first bytes.
  bool LooksRight(std::string_view part, size_t piece) {
    if (!file_.must_be_gguf || piece != 0 || partial_.PieceDone(0) >= kMagic.size()) return true;
    const size_t at = partial_.PieceDone(0);
    const size_t count = std::min(part.size(), kMagic.size() - at);
    if (part.substr(0, count) == kMagic.substr(at, count)) return true;
    (void)partial_.Lay(0, "");
    return End({Code::kUnprocessable,
                fmt::format("what {} sends is no GGUF file; check the address", file_.who),
                {},
                "not_gguf"});
  }

  void OnEnded(const http::Ended& ended) {
    const auto found = active_.find(ended.id);
    if (found == active_.end() || failure_) return;
    const Active active = *found->second;
    active_.erase(found);
    if (std::exchange(restart_, false)) {
      DropAll();
      ranges_ = laid_ = resumed_ = false;
      moved_to_.clear();
      follower_.reset();
      (void)partial_.Lay(0, "");
      return;
    }
    if (ended.outcome && endless_) {
      partial_.EndHere();
      endless_ = false;
      return;
    }
    if (ended.outcome && (whole_ ? Complete() : active.progressed)) return;
    if (!ended.outcome && ended.outcome.error().code == Code::kInvalidArgument) {
      End(ended.outcome.error());  // a redirect that is not followed
      return;
    }
    Broken(ended.outcome ? Nonsense("it ended before the announced bytes") : ended.outcome.error());
  }

  void Broken(const Error& why) {
    if (why.code != Code::kCancelled || !last_error_) last_error_ = why;
    moved_to_.clear();
    if (whole_) {
      // Without ranges there is nothing to go on from.
      whole_ = laid_ = endless_ = false;
      follower_.reset();
      ++whole_breaks_;
    }
    if (++tries_ > kTriesWithoutProgress || whole_breaks_ > kTriesWithoutProgress) {
      End(*last_error_);
      return;
    }
    const auto pause = std::min<Duration>(kPauseMax, kPauseFirst * (1 << std::min(tries_, 10)));
    pause_until_ = SystemClock().Now() + pause;
  }

  Result<Arrived> Finish() {
    const uint64_t size = partial_.total();
    follower_->Advance(size);
    const std::string sha256 = follower_->Finish();
    follower_.reset();
    const std::string etag(partial_.etag());
    if (sha256.empty())
      return Fail(Code::kUnavailable, "the fetched file cannot be read back; check the disk", {},
                  "store_failed");
    if (file_.sha256.empty() || sha256 == file_.sha256) return Arrived{sha256, size, etag};
    (void)partial_.Lay(0, "");
    if (resumed_ && !std::exchange(started_over_, true)) {
      // Bytes of an earlier process may be what is wrong.
      laid_ = resumed_ = ranges_ = false;
      return Run();
    }
    return Fail(Code::kUnprocessable,
                fmt::format("what {} sent has sha256 {}, and {} was promised; it is refused",
                            file_.who, sha256, file_.sha256),
                {}, "wrong_sha256");
  }

  http::Downloads& downloads_;
  const RemoteFile& file_;
  models::Partial& partial_;
  const std::function<uint64_t()>& free_bytes_;
  const std::function<void(uint64_t, uint64_t)>& on_progress_;

  std::unique_ptr<Follower> follower_ = {};
  std::map<uint64_t, std::shared_ptr<Active>> active_ = {};  // by transfer
  bool laid_ = false;     // the partial has a place for each byte
  bool resumed_ = false;  // with bytes of an earlier process
  bool ranges_ = false;   // the server serves them
  bool whole_ = false;    // it does not
  bool endless_ = false;  // and does not say how much comes
  bool restart_ = false;
  bool started_over_ = false;
  std::string moved_to_ = {};
  int tries_ = 0;         // breaks in a row without a byte between
  int whole_breaks_ = 0;  // of a server without ranges, where each byte is lost again
  MonotonicTime pause_until_ = {};
  std::optional<Error> last_error_ = {};
  std::optional<Error> failure_ = {};
};

}  // namespace

Result<void> CheckRoom(uint64_t needed, uint64_t free_bytes) {
  if (needed <= free_bytes) return {};
  return Fail(
      Code::kUnavailable,
      fmt::format("the model needs {} MB on the disk of the model store, and {} MB are free; "
                  "free some space, or name another folder with --models",
                  needed / 1'000'000, free_bytes / 1'000'000),
      {}, "disk_full");
}

Result<Arrived> FetchFile(http::Downloads& downloads, const RemoteFile& file,
                          models::Partial& partial, const std::function<uint64_t()>& free_bytes,
                          const std::function<void(uint64_t, uint64_t)>& on_progress) {
  return Transfer(downloads, file, partial, free_bytes, on_progress).Run();
}

}  // namespace weir::fetch

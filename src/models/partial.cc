#include "models/partial.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <limits>

#include "base/check.h"

namespace weir::models {
namespace {

// Empty where the kernel does not say.
std::string BootId() {
  std::string id;
  std::ifstream("/proc/sys/kernel/random/boot_id") >> id;
  return id;
}

template <size_t N>
void CopyText(char (&into)[N], std::string_view text) {
  std::memset(into, 0, N);
  std::memcpy(into, text.data(), std::min(text.size(), N - 1));
}

uint64_t PieceBytesFor(uint64_t total) {
  if (total == 0) return std::numeric_limits<int64_t>::max();
  const uint64_t least = (total + kPiecesMax - 1) / kPiecesMax;
  return std::max(kPieceBytesMin, (least + 0xfffff) / 0x100000 * 0x100000);
}

}  // namespace

Error StoreError(std::string_view what, int error_number) {
  switch (error_number) {
    case ENOSPC:
    case EDQUOT:
      return {Code::kUnavailable,
              "the disk of the model store is full; free some space, or name another folder with "
              "--models",
              {},
              "disk_full"};
    case EROFS:
    case EACCES:
    case EPERM:
      return {Code::kUnavailable,
              "the model store cannot be written; check the owner and mode of its folder, or name "
              "another with --models",
              {},
              "store_read_only"};
    default:
      return {Code::kUnavailable,
              fmt::format("{}: {}; check the disk of the model store", what,
                          std::strerror(error_number)),
              {},
              "store_failed"};
  }
}

void PartialView::Unmap::operator()(PartialState* state) const {
  munmap(state, sizeof(PartialState));
}

uint64_t PartialView::done() const {
  if (state_ == nullptr) return 0;
  uint64_t sum = 0;
  for (const auto& each : state_->done) sum += each.load(std::memory_order_relaxed);
  return sum;
}

bool Partial::BeginBoot() {
  const std::string now = BootId();
  const bool same = !now.empty() && now == state_->boot;
  CopyText(state_->boot, now);
  return same || done() == 0;
}

Result<void> Partial::Lay(uint64_t total, std::string_view etag) {
  for (auto& each : state_->done) each.store(0);
  state_->piece_bytes.store(PieceBytesFor(total));
  state_->total.store(total);
  CopyText(state_->etag, etag);
  if (ftruncate(data_.get(), 0) != 0) return Fail(StoreError("cannot empty a file", errno));
  if (total == 0) return {};
  // Not every file system can; then writing tells.
  const int error = fallocate(data_.get(), 0, 0, static_cast<off_t>(total)) == 0 ? 0 : errno;
  if (error == 0 || error == EOPNOTSUPP || error == ENOSYS) return {};
  ftruncate(data_.get(), 0);
  return Fail(StoreError("cannot take space", error));
}

size_t Partial::pieces() const {
  const uint64_t all = state_->total.load();
  return all == 0 ? 1 : (all + state_->piece_bytes.load() - 1) / state_->piece_bytes.load();
}

uint64_t Partial::PieceBytes(size_t piece) const {
  const uint64_t all = state_->total.load();
  if (all == 0) return std::numeric_limits<uint64_t>::max();
  return std::min(state_->piece_bytes.load(), all - PieceStart(piece));
}

Result<void> Partial::Append(size_t piece, std::string_view bytes) {
  CHECK(bytes.size() <= PieceBytes(piece) - PieceDone(piece), "a piece holds what it has room for");
  while (!bytes.empty()) {
    const uint64_t at = PieceStart(piece) + PieceDone(piece);
    const ssize_t put = pwrite(data_.get(), bytes.data(), bytes.size(), static_cast<off_t>(at));
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return Fail(StoreError("cannot write", put < 0 ? errno : EIO));
    state_->done[piece].fetch_add(static_cast<uint64_t>(put));
    bytes.remove_prefix(static_cast<size_t>(put));
  }
  return {};
}

void Partial::EndHere() { state_->total.store(PieceDone(0)); }

uint64_t Partial::Frontier() const {
  const size_t count = pieces();
  for (size_t piece = 0; piece < count; ++piece) {
    if (!PieceComplete(piece)) return PieceStart(piece) + PieceDone(piece);
  }
  return total();
}

}  // namespace weir::models

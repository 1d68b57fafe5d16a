// A model file that is on its way into the store: <root>/partial/<key>/ with `data` (the bytes),
// `state` (which of them are there), `lock`, and near the end `intent` (the manifest that comes
// with it). Whoever holds the Partial holds the lock; the kernel lets go of it when the process
// ends, however it ends, and the next one goes on from `state`.
//
// `state` is memory that the file backs: a number is raised after the bytes that it counts were
// written, so a process that is killed at any point has claimed nothing that it did not write. A
// machine that loses power may have: bytes of another boot count only where a sha256 is known to
// hold them against (BeginBoot).
//
// Bytes lie in pieces of equal length, each filled from its start, so that several connections can
// write at once. One thread writes a piece; any thread, and any process that looks on, reads the
// counts.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "process/fd.h"

namespace weir::models {

inline constexpr size_t kPiecesMax = 4096;
inline constexpr uint64_t kPieceBytesMin = uint64_t{16} << 20;
inline constexpr size_t kPartialKeyBytesMax = 80;

// How `state` lies on disk: this machine's byte order, since it never travels.
struct PartialState {
  static constexpr uint64_t kMagic = 0x3172617072696577;  // "weirpar1"
  uint64_t magic;
  std::atomic<uint64_t> total;  // bytes of the whole file; 0: not known
  std::atomic<uint64_t> piece_bytes;
  char boot[40];   // the kernel's boot id when bytes were last written
  char etag[256];  // of the source; empty: none
  std::atomic<uint64_t> done[kPiecesMax];
};

class PartialView {
 public:
  PartialView() = default;
  uint64_t total() const { return state_ == nullptr ? 0 : state_->total.load(); }
  // Bytes that are there, in all pieces.
  uint64_t done() const;

 protected:
  struct Unmap {
    void operator()(PartialState* state) const;
  };
  std::unique_ptr<PartialState, Unmap> state_;
  friend class Writer;
};

class Partial : public PartialView {
 public:
  Partial(Partial&&) noexcept = default;
  Partial& operator=(Partial&&) noexcept = default;

  const std::string& key() const { return key_; }
  int data() const { return data_.get(); }
  std::string_view etag() const { return state_ == nullptr ? "" : state_->etag; }

  // Whether nothing could have been lost since the bytes were written. Notes the present boot.
  bool BeginBoot();
  // Forgets all bytes and lays out `total` (0: not known, then one piece without end). The space is
  // taken from the disk at once: kUnavailable with reason "disk_full".
  Result<void> Lay(uint64_t total, std::string_view etag);

  size_t pieces() const;
  uint64_t PieceStart(size_t piece) const { return piece * state_->piece_bytes.load(); }
  // Its length; UINT64_MAX where the total is not known.
  uint64_t PieceBytes(size_t piece) const;
  uint64_t PieceDone(size_t piece) const { return state_->done[piece].load(); }
  bool PieceComplete(size_t piece) const { return PieceDone(piece) == PieceBytes(piece); }
  // Writes at the end of what the piece has, and counts it. kUnavailable: "disk_full",
  // "store_failed".
  Result<void> Append(size_t piece, std::string_view bytes);
  // The end of a file whose length nobody said.
  void EndHere();
  // How far the file is there without a gap.
  uint64_t Frontier() const;

 private:
  Partial() = default;
  friend class Writer;

  std::string key_;
  Fd folder_;
  Fd lock_;
  Fd data_;
};

// errno of a write into the store, as one line for people.
Error StoreError(std::string_view what, int error_number);

}  // namespace weir::models

// Writes the model store: docs/formats/model-store.md is what it keeps to. A model appears whole or
// not at all, and a process that is killed at any point leaves a store that reads as before; what
// it left is used (resumed) or taken away by the next Writer that opens.
//
// Between processes: each file on its way has a lock of its own (partial.h), and the steps that
// change what readers see happen under the store's lock, which is held for milliseconds. Readers
// (store.h) need no lock. One thread for each Writer.
//
// Every failure of the disk is one line with a stable reason: "disk_full", "store_read_only",
// "store_failed".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "models/manifest.h"
#include "models/partial.h"
#include "models/store.h"
#include "process/fd.h"

namespace weir::models {

inline constexpr size_t kPartialsMax = 1000;
inline constexpr Duration kPartialStaleAfter = std::chrono::hours(7 * 24);
// A blob that no name points to may be on its way by a writer that takes no lock
// (tools/fetch_models), so only older ones are taken away.
inline constexpr Duration kLooseBlobAfter = std::chrono::hours(1);

// Keys of partials that nobody goes on with when they were left: what a client sends, and what is
// made on this machine.
inline constexpr std::string_view kUploadPrefix = "upload-";

struct Removed {
  std::string name;
  uint64_t bytes_freed = 0;  // 0 when another name still points to the file
};

struct Swept {
  int finished = 0;  // commits that a killed process had begun, brought to their end
  int partials = 0;  // taken away because they were stale or not needed any more
  int files = 0;     // unfinished manifests and blobs without a name, taken away
};

class Writer {
 public:
  // Makes the folders and clears what killed writers left. The root's parent must be writable when
  // there is no root yet.
  static Result<Writer> Open(const std::string& root, WallTime now);

  Store store() const { return Store(root_); }
  bool HasBlob(std::string_view sha256, uint64_t size) const;
  // The model's, those of its adapters, its projector's.
  bool HasBlobs(const Manifest& manifest) const;
  // Bytes that may still be written to the store's disk.
  uint64_t FreeBytes() const;

  // What is there of `key` (letters, digits and '-'), locked; new or as a killed process left it.
  // kConflict (reason "in_progress"): another process writes it now; Look shows how far it is.
  Result<Partial> Begin(std::string_view key) const;
  PartialView Look(std::string_view key) const;
  // Ends a Partial that is not wanted: its bytes go.
  void Discard(Partial partial) const;

  // The Partial's bytes become the manifest's blob, and the manifest its name's. The caller has
  // held the bytes against the manifest's sha256, size and the inspector. With `keep_previous` the
  // model that had the name before stays, for RollBack. A blob that is there already is kept.
  Result<void> Commit(Partial partial, const Manifest& manifest, bool keep_previous) const;
  // The Partial's bytes become a blob that no name points to yet, and that goes when none does
  // within kLooseBlobAfter. The caller has held them against `sha256`.
  Result<void> Keep(Partial partial, const std::string& sha256) const;
  // Takes a blob away that no name points to: what it was kept for has failed.
  void DropIfLoose(std::string_view sha256) const;
  // A name for a blob that is there, and for what lies beside it. kNotFound when one is not.
  Result<void> GiveName(const Manifest& manifest, bool keep_previous) const;
  // kNotFound when there is no such name. The blob goes with its last name; a process that has it
  // open keeps it.
  Result<Removed> Remove(const Name& name) const;
  // What `name` was before the last update. kNotFound when nothing was kept.
  Result<Manifest> Previous(const Name& name) const;
  // Makes Previous the present one and the other way round.
  Result<Manifest> RollBack(const Name& name) const;

  // What Open does; for `weir doctor` too.
  Result<Swept> Sweep(WallTime now) const;

 private:
  explicit Writer(std::string root) : root_(std::move(root)) {}
  Result<void> OpenFolders();
  Result<Fd> LockStore() const;
  Result<void> PutBlob(const Partial& partial, const std::string& sha256) const;
  Result<void> PutManifest(int top, const Manifest& manifest) const;
  Result<void> KeepPrevious(const Manifest& next) const;
  Result<void> NameLocked(const Manifest& manifest, bool keep_previous) const;
  std::optional<std::vector<std::string>> ReferencedBlobs() const;
  void SweepPartial(const std::string& key, WallTime now, Swept& swept) const;
  void SweepManifests(int top, Swept& swept) const;
  void SweepBlobs(WallTime now, Swept& swept) const;

  std::string root_;
  Fd top_;
  Fd blobs_;
  Fd manifests_;
  Fd previous_;
  Fd partials_;
};

}  // namespace weir::models

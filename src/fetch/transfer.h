// One large file from a web server into a Partial: several connections where the server serves
// ranges, resumed where an earlier process or a broken connection stopped, hashed while it comes.
//
// Bounds, whatever the server says: never more bytes than were announced and asked for; a
// connection without a byte for the stall time is broken; kTriesWithoutProgress breaks in a row
// without a byte between them end it. Statuses 4xx end it at once.
//
// One thread (and the follower's).
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/result.h"
#include "http/download.h"
#include "models/partial.h"

namespace weir::fetch {

inline constexpr int kTriesWithoutProgress = 6;
inline constexpr uint64_t kFileBytesMax = uint64_t{4} << 40;

struct RemoteFile {
  std::string who = "the server";  // for people: "the hub"
  std::string url = {};
  std::string token = {};
  uint64_t size = 0;        // 0: whatever the server announces
  std::string sha256 = {};  // empty: not known
  int connections = 4;
  bool must_be_gguf = true;  // stop at the first bytes of anything else
};

struct Arrived {
  std::string sha256;
  uint64_t size = 0;
  std::string etag;
};

// `free_bytes` says what the disk has left; `on_progress` is called often, with bytes of how many
// (0: not known). Errors: StatusError's; "disk_full"; kUnprocessable "wrong_sha256" and "not_gguf"
// (the bytes are forgotten then); what the last broken connection said.
Result<Arrived> FetchFile(http::Downloads& downloads, const RemoteFile& file,
                          models::Partial& partial, const std::function<uint64_t()>& free_bytes,
                          const std::function<void(uint64_t, uint64_t)>& on_progress);

// Room on the disk for what is missing, or the line that says how much is.
Result<void> CheckRoom(uint64_t needed, uint64_t free_bytes);

}  // namespace weir::fetch

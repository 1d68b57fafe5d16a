// Fetching from hubs: documents whole, and parts of large files as they come, several at once over
// TLS. For the fetch process alone: no cookies, no uploads, no compression.
//
// What it keeps to, whatever a server says:
//   addresses   https:// anywhere; http:// only to this machine (127.0.0.0/8, [::1], localhost)
//   redirects   at most kRedirectsMax, each to an address of that kind, and from https:// never to
//               http://
//   secrets     the token goes to the host and port of the first address and to no other
//   bounds      64 KiB of headers; a document has the size that the caller allows; no byte for
//               `stall` ends a transfer
// Proxies of the environment (https_proxy, no_proxy) are used, never for this machine's addresses.
//
// One thread. Addresses are never in an Error's message.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "http/message.h"

namespace weir::http {

inline constexpr int kRedirectsMax = 8;
inline constexpr size_t kDownloadsMax = 16;  // at once

// Whether `url` is one that may be fetched from at all.
bool MayFetch(std::string_view url);

struct DownloadOptions {
  Duration connect = std::chrono::seconds(20);
  Duration stall = std::chrono::seconds(30);
  std::string ca_file = {};  // instead of the system's trust roots; empty: those
};

struct Wanted {
  std::string url;
  std::string token = {};   // sent as Authorization: Bearer; empty: none
  std::string accept = {};  // media types, or empty
  // Bytes first..last of the file; both 0 with `whole`.
  bool whole = true;
  uint64_t first = 0;
  uint64_t last = 0;
  std::string if_range = {};  // an ETag: other bytes than of that state must not be mixed in
};

// What a server said before the body, after all redirects.
struct DownloadHead {
  int status = 0;
  Headers headers = {};
  std::string url = {};  // where it came from in the end; only for asking there again
  bool redirected = false;
  // Content-Range's total with a 206, Content-Length with a 200; 0: not said.
  uint64_t total = 0;
  uint64_t first = 0;  // of Content-Range; 0 with a 200
  int retry_after_s = 0;
  std::string_view Header(std::string_view name) const;
};

struct Document {
  DownloadHead head;
  std::string body;
};

// Takes one transfer. Either function returns false to end it.
struct Sink {
  std::function<bool(const DownloadHead&)> on_head;
  std::function<bool(std::string_view)> on_bytes;
};

struct Ended {
  uint64_t id;
  // Ok: the server sent all it announced. kCancelled: a Sink said so. kUnavailable: could not
  // connect. kDeadlineExceeded: stalled. kBackendFailed: broke off, or no HTTP. kInvalidArgument:
  // an address that may not be fetched, redirects included. kTooLarge: headers.
  Result<void> outcome;
};

class Downloads {
 public:
  explicit Downloads(DownloadOptions options);
  ~Downloads();
  Downloads(const Downloads&) = delete;
  Downloads& operator=(const Downloads&) = delete;

  // Any status is a Document; beyond `bytes_max` kTooLarge.
  Result<Document> Get(const Wanted& wanted, size_t bytes_max);

  // What a server would say before the body, without most of the body. Any status.
  Result<DownloadHead> Peek(const std::string& url, const std::string& token);

  // Begins a transfer; Step carries it on. CHECKs that fewer than kDownloadsMax run.
  uint64_t Start(Wanted wanted, Sink sink);
  // Waits at most `patience` for something to happen, and gives those that have ended.
  std::vector<Ended> Step(Duration patience);
  // Ends it without a word.
  void Drop(uint64_t id);
  size_t running() const;

 private:
  struct Transfer;
  struct State;
  std::unique_ptr<State> state_;
};

// One line for people about a status that is no success: "asks for a token", "has no such file".
// `who` is how they know the server ("the hub").
Error StatusError(std::string_view who, const DownloadHead& head);

}  // namespace weir::http

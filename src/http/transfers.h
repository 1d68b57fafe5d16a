// Many HTTP calls at once from one thread, over TLS or plain, HTTP/1.1 or 2, with connections kept
// for the next call: libcurl's multi interface behind plain structs. For the egress process, which
// knows where calls may go; nothing here does.
//
// Never: follows a redirect, takes a proxy or a certificate setting from the environment, sends a
// cookie, accepts a certificate that does not fit the host. Every connection is shown to
// `may_connect` with the address that the name resolved to, before a byte goes out; one that was
// kept, again for each call that would use it.
//
// One thread: Start, Cancel, Resume, Watch and Wait. Sinks are called inside Wait and Start only.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "http/message.h"

namespace weir::http {

struct TransferSpec {
  std::string method = "POST";
  std::string url = {};
  Headers headers = {};
  std::string body = {};
  std::string ca_file = {};  // beside the system's roots; empty: those alone
  std::string proxy = {};    // empty: none
  Duration connect_timeout = std::chrono::seconds(10);
  Duration first_byte_timeout = std::chrono::seconds(120);  // from the start to the head
  Duration gap_timeout = std::chrono::seconds(60);          // between pieces, while not paused
  Duration total_timeout = std::chrono::hours(1);
  uint64_t answer_bytes_max = 64u << 20;
  size_t header_bytes_max = 64u << 10;
  // Whether a connection to this address may be opened (of the proxy, where there is one).
  std::function<bool(const sockaddr& address)> may_connect = {};
};

struct TransferEnd {
  uint64_t answer_bytes = 0;
  bool reused = false;
  double connect_ms = 0;
  double first_byte_ms = 0;
  double total_ms = 0;
};

// Who takes the answer of one transfer. Lives until OnEnd or OnFailure was called, or Cancel.
class TransferSink {
 public:
  virtual ~TransferSink() = default;
  // The final status, once; 1xx are not shown.
  virtual void OnHead(int status, const Headers& headers) = 0;
  // False pauses the transfer: these bytes are given again after Resume.
  virtual bool OnBody(std::string_view bytes) = 0;
  virtual void OnEnd(const TransferEnd& end) = 0;
  // kUnavailable: connect_failed (nothing was sent), call_not_taken (the other side says that it
  // did not look at it), address_refused. kBackendFailed: certificate_refused, answer_cut,
  // answer_broken. kTooLarge: answer_too_large, reader_too_slow. kDeadlineExceeded:
  // connect_timeout, first_byte_timeout, gap_timeout, total_timeout.
  virtual void OnFailure(Error error) = 0;
};

struct TransfersOptions {
  long connections_max = 256;          // open in all
  long connections_per_host_max = 64;  // further calls wait inside, within their time-outs
  long connections_idle_max = 64;      // kept for later
  // What arrives for paused calls and has to be kept, of all: over HTTP/2 up to 32 MiB of each, for
  // the window is libcurl's, and other calls of the connection go on. Beyond, the largest ends.
  uint64_t held_bytes_max = 32u << 20;
};

class Transfers {
 public:
  // Loads what libcurl and OpenSSL load on first use; before a sandbox that forbids loading.
  static void WarmUp();

  explicit Transfers(const TransfersOptions& options);
  ~Transfers();
  Transfers(const Transfers&) = delete;
  Transfers& operator=(const Transfers&) = delete;

  // The transfer's id, never 0. Nothing of `spec` needs to live on.
  uint64_t Start(TransferSpec spec, TransferSink& sink);
  // The sink is not called again. An id that has ended is nobody's fault.
  void Cancel(uint64_t id);
  void Resume(uint64_t id);
  size_t running() const;

  // One more descriptor that Wait looks at.
  void Watch(int descriptor, bool for_writing);
  struct Watched {
    bool readable = false;
    bool writable = false;
  };
  // Moves everything on, for at most `limit`; returns early when something happened.
  Watched Wait(Duration limit);
  // Tells the sinks of transfers that ended within Start or Resume, whose answers were there at
  // once; the next Wait would, but what was written meanwhile has been sent by then.
  void TellEnds();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace weir::http

// One call of Transfers, and what libcurl tells of it; internal to transfers.cc. One thread.
#pragma once

#include <curl/curl.h>
#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>

#include "base/clock.h"
#include "base/result.h"
#include "http/field_lines.h"
#include "http/message.h"
#include "http/transfers.h"

namespace weir::http {

// One of libcurl's, for one way out: what it trusts and the proxy it takes are its own for good.
struct Handle {
  CURL* easy = nullptr;
  std::string ca_file = {};
  std::string proxy = {};
};

struct Transfer {
  uint64_t id = 0;
  Handle handle = {};
  std::optional<FieldLines> fields = {};
  TransferSink* sink = nullptr;
  std::function<bool(const sockaddr&)> may_connect = {};
  std::unordered_set<int>* opened = nullptr;  // connections of all transfers
  std::string body = {};
  Headers head = {};
  size_t head_bytes = 0;
  size_t head_bytes_max = 0;
  uint64_t answer_bytes = 0;
  uint64_t answer_bytes_max = 0;
  uint64_t place = 0;  // of scheme, host and port
  MonotonicTime started = {};
  MonotonicTime last = {};  // when something arrived
  MonotonicTime head_until = {};
  MonotonicTime total_until = {};
  Duration gap = {};
  bool head_done = false;
  bool paused = false;
  bool refused_address = false;
  bool sent_again = false;
  bool none_looked_at = false;        // the other side says so of all that came by this connection
  std::optional<Error> failure = {};  // why a callback stopped it

  size_t Stop(Error error);
  size_t OnHeader(std::string_view line);
  void EndHead();
  size_t OnBody(std::string_view bytes);
  curl_socket_t OnOpen(const curl_sockaddr& address);
  // A kept connection was judged for the call that opened it, which another place may have made.
  int OnConnected(const char* ip);
  // What libcurl keeps of it until Resume.
  uint64_t held() const;
  // libcurl tells of a GOAWAY in the words of its report alone. One that looked at no stream of the
  // connection has not looked at this call.
  void OnReport(std::string_view words);
  // Why it has to end now, if it has to.
  std::optional<Error> TimedOut(MonotonicTime now) const;
};

}  // namespace weir::http

// A blocking HTTP client for the command line: one request to the server on this machine (or a
// given http:// address), the answer whole or as it comes. Not for providers (egress) and not for
// hubs (fetch): no TLS, no proxies, no cookies, and redirects are answers, never followed.
//
// Any thread, one request at a time for each Client; it keeps its connection between requests.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "http/message.h"

namespace weir::http {

struct ClientRequest {
  std::string method = "GET";
  std::string url;  // "http://127.0.0.1:9347/v1/models"
  Headers headers;
  std::string body;  // sent when not empty, and for POST, PUT and PATCH
  Duration connect_timeout = std::chrono::seconds(5);
  Duration total_timeout{0};                  // 0: none
  Duration silence_timeout{0};                // without a byte, once connected; 0: none
  const std::atomic<bool>* cancel = nullptr;  // true ends the request soon, for Ctrl-C
  std::function<bool(std::string_view)>
      on_body;  // takes the body as it comes; false ends the request
  // Called once, before on_body: a caller that streams only good answers returns false to have the
  // body collected.
  std::function<bool(int status)> wants_stream;
  uint64_t body_bytes_max = 64 * 1024 * 1024;  // of a body that is collected
};

struct ClientReply {
  int status = 0;
  Headers headers;
  std::string body;  // empty when on_body took it
};

class Client {
 public:
  Client();
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Any status is a reply. kUnavailable: nobody listens there. kDeadlineExceeded: a timeout.
  // kCancelled: `cancel` or on_body. kTooLarge: over body_bytes_max. kBackendFailed: the answer
  // broke off, or is no HTTP.
  Result<ClientReply> Do(const ClientRequest& request);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace weir::http

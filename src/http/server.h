// The HTTP/1.1 server: connections in, Exchanges out, one Loop's thread for everything.
//
// It parses strictly (parser.h), refuses foreign Host and Origin before the handler (policy.h),
// keeps connections alive, answers pipelined requests in order, watches for clients that go away
// while their request is handled, and holds every client to the times and sizes below. It knows no
// routes and no keys, and does no TLS.
//
// A client that closes its sending side is taken as gone. Request bodies are whole when the handler
// is called.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

#include "async/task.h"
#include "base/clock.h"
#include "base/result.h"
#include "http/exchange.h"
#include "http/parser.h"
#include "http/policy.h"

namespace weir::http {

struct ServerOptions {
  ParserLimits limits;
  HostPolicyOptions hosts;
  size_t connections_max = 4096;  // more get 503, many more wait in the kernel's queue
  uint64_t held_body_bytes_max = 1024 * 1024 * 1024;  // of all requests together; more get 503
  Duration head_timeout =
      std::chrono::seconds(10);  // from the first byte of a request to the end of its head: 408
  Duration body_grace = std::chrono::seconds(5);     // in each such span of a body ...
  uint64_t body_bytes_per_s_min = 1024;              // ... this rate is kept: 408
  Duration idle_timeout = std::chrono::seconds(60);  // between requests, and before the first
  Duration write_stall = std::chrono::seconds(30);   // without the client taking a byte: closed
  Duration tick = std::chrono::milliseconds(250);    // how precisely these times are kept

  // The answer to what the server refuses itself, in the shape that the caller expects. `request`
  // is null when there is none that can be trusted (a broken head). Without a renderer:
  // {"error":{"message","type","code"}}.
  std::function<Reply(const Refusal&, const Request* request)> render_refusal;
};

class Server {
 public:
  // The Loop behind `executor` outlives the Server.
  Server(Executor executor, ServerOptions options, Handler handler);
  // Aborts what is left, without waiting. Handlers that are suspended are cancelled.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Accepts on a listening socket (TCP or Unix), which the Server owns from now on and makes
  // non-blocking.
  Result<void> Accept(int listening_fd);

  // Closes idle connections, answers new requests with 503, those on new connections too, and waits
  // for running exchanges. After `grace` the rest is aborted: streams break off visibly.
  Task<void> Drain(Duration grace);

  size_t connection_count() const;
  size_t exchange_count() const;  // handlers that are running

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace weir::http

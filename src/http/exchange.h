// One request and the answer to it, as a handler sees them. The server implements it on a
// connection; tests of handlers may implement it on a string.
//
// The answer is either whole (Send) or a stream (Start, Write..., End). A handler that returns
// without having sent gets a 500 sent for it, and a stream that is left without End counts as
// aborted: it never looks finished to the client.
//
// One Loop's thread; one coroutine at a time writes (CHECK). Every call that writes returns
// kCancelled once the client is gone: the handler then returns. Its tree is also cancelled
// (async/task.h), so that whatever it awaits ends.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "async/task.h"
#include "base/result.h"
#include "http/message.h"

namespace weir::http {

class Exchange {
 public:
  virtual ~Exchange() = default;

  // Its parts may be moved out. Lives until the handler returns. Of a request that is handed on
  // while it comes (ParserLimits::streamed_prefix) the body is empty: ReadBody gives it.
  virtual Request& request() = 0;
  // The next piece of the body, at least a byte and at most some hundred KiB; empty at its end, and
  // from then on. What is not asked for waits with the client. kTimeout (too slow), kTooLarge and
  // kInvalidArgument (a broken transfer coding) end the body; the connection closes behind the
  // answer when some of it was not read. Of a request that is whole, the body in one piece.
  virtual Task<Result<std::string>> ReadBody() = 0;
  // The client closed or broke the connection, took nothing for too long, or the server ends.
  virtual bool ClientGone() const = 0;
  // Send or Start was called.
  virtual bool replied() const = 0;

  // The whole answer, in one write where the socket takes it. A HEAD request gets the head alone.
  virtual Task<Result<void>> Send(Reply reply) = 0;

  // Fixes the head of a stream (head.body is not used). It leaves with the first Write or End;
  // Write("") sends it alone.
  virtual void Start(Reply head) = 0;
  // Returns when the kernel has taken all of it: awaiting it is the back-pressure. `bytes` lives
  // until then.
  virtual Task<Result<void>> Write(std::string_view bytes) = 0;
  virtual Task<Result<void>> End() = 0;
  // Breaks the answer off for the client to see; the connection is closed when the handler returns.
  virtual void Abort() = 0;
};

// Called once for each request that passed the parser and the host policy. The Exchange outlives
// the Task.
using Handler = std::function<Task<void>(Exchange&)>;

}  // namespace weir::http

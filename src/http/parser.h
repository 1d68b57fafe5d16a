// An incremental, strict HTTP/1.1 request parser: bytes in, one Request out. Pure: no I/O, no
// clock, no coroutine.
//
// Strict means that nothing is repaired, because two servers that repair differently are a
// smuggling hole: bare LF, folded lines, spaces before colons, two lengths, signed sizes and their
// kin are refused with a status and words, and the connection must then be closed. Every length and
// count is bounded; the refusal names the bound.
//
// One thread. Source: RFC 9112. docs/internals/http.md says why the bounds are what they are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "http/chunked.h"
#include "http/head.h"
#include "http/message.h"

namespace weir::http {

struct ParserLimits {
  size_t head_bytes = 32 * 1024;  // request line and fields, line ends included
  size_t line_bytes = 8 * 1024;
  size_t header_count = 100;
  uint64_t body_bytes = 32 * 1024 * 1024;
  // Of POST requests below this path. Empty: none.
  std::string larger_prefix = {};
  uint64_t larger_body_bytes = 0;
  // POST requests below this path may bring larger bodies, which are handed on while they come
  // instead of being held. Empty: none.
  std::string streamed_prefix = {};
  uint64_t streamed_body_bytes = 0;
};

class RequestParser {
 public:
  enum class State : uint8_t {
    kHead,      // no byte yet, or inside the head
    kBody,      // the head is complete and good, the body is not all there
    kComplete,  // TakeRequest
    kRefused,   // refusal() says why; nothing more is consumed
  };

  explicit RequestParser(ParserLimits limits) : limits_(limits) {}

  // Returns how many bytes it took: all of them, or up to the end of the request. What is left
  // belongs to the next.
  size_t Feed(std::string_view bytes);

  State state() const { return state_; }
  // Whether a byte of this request has arrived.
  bool started() const { return started_; }
  // The head in kBody and kComplete: for checks before the body is read.
  const Request& request() const { return request_; }
  // In kBody: the body is taken in pieces (TakeHead, TakeBody).
  bool streams() const { return streams_; }
  // Bytes of the body so far, those that were taken included.
  uint64_t body_bytes() const { return taken_body_bytes_ + request_.body.size(); }
  // In kBody: the client waits for "100 Continue".
  bool expects_continue() const { return framing_.expects_continue; }
  const Refusal& refusal() const { return refusal_; }

  // In kComplete. The parser is then ready for the next request. Of a request that streams, what
  // was not taken before.
  Request TakeRequest();
  // In kBody of a request that streams: all but the body, once.
  Request TakeHead();
  // The bytes of the body that have come since the last call.
  std::string TakeBody();

 private:
  size_t FeedHead(std::string_view bytes);
  size_t FeedBody(std::string_view bytes);
  bool TakeLine(std::string_view line);
  bool FinishHead();
  bool Fail(Refusal refusal);

  const ParserLimits limits_;
  State state_ = State::kHead;
  bool started_ = false;
  bool have_request_line_ = false;
  bool skipped_blank_ = false;
  size_t head_bytes_ = 0;
  std::string line_;  // the beginning of a line that is not complete
  std::string authority_;
  Framing framing_;
  ChunkedDecoder chunks_;
  bool streams_ = false;
  uint64_t taken_body_bytes_ = 0;
  Request request_;
  Refusal refusal_;
};

}  // namespace weir::http

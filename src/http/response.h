// The bytes of an answer's head. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "http/message.h"

namespace weir::http {

enum class BodyFraming : uint8_t {
  kLength,   // Content-Length
  kChunked,  // HTTP/1.1 streams
  kClose,    // HTTP/1.0 streams: the end of the connection is the end of the body
  kNone,     // 204 and 304
};

struct HeadOptions {
  BodyFraming framing = BodyFraming::kLength;
  uint64_t content_length = 0;
  bool keep_alive = true;
  int minor_version = 1;  // of the request
  std::string_view date;  // "Sat, 21 Nov 2026 17:00:00 GMT"
};

// A field whose name or value cannot stand in a head (a line end in it would forge fields) is left
// out.
std::string BuildHead(int status, const Headers& headers, const HeadOptions& options);

// IMF-fixdate of RFC 9110 5.6.7.
std::string HttpDate(int64_t unix_seconds);

}  // namespace weir::http

// The syntax of a request's head, line by line: request line, fields, and what they mean together.
// Pure. The lines come without CRLF and have been checked for length and bare LF (parser.h).
// Sources: RFC 9110, RFC 9112.
#pragma once

#include <cstdint>
#include <expected>
#include <string_view>

#include "http/message.h"

namespace weir::http {

using Verdict = std::expected<void, Refusal>;

// Shorthand: `return Refuse(400, "bad_host", "...")`.
std::unexpected<Refusal> Refuse(int status, std::string_view reason, std::string message);

// "GET /path?query HTTP/1.1" into method, path, query and minor_version. An absolute-form target
// leaves its authority in `authority`, to be compared with Host.
Verdict ParseRequestLine(std::string_view line, Request& request, std::string& authority);

// "Name: value" added to `headers`.
Verdict ParseField(std::string_view line, Headers& headers);

// How the body comes, decided from the whole head.
struct Framing {
  bool chunked = false;
  uint64_t content_length = 0;
  bool expects_continue = false;
};

// Checks Host, Content-Length, Transfer-Encoding, Connection and Expect; sets request.keep_alive.
std::expected<Framing, Refusal> CheckHead(Request& request, std::string_view authority,
                                          uint64_t body_max);

// "host", "host:80", "[::1]:80", an IPv4 address: the syntax only. The port is -1 when absent.
struct HostPort {
  std::string_view host;  // with the brackets of an IPv6 address
  int port = -1;
};
std::optional<HostPort> SplitHost(std::string_view text);

}  // namespace weir::http

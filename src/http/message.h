// Plain HTTP messages: what a handler is given and what it answers. No sockets, no parsing
// (parser.h), no JSON.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::http {

// ASCII only, as field names are.
bool EqualsIgnoreCase(std::string_view a, std::string_view b);

// Fields in the order in which they came. Names are compared without case; values are bytes without
// control characters. Views into it live until it is changed or moved.
class Headers {
 public:
  void Add(std::string_view name, std::string_view value);
  // The first of that name.
  std::optional<std::string_view> Find(std::string_view name) const;
  size_t Count(std::string_view name) const;

  size_t size() const { return spans_.size(); }
  std::string_view name(size_t i) const;
  std::string_view value(size_t i) const;

 private:
  struct Span {
    uint32_t begin;
    uint32_t name_size;
    uint32_t value_size;
  };
  std::string text_;  // names and values, one after the other
  std::vector<Span> spans_;
};

struct Request {
  std::string method;  // a token as it was sent: "GET"
  std::string path;    // raw: starts with '/', percent escapes are valid and left as they are; "*"
                       // for OPTIONS *
  std::string query;   // raw, without '?'
  int minor_version = 1;  // HTTP/1.x
  Headers headers;
  std::string body;  // whole, without transfer coding
  std::string peer;  // "127.0.0.1:51234", "[::1]:51234", or "unix"
  bool keep_alive = true;

  std::string_view host() const { return headers.Find("host").value_or(""); }
};

struct Reply {
  int status = 200;
  // Content-Length, Transfer-Encoding, Connection and Date are the server's own and must not be
  // here.
  Headers headers;
  std::string body;
};

// Why the server answers a request itself instead of asking the handler.
struct Refusal {
  int status = 400;
  std::string_view reason;  // a stable machine word, a literal: "header_line_too_long"
  std::string message;      // one sentence that names the limit; nothing that the client sent
};

// "Not Found"; "Unknown" for what has no name.
std::string_view StatusPhrase(int status);

// "%41" becomes "A"; nothing for a broken escape. '+' stays '+'.
std::optional<std::string> PercentDecode(std::string_view text);
// The decoded value of the first `name` in "a=1&b=two" ('+' is a space there); nothing when absent
// or broken.
std::optional<std::string> QueryValue(std::string_view query, std::string_view name);

// 1*tchar (RFC 9110 5.6.2).
bool IsToken(std::string_view text);
// No control characters but HTAB (RFC 9110 5.5).
bool IsFieldValue(std::string_view text);

}  // namespace weir::http

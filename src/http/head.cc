#include "http/head.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace weir::http {
namespace {

constexpr size_t kMethodMax = 32;

bool IsDigits(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

bool IsHex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

std::string_view TrimBlanks(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// What may stand in a path or query: visible ASCII without the characters that servers disagree on,
// whole escapes.
bool IsTarget(std::string_view text) {
  for (size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c <= 0x20 || c >= 0x7f || c == '#' || c == '\\' || c == '"' || c == '<' || c == '>')
      return false;
    if (c != '%') continue;
    if (i + 2 >= text.size() || !IsHex(text[i + 1]) || !IsHex(text[i + 2])) return false;
    if (text[i + 1] == '0' && text[i + 2] == '0') return false;  // a NUL in disguise
    i += 2;
  }
  return true;
}

Verdict ParseVersion(std::string_view version, Request& request) {
  const bool shaped = version.size() == 8 && version.starts_with("HTTP/") && version[6] == '.' &&
                      IsDigits(version.substr(5, 1)) && IsDigits(version.substr(7, 1));
  if (!shaped)
    return Refuse(400, "bad_request_line", "the request line does not end in an HTTP version");
  if (version != "HTTP/1.1" && version != "HTTP/1.0") {
    return Refuse(505, "bad_version", "only HTTP/1.1 and HTTP/1.0 are spoken here");
  }
  request.minor_version = version[7] - '0';
  return {};
}

Verdict ParseTarget(std::string_view target, Request& request, std::string& authority) {
  if (target == "*") {
    if (request.method != "OPTIONS")
      return Refuse(400, "bad_target", "the target * is for OPTIONS alone");
    request.path = target;
    return {};
  }
  if (!IsTarget(target)) {
    return Refuse(400, "bad_target",
                  "the request target has a forbidden character or a broken escape");
  }
  if (!target.starts_with('/')) {
    constexpr std::string_view kScheme = "http://";
    if (!EqualsIgnoreCase(target.substr(0, kScheme.size()), kScheme)) {
      return Refuse(400, "bad_target",
                    "the request target is neither a path nor an http:// address");
    }
    target.remove_prefix(kScheme.size());
    const size_t end = std::min(target.find_first_of("/?"), target.size());
    authority = target.substr(0, end);
    if (!SplitHost(authority))
      return Refuse(400, "bad_target", "the request target has a broken authority");
    target.remove_prefix(end);
  }
  const size_t question = std::min(target.find('?'), target.size());
  request.path = question == 0 ? "/" : target.substr(0, question);
  request.query = target.substr(std::min(target.size(), question + 1));
  return {};
}

std::expected<uint64_t, Refusal> ParseContentLength(const Headers& headers, uint64_t body_max) {
  std::string_view first;
  for (size_t i = 0; i < headers.size(); ++i) {
    if (!EqualsIgnoreCase(headers.name(i), "content-length")) continue;
    const std::string_view value = headers.value(i);
    if (!IsDigits(value))
      return Refuse(400, "bad_content_length", "Content-Length is not a plain number");
    if (!first.empty() && value != first) {
      return Refuse(400, "bad_content_length", "there are two Content-Length fields that differ");
    }
    first = value;
  }
  uint64_t length = 0;
  if (first.empty()) return length;
  const auto parsed = std::from_chars(first.data(), first.data() + first.size(), length);
  if (parsed.ec != std::errc() || length > body_max) {
    return Refuse(413, "body_too_large",
                  "the body is larger than the limit of " + std::to_string(body_max) + " bytes");
  }
  return length;
}

Verdict CheckHost(const Request& request, std::string_view authority) {
  if (request.headers.Count("host") != 1) {
    return Refuse(400, "bad_host", "a request has exactly one Host field");
  }
  if (!SplitHost(request.host()))
    return Refuse(400, "bad_host", "Host is not a host name with an optional port");
  if (!authority.empty() && !EqualsIgnoreCase(authority, request.host())) {
    return Refuse(400, "bad_host", "Host and the request target name different hosts");
  }
  return {};
}

Verdict CheckTransferEncoding(const Request& request, Framing& framing) {
  const size_t count = request.headers.Count("transfer-encoding");
  if (count == 0) return {};
  if (request.headers.Count("content-length") > 0) {
    return Refuse(400, "ambiguous_length",
                  "Content-Length and Transfer-Encoding exclude each other");
  }
  if (request.minor_version == 0 || count > 1) {
    return Refuse(400, "bad_transfer_encoding",
                  "Transfer-Encoding stands once, and only in HTTP/1.1");
  }
  if (!EqualsIgnoreCase(*request.headers.Find("transfer-encoding"), "chunked")) {
    return Refuse(501, "unknown_transfer_encoding", "the only transfer coding here is chunked");
  }
  framing.chunked = true;
  return {};
}

// Whether a comma list holds `token`.
bool ListHolds(std::string_view list, std::string_view token) {
  while (!list.empty()) {
    const std::string_view item = list.substr(0, list.find(','));
    if (EqualsIgnoreCase(TrimBlanks(item), token)) return true;
    list.remove_prefix(std::min(list.size(), item.size() + 1));
  }
  return false;
}

bool KeepAlive(const Request& request) {
  bool close = false;
  bool keep = false;
  for (size_t i = 0; i < request.headers.size(); ++i) {
    if (!EqualsIgnoreCase(request.headers.name(i), "connection")) continue;
    close = close || ListHolds(request.headers.value(i), "close");
    keep = keep || ListHolds(request.headers.value(i), "keep-alive");
  }
  return !close && (request.minor_version == 1 || keep);
}

bool IsHostName(std::string_view host) {
  return !host.empty() && host.size() <= 255 && std::ranges::all_of(host, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_';
  });
}

bool IsBracketed(std::string_view host) {
  return host.size() >= 4 && host.size() <= 47 && host.front() == '[' && host.back() == ']' &&
         std::ranges::all_of(host.substr(1, host.size() - 2),
                             [](char c) { return IsHex(c) || c == ':' || c == '.'; });
}

}  // namespace

std::unexpected<Refusal> Refuse(int status, std::string_view reason, std::string message) {
  return std::unexpected(Refusal{status, reason, std::move(message)});
}

Verdict ParseRequestLine(std::string_view line, Request& request, std::string& authority) {
  const size_t first = line.find(' ');
  const size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) {
    return Refuse(400, "bad_request_line", "the request line is not: method, target, version");
  }
  const std::string_view method = line.substr(0, first);
  const std::string_view target = line.substr(first + 1, last - first - 1);
  if (!IsToken(method)) return Refuse(400, "bad_method", "the method is not a token");
  if (method.size() > kMethodMax || method == "CONNECT") {
    return Refuse(501, "unknown_method", "this method is not implemented");
  }
  if (Verdict version = ParseVersion(line.substr(last + 1), request); !version) return version;
  request.method = method;
  return ParseTarget(target, request, authority);
}

Verdict ParseField(std::string_view line, Headers& headers) {
  if (line.front() == ' ' || line.front() == '\t') {
    return Refuse(400, "folded_header", "a header field is continued on a second line");
  }
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos || !IsToken(line.substr(0, colon))) {
    return Refuse(400, "bad_header", "a header line is not: name, colon, value");
  }
  const std::string_view value = TrimBlanks(line.substr(colon + 1));
  if (!IsFieldValue(value))
    return Refuse(400, "bad_header", "a header value holds a control character");
  headers.Add(line.substr(0, colon), value);
  return {};
}

std::expected<Framing, Refusal> CheckHead(Request& request, std::string_view authority,
                                          uint64_t body_max) {
  if (Verdict host = CheckHost(request, authority); !host) return std::unexpected(host.error());
  Framing framing;
  if (Verdict coding = CheckTransferEncoding(request, framing); !coding) {
    return std::unexpected(coding.error());
  }
  const std::expected<uint64_t, Refusal> length = ParseContentLength(request.headers, body_max);
  if (!length) return std::unexpected(length.error());
  framing.content_length = *length;
  if (const auto expect = request.headers.Find("expect"); expect && request.minor_version == 1) {
    if (!EqualsIgnoreCase(*expect, "100-continue")) {
      return Refuse(417, "unknown_expectation", "the only expectation here is 100-continue");
    }
    framing.expects_continue = framing.chunked || framing.content_length > 0;
  }
  request.keep_alive = KeepAlive(request);
  return framing;
}

std::optional<HostPort> SplitHost(std::string_view text) {
  HostPort parts;
  const size_t bracket = text.rfind(']');
  const size_t colon = text.find(':', bracket == std::string_view::npos ? 0 : bracket);
  parts.host = text.substr(0, colon);
  if (colon != std::string_view::npos) {
    const std::string_view port = text.substr(colon + 1);
    if (!IsDigits(port) || port.size() > 5) return std::nullopt;
    std::from_chars(port.data(), port.data() + port.size(), parts.port);
    if (parts.port > 65535) return std::nullopt;
  }
  if (!IsHostName(parts.host) && !IsBracketed(parts.host)) return std::nullopt;
  return parts;
}

}  // namespace weir::http

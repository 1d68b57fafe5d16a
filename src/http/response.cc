#include "http/response.h"

#include <fmt/format.h>

#include <ctime>
#include <iterator>

#include "base/log.h"

namespace weir::http {

std::string BuildHead(int status, const Headers& headers, const HeadOptions& options) {
  std::string head;
  head.reserve(512);
  const auto out = std::back_inserter(head);
  fmt::format_to(out, "HTTP/1.1 {} {}\r\nDate: {}\r\n", status, StatusPhrase(status), options.date);
  for (size_t i = 0; i < headers.size(); ++i) {
    if (!IsToken(headers.name(i)) || !IsFieldValue(headers.value(i))) {
      LogError("a field of an answer with status {} has a control character and was left out",
               status);
      continue;
    }
    head.append(headers.name(i)).append(": ").append(headers.value(i)).append("\r\n");
  }
  if (options.framing == BodyFraming::kLength) {
    fmt::format_to(out, "Content-Length: {}\r\n", options.content_length);
  } else if (options.framing == BodyFraming::kChunked) {
    head.append("Transfer-Encoding: chunked\r\n");
  }
  if (!options.keep_alive) {
    head.append("Connection: close\r\n");
  } else if (options.minor_version == 0) {
    head.append("Connection: keep-alive\r\n");
  }
  head.append("\r\n");
  return head;
}

std::string HttpDate(int64_t unix_seconds) {
  const std::time_t time = unix_seconds;
  std::tm utc{};
  gmtime_r(&time, &utc);
  char text[40];
  const size_t size = std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &utc);
  return {text, size};
}

}  // namespace weir::http

// However the bytes are cut, the verdict and the request are the same, and the bounds hold.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "http/parser.h"

using weir::http::ParserLimits;
using weir::http::Request;
using weir::http::RequestParser;

namespace {

const ParserLimits kLimits{
    .head_bytes = 512, .line_bytes = 128, .header_count = 8, .body_bytes = 256};

std::string Describe(const Request& request) {
  std::string text = request.method + ' ' + request.path + '?' + request.query;
  for (size_t i = 0; i < request.headers.size(); ++i) {
    text.append("\n").append(request.headers.name(i)).append(":").append(request.headers.value(i));
  }
  CHECK(request.headers.size() <= kLimits.header_count, "header bound");
  CHECK(request.body.size() <= kLimits.body_bytes, "body bound");
  CHECK(weir::http::IsToken(request.method), "method");
  CHECK(request.path == "*" || request.path.starts_with('/'), "path");
  return text + "\n\n" + request.body;
}

std::string Parse(std::string_view bytes, size_t piece) {
  RequestParser parser(kLimits);
  std::string log;
  while (!bytes.empty()) {
    const std::string_view part = bytes.substr(0, piece);
    const size_t taken = parser.Feed(part);
    CHECK(taken <= part.size(), "took more than there was");
    bytes.remove_prefix(taken);
    if (parser.state() == RequestParser::State::kRefused) {
      return log + "refused " + std::string(parser.refusal().reason);
    }
    if (parser.state() == RequestParser::State::kComplete) {
      log += Describe(parser.TakeRequest());
    } else {
      CHECK(taken == part.size(), "left bytes of an unfinished request");
    }
  }
  return log + (parser.started() ? "part" : "");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::string whole = Parse(bytes, std::max<size_t>(size, 1));
  CHECK(whole == Parse(bytes, 1), "pieces of one byte change the verdict");
  CHECK(whole == Parse(bytes, 7), "pieces of seven bytes change the verdict");
  return 0;
}

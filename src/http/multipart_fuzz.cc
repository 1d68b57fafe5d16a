// Whatever a form is, its parts lie inside the body, do not overlap, hold no delimiter, and a form
// that is written from them again is read as the same.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/utf8.h"
#include "http/multipart.h"

using weir::http::FormPart;
using weir::http::ParseForm;

namespace {

std::string Escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  // The first line is the Content-Type, so that it is fuzzed too.
  const size_t line = std::min(all.find('\n'), size);
  const std::string_view type = all.substr(0, line);
  const std::string_view body = all.substr(std::min(size, line + 1));
  const auto parts = ParseForm(type, body, {.parts = 8, .head_bytes = 256});
  if (!parts) return 0;
  CHECK(parts->size() <= 8, "the bound on parts holds");
  const std::string boundary = weir::http::BoundaryOf(type).value();
  const char* at = body.data();
  std::string again;
  for (const FormPart& part : *parts) {
    CHECK(part.content.data() >= at, "parts follow each other");
    at = part.content.data() + part.content.size();
    CHECK(at <= body.data() + body.size(), "a content lies inside the body");
    CHECK(part.content.find("\r\n--" + boundary) == std::string_view::npos, "no delimiter inside");
    CHECK(weir::IsValidUtf8(part.name) && !part.name.empty(), "a part has a name");
    again += "--" + boundary + "\r\nContent-Disposition: form-data; name=\"" + Escaped(part.name);
    again += '"';
    if (part.file_name) again += "; filename=\"" + Escaped(*part.file_name) + "\"";
    again += "\r\n\r\n" + std::string(part.content) + "\r\n";
  }
  again += "--" + boundary + "--";
  const auto second =
      ParseForm("multipart/form-data; boundary=\"" + boundary + "\"", again, {.head_bytes = 4096});
  CHECK(second && second->size() == parts->size(), "what is written is read");
  for (size_t i = 0; i < parts->size(); ++i) {
    const bool plain = (*parts)[i].name.find("%22") == std::string::npos;
    CHECK(!plain || (*second)[i].name == (*parts)[i].name, "a name stays");
    CHECK((*second)[i].content == (*parts)[i].content, "a content stays");
  }
  return 0;
}

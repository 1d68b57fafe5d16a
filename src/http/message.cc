#include "http/message.h"

#include <algorithm>
#include <array>

#include "base/ascii.h"

namespace weir::http {
namespace {

constexpr std::array<bool, 256> TokenTable() {
  std::array<bool, 256> table{};
  for (char c = '0'; c <= '9'; ++c) table[c] = true;
  for (char c = 'a'; c <= 'z'; ++c) table[c] = table[c - 32] = true;
  for (const char c :
       {'!', '#', '$', '%', '&', '\'', '*', '+', '-', '.', '^', '_', '`', '|', '~'}) {
    table[c] = true;
  }
  return table;
}
constexpr std::array<bool, 256> kToken = TokenTable();

// What the head of an ordinary message takes.
constexpr size_t kFieldsAtFirst = 16;
constexpr size_t kFieldBytesAtFirst = 384;

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = AsciiLower(c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

}  // namespace

bool EqualsIgnoreCase(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) {
           return AsciiLower(x) == AsciiLower(y);
         });
}

void Headers::Add(std::string_view name, std::string_view value) {
  if (spans_.empty()) {
    spans_.reserve(kFieldsAtFirst);
    text_.reserve(kFieldBytesAtFirst);
  }
  spans_.push_back({static_cast<uint32_t>(text_.size()), static_cast<uint32_t>(name.size()),
                    static_cast<uint32_t>(value.size())});
  text_.append(name).append(value);
}

std::string_view Headers::name(size_t i) const {
  return std::string_view(text_).substr(spans_[i].begin, spans_[i].name_size);
}

std::string_view Headers::value(size_t i) const {
  return std::string_view(text_).substr(spans_[i].begin + spans_[i].name_size,
                                        spans_[i].value_size);
}

std::optional<std::string_view> Headers::Find(std::string_view wanted) const {
  for (size_t i = 0; i < size(); ++i) {
    if (EqualsIgnoreCase(name(i), wanted)) return value(i);
  }
  return std::nullopt;
}

size_t Headers::Count(std::string_view wanted) const {
  size_t count = 0;
  for (size_t i = 0; i < size(); ++i) count += EqualsIgnoreCase(name(i), wanted) ? 1 : 0;
  return count;
}

std::string_view StatusPhrase(int status) {
  switch (status) {
    case 100:
      return "Continue";
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 206:
      return "Partial Content";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 304:
      return "Not Modified";
    case 307:
      return "Temporary Redirect";
    case 308:
      return "Permanent Redirect";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 411:
      return "Length Required";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 417:
      return "Expectation Failed";
    case 422:
      return "Unprocessable Content";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 499:
      return "Client Closed Request";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    case 507:
      return "Insufficient Storage";
    default:
      return "Unknown";
  }
}

std::optional<std::string> PercentDecode(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const int high = HexDigit(text[i + 1]);
    const int low = HexDigit(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    decoded += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return decoded;
}

std::optional<std::string> QueryValue(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
    const size_t equals = std::min(pair.find('='), pair.size());
    const std::optional<std::string> key = PercentDecode(pair.substr(0, equals));
    if (!key || *key != name) continue;
    std::string value(pair.substr(std::min(pair.size(), equals + 1)));
    std::ranges::replace(value, '+', ' ');
    return PercentDecode(value);
  }
  return std::nullopt;
}

bool IsToken(std::string_view text) {
  return !text.empty() &&
         std::ranges::all_of(text, [](char c) { return kToken[static_cast<unsigned char>(c)]; });
}

bool IsFieldValue(std::string_view text) {
  return std::ranges::all_of(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte >= 0x20 && byte != 0x7f) || byte == '\t';
  });
}

}  // namespace weir::http

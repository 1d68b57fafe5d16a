#include "chat/text_file.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "base/trim.h"
#include "base/utf8.h"

namespace weir::chat {
namespace {

constexpr std::array<std::string_view, 3> kFormats = {"%PDF-", "{\\rtf", "%!PS"};

// Without its parameters ("text/csv; charset=utf-8").
bool IsTextType(std::string_view media_type) {
  constexpr std::array<std::string_view, 6> kText = {"application/json",     "application/jsonl",
                                                     "application/x-ndjson", "application/xml",
                                                     "application/yaml",     "application/x-yaml"};
  media_type = media_type.substr(0, media_type.find(';'));
  return media_type.starts_with("text/") || std::ranges::find(kText, media_type) != kText.end();
}

bool HasFormat(std::string_view data) {
  if (data.starts_with("\xEF\xBB\xBF")) data.remove_prefix(3);  // a byte order mark
  data = Trim(data);
  return std::ranges::any_of(kFormats,
                             [data](std::string_view format) { return data.starts_with(format); });
}

}  // namespace

// Some clients say no type of a file; its bytes do.
bool IsTextFile(const Part& part) {
  if (part.kind != Part::Kind::kFile || part.data.empty() || !part.url.empty()) return false;
  if (!part.media_type.empty() && !IsTextType(part.media_type)) return false;
  return IsValidUtf8(part.data) && part.data.find('\0') == std::string::npos &&
         !HasFormat(part.data);
}

}  // namespace weir::chat

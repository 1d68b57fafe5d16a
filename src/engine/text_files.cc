#include "engine/text_files.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "base/utf8.h"

namespace weir::engine {
namespace {

// Without its parameters ("text/csv; charset=utf-8").
bool IsTextType(std::string_view media_type) {
  constexpr std::array<std::string_view, 6> kText = {"application/json",     "application/jsonl",
                                                     "application/x-ndjson", "application/xml",
                                                     "application/yaml",     "application/x-yaml"};
  media_type = media_type.substr(0, media_type.find(';'));
  return media_type.starts_with("text/") || std::ranges::find(kText, media_type) != kText.end();
}

// Some clients say no type of a file; its bytes do.
bool IsText(const chat::Part& part) {
  if (part.kind != chat::Part::Kind::kFile || part.data.empty()) return false;
  if (!part.media_type.empty() && !IsTextType(part.media_type)) return false;
  return IsValidUtf8(part.data) && part.data.find('\0') == std::string::npos;
}

}  // namespace

void ReadTextFiles(std::vector<chat::Message>& messages) {
  for (chat::Message& message : messages) {
    for (chat::Part& part : message.parts) {
      if (!IsText(part)) continue;
      const std::string_view name = part.name;
      std::string text =
          fmt::format("File: {}\n\n{}\n\n", name.empty() ? "(without a name)" : name, part.data);
      part = {.text = std::move(text), .cache = part.cache};
    }
  }
}

}  // namespace weir::engine

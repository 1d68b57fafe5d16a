// Source code of any language: a block begins at an unindented line that a blank line stands
// before, which keeps definitions whole in nearly every style. The outline lists what the file
// defines, so that each chunk can say what it is part of.
#include <algorithm>
#include <array>

#include "reader/formats.h"
#include "reader/text_lines.h"

namespace weir::reader {
namespace {

constexpr size_t kSignatureBytes = 100;
constexpr size_t kOutlineBytes = 600;

bool IsWordByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// Words that begin a definition in some language, or stand right before one.
constexpr std::array<std::string_view, 26> kDefines = {
    "def",    "class",  "struct", "enum",      "interface", "trait",   "impl",   "fn",    "func",
    "type",   "module", "union",  "namespace", "function",  "public",  "export", "async", "pub",
    "record", "object", "sub",    "procedure", "protected", "private", "static", "proc"};

bool StartsWithDefinition(std::string_view text) {
  size_t length = 0;
  while (length < text.size() && IsWordByte(text[length])) ++length;
  return std::ranges::find(kDefines, text.substr(0, length)) != kDefines.end();
}

// A definition, by its first line: a word of ours, or something unindented that opens parentheses
// or a block.
bool IsSignature(const Line& line) {
  const std::string_view text = Trimmed(line.text);
  if (text.size() < 4 || line.indent() > 8) return false;
  if (StartsWithDefinition(text)) return true;
  if (line.indent() > 0 || !IsWordByte(text.front())) return false;
  return text.find('(') != std::string_view::npos && (text.ends_with('{') || text.ends_with(':'));
}

bool BeginsBlock(const Line& line) {
  return line.indent() == 0 && !line.text.empty() &&
         std::string_view("})]").find(line.text.front()) == std::string_view::npos;
}

void AddToOutline(std::string& outline, const Line& line) {
  std::string_view text = Trimmed(line.text);
  while (!text.empty() && (text.back() == '{' || text.back() == ':' || text.back() == ' '))
    text.remove_suffix(1);
  text = Shortened(text, kSignatureBytes);
  if (outline.size() + text.size() + 1 > kOutlineBytes) return;
  if (!outline.empty()) outline += '\n';
  outline += text;
}

}  // namespace

void ReadCode(const Decoded& text, BlockList& out) {
  const std::vector<Line> lines = LinesOf(text.text);
  std::string outline;
  size_t first = 0;
  const auto finish = [&](size_t behind) {
    if (behind == first) return;
    const size_t begin = lines[first].begin;
    const size_t end = lines[behind - 1].end;
    Span span;
    if (text.as_it_lay) span = {begin + text.skipped, end + text.skipped};
    out.Add(BlockList::Kind::kCode, std::string_view(text.text).substr(begin, end - begin), span);
    first = behind;
  };
  for (size_t i = 0; i < lines.size() && !out.full(); ++i) {
    if (lines[i].blank) continue;
    if (i > first && lines[i - 1].blank && BeginsBlock(lines[i])) finish(i);
    if (IsSignature(lines[i])) AddToOutline(outline, lines[i]);
  }
  finish(lines.size());
  out.SetOutline(std::move(outline));
}

}  // namespace weir::reader

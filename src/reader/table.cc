// Comma-separated values and JSON.
#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "json/parse.h"
#include "json/writer.h"
#include "reader/formats.h"
#include "reader/text_lines.h"

namespace weir::reader {
namespace {

constexpr size_t kJsonDepthMax = 64;
constexpr size_t kJsonValuesMax = 2'000'000;

// Where the record that begins at `at` ends: at a line end outside of quotes.
size_t EndOfRecord(std::string_view text, size_t at) {
  bool quoted = false;
  for (; at < text.size(); ++at) {
    if (text[at] == '"') quoted = !quoted;
    if (text[at] == '\n' && !quoted) return at + 1;
  }
  return text.size();
}

// "a.b[2]: value" for every value inside.
void Flatten(const json::Value& value, const std::string& path, std::string& out) {
  if (const json::Object* object = value.AsObject()) {
    for (const json::Member& member : *object)
      Flatten(member.value, path.empty() ? member.key : path + "." + member.key, out);
    return;
  }
  if (const json::Array* array = value.AsArray()) {
    for (size_t i = 0; i < array->size(); ++i)
      Flatten((*array)[i], fmt::format("{}[{}]", path, i), out);
    return;
  }
  if (out.size() > wire::kDocumentTextBytesMax) return;
  if (!path.empty()) out += path + ": ";
  const std::string* text = value.AsString();
  out += text != nullptr ? *text : json::Print(value);
  out += '\n';
}

void AddFlat(const json::Value& value, const std::string& path, BlockList& out) {
  std::string text;
  Flatten(value, path, text);
  out.Add(BlockList::Kind::kParagraph, text);
}

json::Limits LimitsOf(std::string_view text) {
  return {.depth = kJsonDepthMax, .bytes = text.size(), .values = kJsonValuesMax};
}

// A document on each line; false when one is none.
bool ReadLines(const Decoded& text, BlockList& out) {
  for (const Line& line : LinesOf(text.text)) {
    if (line.blank) continue;
    const auto document = json::Parse(line.text, LimitsOf(line.text));
    if (!document || out.full()) return false;
    AddFlat(*document, "", out);
  }
  return out.size() > 0;
}

}  // namespace

void ReadCsv(const Decoded& text, BlockList& out) {
  const std::string_view all = text.text;
  bool first = true;
  for (size_t at = 0; at < all.size() && !out.full();) {
    const size_t end = EndOfRecord(all, at);
    const std::string_view record = all.substr(at, end - at);
    Span span;
    if (text.as_it_lay) span = {at + text.skipped, end + text.skipped};
    const bool blank = Trimmed(record).empty();
    if (!blank) {
      out.Add(first ? BlockList::Kind::kTableHead : BlockList::Kind::kTableRow, record, span);
      first = false;
    }
    at = end;
  }
}

Result<void> ReadJson(const Decoded& text, BlockList& out) {
  const auto document = json::Parse(text.text, LimitsOf(text.text));
  if (!document) {
    BlockList lines = out;
    if (ReadLines(text, lines)) {
      out = std::move(lines);
      return {};
    }
    return Fail(Code::kUnprocessable, "it is no JSON: " + document.error().message, "document",
                "broken_document");
  }
  if (const json::Object* object = document->AsObject()) {
    for (const json::Member& member : *object) AddFlat(member.value, member.key, out);
  } else if (const json::Array* array = document->AsArray()) {
    for (const json::Value& element : *array) AddFlat(element, "", out);
  } else {
    AddFlat(*document, "", out);
  }
  return {};
}

}  // namespace weir::reader

#include "reader/block_list.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "base/utf8.h"

namespace weir::reader {
namespace {

constexpr std::string_view kSpaces = " \t\r\n\f\v";

bool IsSpace(char c) { return kSpaces.find(c) != std::string_view::npos; }

}  // namespace

void BlockList::Add(Kind kind, std::string_view text, Span span) {
  if (full_ || Trimmed(text).empty()) return;
  if (bytes_ + text.size() > wire::kDocumentTextBytesMax ||
      pages_.blocks.size() >= wire::kDocumentBlocksMax) {
    full_ = true;
    return;
  }
  std::string valid = IsValidUtf8(text) ? std::string(text) : Repaired(text);
  bytes_ += valid.size();
  pages_.blocks.push_back({.kind = kind,
                           .page = page_,
                           .begin = span.begin,
                           .end = span.end,
                           .text = std::move(valid)});
}

void BlockList::AddHeading(uint32_t level, std::string_view text, Span span) {
  const size_t before = pages_.blocks.size();
  Add(Kind::kHeading, text, span);
  if (pages_.blocks.size() > before)
    pages_.blocks.back().level = std::clamp(level, 1U, wire::kHeadingLevelMax);
}

void BlockList::BeginPage(uint32_t page) {
  page_ = page;
  pages_.pages = std::max(pages_.pages, page);
}

void BlockList::SetTitle(std::string_view title) {
  if (has_title()) return;
  pages_.title = Shortened(Repaired(Collapsed(title)), wire::kDocumentTitleBytesMax);
}

void BlockList::SetOutline(std::string outline) {
  pages_.outline = Shortened(Repaired(outline), wire::kDocumentOutlineBytesMax);
}

Result<wire::Pages> BlockList::Take() {
  if (full_) {
    return Fail(Code::kTooLarge,
                fmt::format("its text is over {} bytes or {} pieces; split the document",
                            wire::kDocumentTextBytesMax, wire::kDocumentBlocksMax),
                "document", "document_too_large");
  }
  return std::move(pages_);
}

std::string_view Trimmed(std::string_view text) {
  while (!text.empty() && IsSpace(text.front())) text.remove_prefix(1);
  while (!text.empty() && IsSpace(text.back())) text.remove_suffix(1);
  return text;
}

std::string Collapsed(std::string_view text) {
  std::string out;
  for (const char c : Trimmed(text)) {
    if (!IsSpace(c)) {
      out += c;
    } else if (out.back() != ' ') {
      out += ' ';
    }
  }
  return out;
}

std::string Repaired(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    size_t length = 1;
    const auto lead = static_cast<unsigned char>(text.front());
    if (lead >= 0xF0) {
      length = 4;
    } else if (lead >= 0xE0) {
      length = 3;
    } else if (lead >= 0xC0) {
      length = 2;
    }
    const std::string_view one = text.substr(0, length);
    if (one.size() == length && IsValidUtf8(one)) {
      out += one;
      text.remove_prefix(length);
    } else {
      out += "\xEF\xBF\xBD";
      text.remove_prefix(1);
    }
  }
  return out;
}

std::string_view Shortened(std::string_view text, size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  return text.substr(0, CompleteUtf8Prefix(text.substr(0, bytes_max)));
}

}  // namespace weir::reader

#include "reader/parse.h"

#include <string_view>

#include "base/check.h"
#include "reader/formats.h"

namespace weir::reader {
namespace {

using Kind = wire::DocumentKind;

Result<void> ParseText(const wire::Document& document, BlockList& out) {
  const auto text = DecodeText(document.bytes);
  if (!text) return Fail(text.error());
  switch (document.kind) {
    case Kind::kMarkdown:
      ReadMarkdown(*text, out);
      return {};
    case Kind::kCode:
      ReadCode(*text, out);
      return {};
    case Kind::kCsv:
      ReadCsv(*text, out);
      return {};
    case Kind::kJson:
      return ReadJson(*text, out);
    default:
      ReadPlainText(*text, out);
      return {};
  }
}

Result<void> ParseInto(const wire::Document& document, BlockList& out) {
  switch (document.kind) {
    case Kind::kHtml:
      ReadHtml(document.bytes, out);
      return {};
    case Kind::kMail:
      return ReadMail(document.bytes, out);
    case Kind::kMailbox:
      return ReadMailbox(document.bytes, out);
    case Kind::kDocx:
      return ReadDocx(document.bytes, out);
    case Kind::kPptx:
      return ReadPptx(document.bytes, out);
    case Kind::kXlsx:
      return ReadXlsx(document.bytes, out);
    case Kind::kOpenText:
      return ReadOpenText(document.bytes, out);
    case Kind::kEpub:
      return ReadEpub(document.bytes, out);
    default:
      return ParseText(document, out);
  }
}

Result<wire::Pages> Finished(BlockList& out, std::string_view hint) {
  auto pages = out.Take();
  if (pages && pages->blocks.empty()) {
    return Fail(Code::kUnprocessable, std::string("there is no text in it") + std::string(hint),
                "document", "empty_document");
  }
  return pages;
}

}  // namespace

Result<wire::Pages> Parse(const wire::Document& document) {
  CHECK(document.kind != Kind::kPdf, "a PDF's text comes from another program");
  BlockList out;
  if (auto parsed = ParseInto(document, out); !parsed) return Fail(parsed.error());
  return Finished(out, "");
}

Result<wire::Pages> ParsePdfText(std::string_view text) {
  BlockList out;
  ReadPdfText(text, out);
  return Finished(out, "; pages that are pictures need their text recognised first");
}

}  // namespace weir::reader

#include "reader/parse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <string>
#include <utility>
#include <vector>

namespace weir::reader {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using wire::Block;
using Kind = wire::DocumentKind;

wire::Pages Read(Kind kind, std::string bytes) {
  const size_t size = bytes.size();
  auto pages = Parse({.kind = kind, .name = "x", .bytes = std::move(bytes)});
  EXPECT_TRUE(pages.has_value()) << pages.error().message;
  if (!pages) return {};
  EXPECT_EQ(wire::BrokenBound(*pages, size), "");
  return *pages;
}

std::string ReasonOf(Kind kind, std::string bytes) {
  const auto pages = Parse({.kind = kind, .name = "x", .bytes = std::move(bytes)});
  return pages ? "read" : pages.error().reason;
}

// "h1 Title", "p words": kind, level and text of each block.
std::vector<std::string> Shapes(const wire::Pages& pages) {
  constexpr const char* kNames[] = {"h", "p", "li", "code", "th", "tr"};
  std::vector<std::string> out;
  for (const Block& block : pages.blocks) {
    std::string shape = kNames[static_cast<size_t>(block.kind)];
    if (block.kind == Block::Kind::kHeading) shape += std::to_string(block.level);
    std::string text = block.text;
    while (text.ends_with('\n')) text.pop_back();
    out.push_back(shape + " " + text);
  }
  return out;
}

// Stored members, with right checksums.
std::string Zip(const std::vector<std::pair<std::string, std::string>>& members, uint16_t flags = 0,
                uint32_t claimed = 0) {
  const auto u16 = [](uint32_t v) {
    return std::string{static_cast<char>(v & 0xFF), static_cast<char>(v >> 8 & 0xFF)};
  };
  const auto u32 = [&](uint32_t v) { return u16(v & 0xFFFF) + u16(v >> 16); };
  std::string out;
  std::string directory;
  for (const auto& [name, text] : members) {
    const auto crc = static_cast<uint32_t>(
        crc32(0, reinterpret_cast<const Bytef*>(text.data()), static_cast<uInt>(text.size())));
    const auto size = static_cast<uint32_t>(text.size());
    const uint32_t told = claimed == 0 ? size : claimed;
    const std::string middle = u16(flags) + u16(0) + u32(0) + u32(crc) + u32(size) + u32(told) +
                               u16(static_cast<uint32_t>(name.size())) + u16(0);
    directory += u32(0x02014b50) + u16(20) + u16(20) + middle + u16(0) + u16(0) + u16(0) + u32(0) +
                 u32(static_cast<uint32_t>(out.size())) + name;
    out += u32(0x04034b50) + u16(20) + middle + name + text;
  }
  const auto at = static_cast<uint32_t>(out.size());
  const auto count = static_cast<uint32_t>(members.size());
  return out + directory + u32(0x06054b50) + u32(0) + u16(count) + u16(count) +
         u32(static_cast<uint32_t>(directory.size())) + u32(at) + u16(0);
}

TEST(Markdown, BlocksAreSetApartAndKeepTheirBytes) {
  const std::string text =
      "# Harbour *notes*\n\nBoats at dawn.\nAnd noon.\n\nTides\n-----\n- low\n- high\n\n"
      "```sh\n# no heading\n```\n| a | b |\n|---|---|\n| 1 | 2 |\n";
  const wire::Pages pages = Read(Kind::kMarkdown, text);
  EXPECT_EQ(pages.title, "Harbour *notes*");
  EXPECT_THAT(Shapes(pages),
              ElementsAre("h1 Harbour *notes*", "p Boats at dawn.\nAnd noon.", "h2 Tides",
                          "li - low", "li - high", "code ```sh\n# no heading\n```",
                          "th | a | b |\n|---|---|", "tr | 1 | 2 |"));
  for (const Block& block : pages.blocks) {
    if (block.kind == Block::Kind::kHeading) continue;
    EXPECT_EQ(text.substr(block.begin, block.end - block.begin), block.text);
  }
}

TEST(Markdown, FrontMatterNamesTheTitle) {
  EXPECT_EQ(Read(Kind::kMarkdown, "---\ntitle: \"My paper\"\n---\n\nText\n").title, "My paper");
}

TEST(PlainText, OtherCharacterSetsAreRead) {
  EXPECT_THAT(Shapes(Read(Kind::kText, "caf\xE9 \x80")), ElementsAre("p caf\xC3\xA9 \xE2\x82\xAC"));
  EXPECT_THAT(Shapes(Read(Kind::kText, std::string("\xFF\xFEh\0i\0", 6))), ElementsAre("p hi"));
  EXPECT_EQ(ReasonOf(Kind::kText, std::string("a\0b", 3)), "unsupported_document");
}

TEST(EveryKind, NothingInADocumentIsAnErrorAndNotSilence) {
  for (const Kind kind : {Kind::kText, Kind::kMarkdown, Kind::kHtml, Kind::kCode, Kind::kCsv})
    EXPECT_EQ(ReasonOf(kind, " \n\n "), "empty_document");
  const auto pdf = ParsePdfText("\f\f");
  ASSERT_FALSE(pdf.has_value());
  EXPECT_EQ(pdf.error().reason, "empty_document");
}

TEST(Code, DefinitionsStayWholeAndMakeTheOutline) {
  const wire::Pages pages =
      Read(Kind::kCode,
           "import os\n\n# adds\ndef add(a, b):\n\n    return a + b\n\nclass Tide:\n"
           "    def rise(self):\n        pass\n");
  EXPECT_THAT(Shapes(pages),
              ElementsAre("code import os", "code # adds\ndef add(a, b):\n\n    return a + b",
                          "code class Tide:\n    def rise(self):\n        pass"));
  EXPECT_EQ(pages.outline, "def add(a, b)\nclass Tide\ndef rise(self)");
}

TEST(Csv, QuotedLineEndsBelongToTheirRecord) {
  EXPECT_THAT(Shapes(Read(Kind::kCsv, "name,note\nEva,\"two\nlines\"\nIda,one\n")),
              ElementsAre("th name,note", "tr Eva,\"two\nlines\"", "tr Ida,one"));
}

TEST(Json, ValuesKeepTheirPaths) {
  EXPECT_THAT(Shapes(Read(Kind::kJson, R"({"a":{"b":[1,"x"]},"c":null})")),
              ElementsAre("p a.b[0]: 1\na.b[1]: x", "p c: null"));
  EXPECT_THAT(Shapes(Read(Kind::kJson, "{\"a\":1}\n{\"a\":2}\n")), ElementsAre("p a: 1", "p a: 2"));
  EXPECT_EQ(ReasonOf(Kind::kJson, "{\"a\":"), "broken_document");
}

TEST(Html, TextOfTheMainPartWithoutNavigation) {
  const wire::Pages pages =
      Read(Kind::kHtml,
           "<html><head><title>Tides</title><script>var x;</script></head><body><nav>Menu</nav>"
           "<main><h1>Tides &amp; boats</h1><p>Low <b>water</b>\n at six.</p><ul><li>one</li></ul>"
           "<pre>a\n  b</pre><table><tr><th>h</th><td>v</td></tr></table></main>"
           "<footer>Imprint</footer></body></html>");
  EXPECT_EQ(pages.title, "Tides");
  EXPECT_THAT(Shapes(pages), ElementsAre("h1 Tides & boats", "p Low water at six.", "li one",
                                         "code a\n  b", "tr h | v"));
}

TEST(Mail, HeadBodyAndNamesOfAttachments) {
  const wire::Pages pages = Read(
      Kind::kMail,
      "From: Eva <eva@example.org>\r\nSubject: =?utf-8?Q?Caf=C3=A9?= plan\r\nMIME-Version: 1.0\r\n"
      "Content-Type: multipart/mixed; boundary=\"b1\"\r\n\r\n--b1\r\n"
      "Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: "
      "quoted-printable\r\n\r\nWe meet at the caf=E9=\r\n soon.\r\n--b1\r\n"
      "Content-Type: application/pdf\r\nContent-Disposition: attachment; filename=\"p.pdf\"\r\n\r\n"
      "xxxx\r\n--b1--\r\n");
  EXPECT_EQ(pages.title, "Caf\xC3\xA9 plan");
  EXPECT_THAT(Shapes(pages),
              ElementsAre("h1 Caf\xC3\xA9 plan", "p From: Eva <eva@example.org>",
                          "p We meet at the caf\xC3\xA9 soon.\r", "p Attachment: p.pdf"));
}

TEST(Mailbox, EveryMessageIsRead) {
  EXPECT_THAT(Shapes(Read(Kind::kMailbox,
                          "From a\nSubject: One\n\nfirst\n\nFrom b\nSubject: Two\n\nsecond\n")),
              ElementsAre("h1 One", "p first", "h1 Two", "p second"));
}

TEST(Docx, ParagraphsHeadingsAndTables) {
  const std::string styles =
      "<w:styles xmlns:w='x'><w:style w:styleId='berschrift2'><w:name w:val='heading 2'/></w:style>"
      "</w:styles>";
  const std::string body =
      "<w:document xmlns:w='x'><w:body><w:p><w:pPr><w:pStyle w:val='berschrift2'/></w:pPr><w:r>"
      "<w:t>Ti</w:t></w:r><w:r><w:t>des</w:t></w:r></w:p><w:p><w:r><w:t>Low water</w:t></w:r></w:p>"
      "<w:tbl><w:tr><w:tc><w:p><w:r><w:t>a</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r><w:t>b</w:t></"
      "w:r>"
      "</w:p></w:tc></w:tr></w:tbl></w:body></w:document>";
  const std::string file = Zip({{"word/styles.xml", styles}, {"word/document.xml", body}});
  EXPECT_THAT(Shapes(Read(Kind::kDocx, file)), ElementsAre("h2 Tides", "p Low water", "th a | b"));
  EXPECT_EQ(ReasonOf(Kind::kDocx, file.substr(0, file.size() / 2)), "broken_document");
  EXPECT_EQ(ReasonOf(Kind::kDocx, Zip({{"other.xml", "<a/>"}})), "broken_document");
}

TEST(Archives, EncryptionBombsAndWrongSizesAreNamed) {
  EXPECT_EQ(ReasonOf(Kind::kDocx, Zip({{"word/document.xml", "<a/>"}}, 1)), "encrypted_document");
  EXPECT_EQ(ReasonOf(Kind::kDocx, Zip({{"word/document.xml", "<a/>"}}, 0, 0x7FFFFFFF)),
            "document_too_large");
  EXPECT_EQ(ReasonOf(Kind::kDocx, Zip({{"word/document.xml", "<a/>"}}, 0, 17)), "broken_document");
}

TEST(Xml, DepthCostsNothing) {
  std::string deep = "<w:document>";
  for (int i = 0; i < 100'000; ++i) deep += "<w:x>";
  deep += "<w:p><w:r><w:t>bottom</w:t></w:r></w:p>";
  for (int i = 0; i < 100'000; ++i) deep += "</w:x>";
  deep += "</w:document>";
  EXPECT_THAT(Shapes(Read(Kind::kDocx, Zip({{"word/document.xml", deep}}))),
              ElementsAre("p bottom"));
}

TEST(Pptx, SlidesAreThePagesInTheirOrder) {
  const auto slide = [](const std::string& head, const std::string& text) {
    return "<p:sld><a:p><a:r><a:t>" + head + "</a:t></a:r></a:p><a:p><a:r><a:t>" + text +
           "</a:t></a:r></a:p></p:sld>";
  };
  const wire::Pages pages =
      Read(Kind::kPptx, Zip({{"ppt/slides/slide10.xml", slide("Ten", "last")},
                             {"ppt/slides/slide2.xml", slide("Two", "first")}}));
  EXPECT_THAT(Shapes(pages), ElementsAre("h1 Two", "p first", "h1 Ten", "p last"));
  EXPECT_EQ(pages.blocks[3].page, 2U);
}

TEST(Xlsx, SharedTextsAndNumbersMakeRows) {
  const wire::Pages pages =
      Read(Kind::kXlsx,
           Zip({{"xl/sharedStrings.xml", "<sst><si><t>Port</t></si><si><t>Kiel</t></si></sst>"},
                {"xl/worksheets/sheet1.xml",
                 "<worksheet><sheetData><row><c t='s'><v>0</v></c><c><v>2026</v></c></row><row>"
                 "<c t='s'><v>1</v></c><c t='inlineStr'><is><t>deep</t></is></c></row></sheetData>"
                 "</worksheet>"}}));
  EXPECT_THAT(Shapes(pages), ElementsAre("th Port | 2026", "tr Kiel | deep"));
}

TEST(OpenText, HeadingsListsAndParagraphs) {
  const wire::Pages pages =
      Read(Kind::kOpenText,
           Zip({{"content.xml",
                 "<office:document-content><text:h text:outline-level='1'>Tides</text:h><text:p>Low"
                 "<text:s/>water</text:p><text:list><text:list-item><text:p>one</text:p>"
                 "</text:list-item></text:list></office:document-content>"}}));
  EXPECT_EQ(pages.title, "Tides");
  EXPECT_THAT(Shapes(pages), ElementsAre("h1 Tides", "p Low water", "li one"));
}

TEST(Epub, ChaptersInTheOrderOfTheSpine) {
  const wire::Pages pages = Read(
      Kind::kEpub,
      Zip({{"META-INF/container.xml",
            "<container><rootfiles><rootfile full-path='OEBPS/b.opf'/></rootfiles></container>"},
           {"OEBPS/1.xhtml", "<html><body><h1>One</h1><p>first</p></body></html>"},
           {"OEBPS/2.xhtml", "<html><body><p>second</p></body></html>"},
           {"OEBPS/b.opf",
            "<package><metadata><dc:title>Book</dc:title></metadata><manifest><item id='a' "
            "href='1.xhtml'/><item id='b' href='2.xhtml'/></manifest><spine><itemref idref='b'/>"
            "<itemref idref='a'/></spine></package>"}}));
  EXPECT_EQ(pages.title, "Book");
  EXPECT_THAT(Shapes(pages), ElementsAre("p second", "h1 One", "p first"));
}

TEST(PdfText, PagesAreCountedAndDividedWordsJoined) {
  const auto pages = ParsePdfText("A har-\nbour at\ndawn.\n\nMore.\n\fSecond page\n\f");
  ASSERT_TRUE(pages.has_value());
  EXPECT_THAT(Shapes(*pages), ElementsAre("p A harbour at dawn.", "p More.", "p Second page"));
  EXPECT_EQ(pages->blocks[2].page, 2U);
}

}  // namespace
}  // namespace weir::reader

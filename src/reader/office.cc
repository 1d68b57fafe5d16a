// Word, PowerPoint and Excel files (ECMA-376), OpenDocument and EPUB: archives of XML of which the
// text and its structure are taken and nothing else.
#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "reader/formats.h"
#include "reader/xml_text.h"
#include "reader/zip_archive.h"

namespace weir::reader {
namespace {

using Kind = BlockList::Kind;

constexpr size_t kCellsMax = 4096;  // of a row that is kept

std::optional<uint32_t> NumberIn(std::string_view text) {
  const size_t digit = text.find_first_of("0123456789");
  if (digit == std::string_view::npos) return std::nullopt;
  uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data() + digit, text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  return number;
}

// All text inside, with the tabs and breaks that both families of formats know.
std::string TextIn(const pugi::xml_node& root) {
  std::string text;
  WalkXml(root, [&](const pugi::xml_node& node) {
    const std::string_view name = LocalName(node);
    if (node.type() == pugi::node_pcdata || node.type() == pugi::node_cdata) text += node.value();
    if (name == "tab" || name == "br" || name == "cr" || name == "line-break" || name == "s")
      text += ' ';
    return name != "instrText" && name != "delText" && name != "annotation" && name != "notes";
  });
  return text;
}

void AddTitle(ZipArchive& archive, std::string_view member, BlockList& out) {
  const auto document = UnpackXml(archive, member);
  if (!document) return;
  WalkXml(**document, [&](const pugi::xml_node& node) {
    if (LocalName(node) == "title") out.SetTitle(TextIn(node));
    return true;
  });
}

// Style id to heading level: "Heading 2" may have any id, so styles.xml tells.
std::map<std::string, uint32_t, std::less<>> HeadingStyles(ZipArchive& archive) {
  std::map<std::string, uint32_t, std::less<>> levels;
  const auto document = UnpackXml(archive, "word/styles.xml");
  if (!document) return levels;
  WalkXml(**document, [&](const pugi::xml_node& node) {
    if (LocalName(node) != "style") return true;
    const std::string_view name = AttributeOf(ChildOf(node, "name"), "val");
    std::string lower(name);
    std::ranges::transform(lower, lower.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
    if (lower == "title") levels.emplace(AttributeOf(node, "styleId"), 1);
    if (lower.starts_with("heading "))
      levels.emplace(AttributeOf(node, "styleId"), NumberIn(lower).value_or(1));
    return false;
  });
  return levels;
}

// Cells of a table row as "a | b".
std::string RowText(const pugi::xml_node& row, std::string_view cell_name) {
  std::string text;
  size_t cells = 0;
  for (const pugi::xml_node& cell : row.children()) {
    if (LocalName(cell) != cell_name || ++cells > kCellsMax) continue;
    if (cells > 1) text += " | ";
    text += Collapsed(TextIn(cell));
  }
  return text;
}

// Cells hold numbers, texts of their own, or the number of a shared text.
std::string CellText(const pugi::xml_node& cell, const std::vector<std::string>& shared) {
  const std::string_view type = AttributeOf(cell, "t");
  if (type == "inlineStr") return Collapsed(TextIn(ChildOf(cell, "is")));
  const std::string value = Collapsed(TextIn(ChildOf(cell, "v")));
  if (type != "s") return value;
  const auto index = NumberIn(value);
  return index && *index < shared.size() ? shared[*index] : "";
}

std::vector<std::string> SharedTexts(ZipArchive& archive) {
  std::vector<std::string> texts;
  const auto document = UnpackXml(archive, "xl/sharedStrings.xml");
  if (!document) return texts;
  WalkXml(**document, [&](const pugi::xml_node& node) {
    if (LocalName(node) != "si") return true;
    texts.push_back(Collapsed(TextIn(node)));
    return false;
  });
  return texts;
}

// "ppt/slides/slide10.xml" after "slide9": by number, then by name.
std::vector<std::string> InOrder(std::vector<std::string> names, std::string_view suffix) {
  std::erase_if(names, [&](const std::string& name) { return !name.ends_with(suffix); });
  const auto key = [](const std::string& name) {
    return std::pair(NumberIn(name).value_or(0), name);
  };
  std::ranges::sort(names, {}, key);
  return names;
}

Result<void> Unlike(std::string_view what) {
  return Fail(Code::kUnprocessable, fmt::format("it is no {}: parts of it are missing", what),
              "document", "broken_document");
}

}  // namespace

Result<void> ReadDocx(std::string_view bytes, BlockList& out) {
  auto archive = ZipArchive::Open(bytes);
  if (!archive) return Fail(archive.error());
  if (!archive->Has("word/document.xml")) return Unlike("Word document");
  const auto document = UnpackXml(*archive, "word/document.xml");
  if (!document) return Fail(document.error());
  const auto levels = HeadingStyles(*archive);
  if (archive->Has("docProps/core.xml")) AddTitle(*archive, "docProps/core.xml", out);
  bool first_row = false;
  WalkXml(**document, [&](const pugi::xml_node& node) {
    const std::string_view name = LocalName(node);
    if (name == "tbl") first_row = true;
    if (name == "tr") {
      const Kind kind = std::exchange(first_row, false) ? Kind::kTableHead : Kind::kTableRow;
      out.Add(kind, RowText(node, "tc"));
      return false;
    }
    if (name != "p") return !out.full();
    const pugi::xml_node properties = ChildOf(node, "pPr");
    const auto level = levels.find(AttributeOf(ChildOf(properties, "pStyle"), "val"));
    const std::string text = TextIn(node);
    if (level != levels.end()) {
      out.AddHeading(level->second, Collapsed(text));
      if (level->second == 1) out.SetTitle(text);
    } else {
      const bool item = static_cast<bool>(ChildOf(properties, "numPr"));
      out.Add(item ? Kind::kListItem : Kind::kParagraph, text);
    }
    return false;
  });
  return {};
}

Result<void> ReadPptx(std::string_view bytes, BlockList& out) {
  auto archive = ZipArchive::Open(bytes);
  if (!archive) return Fail(archive.error());
  const auto slides = InOrder(archive->Names("ppt/slides/slide"), ".xml");
  if (slides.empty()) return Unlike("presentation");
  if (archive->Has("docProps/core.xml")) AddTitle(*archive, "docProps/core.xml", out);
  uint32_t page = 0;
  for (const std::string& name : slides) {
    const auto slide = UnpackXml(*archive, name);
    if (!slide) return Fail(slide.error());
    out.BeginPage(++page);
    bool first = true;
    WalkXml(**slide, [&](const pugi::xml_node& node) {
      const std::string_view element = LocalName(node);
      if (element == "tr") out.Add(Kind::kTableRow, RowText(node, "tc"));
      if (element == "tr") return false;
      if (element != "p") return !out.full();
      const std::string text = Collapsed(TextIn(node));
      if (text.empty()) return false;
      // The first text of a slide is what it is about.
      if (std::exchange(first, false)) {
        out.AddHeading(1, text);
      } else {
        out.Add(Kind::kParagraph, text);
      }
      return false;
    });
  }
  return {};
}

Result<void> ReadXlsx(std::string_view bytes, BlockList& out) {
  auto archive = ZipArchive::Open(bytes);
  if (!archive) return Fail(archive.error());
  const auto sheets = InOrder(archive->Names("xl/worksheets/sheet"), ".xml");
  if (sheets.empty()) return Unlike("workbook");
  const std::vector<std::string> shared = SharedTexts(*archive);
  std::vector<std::string> names;
  if (const auto book = UnpackXml(*archive, "xl/workbook.xml")) {
    WalkXml(**book, [&](const pugi::xml_node& node) {
      if (LocalName(node) == "sheet") names.emplace_back(AttributeOf(node, "name"));
      return true;
    });
  }
  for (size_t i = 0; i < sheets.size(); ++i) {
    const auto sheet = UnpackXml(*archive, sheets[i]);
    if (!sheet) return Fail(sheet.error());
    if (sheets.size() > 1) out.AddHeading(1, i < names.size() ? names[i] : sheets[i]);
    bool first = true;
    WalkXml(**sheet, [&](const pugi::xml_node& node) {
      if (LocalName(node) != "row") return !out.full();
      std::string text;
      size_t cells = 0;
      for (const pugi::xml_node& cell : node.children()) {
        if (LocalName(cell) != "c" || ++cells > kCellsMax) continue;
        const std::string value = CellText(cell, shared);
        if (value.empty()) continue;
        if (!text.empty()) text += " | ";
        text += value;
      }
      if (!text.empty())
        out.Add(std::exchange(first, false) ? Kind::kTableHead : Kind::kTableRow, text);
      return false;
    });
  }
  return {};
}

Result<void> ReadOpenText(std::string_view bytes, BlockList& out) {
  auto archive = ZipArchive::Open(bytes);
  if (!archive) return Fail(archive.error());
  if (!archive->Has("content.xml")) return Unlike("OpenDocument file");
  if (archive->Has("META-INF/manifest.xml")) {
    const auto manifest = archive->Unpack("META-INF/manifest.xml");
    if (manifest && manifest->find("encryption-data") != std::string::npos) {
      return Fail(Code::kUnprocessable, "it is encrypted; decrypt it first", "document",
                  "encrypted_document");
    }
  }
  const auto content = UnpackXml(*archive, "content.xml");
  if (!content) return Fail(content.error());
  if (archive->Has("meta.xml")) AddTitle(*archive, "meta.xml", out);
  uint32_t page = 0;
  bool first_row = false;
  int item = 0;
  const auto leave = [&](const pugi::xml_node& node) {
    if (LocalName(node) == "list-item") --item;
  };
  const auto enter = [&](const pugi::xml_node& node) {
    const std::string_view name = LocalName(node);
    if (name == "page") out.BeginPage(++page);
    if (name == "table") first_row = true;
    if (name == "list-item") ++item;
    if (name == "table-row") {
      const Kind kind = std::exchange(first_row, false) ? Kind::kTableHead : Kind::kTableRow;
      out.Add(kind, RowText(node, "table-cell"));
      return false;
    }
    if (name == "h") {
      const uint32_t level = NumberIn(AttributeOf(node, "outline-level")).value_or(1);
      const std::string text = Collapsed(TextIn(node));
      if (level == 1) out.SetTitle(text);
      out.AddHeading(level, text);
      return false;
    }
    if (name == "p") {
      out.Add(item > 0 ? Kind::kListItem : Kind::kParagraph, Collapsed(TextIn(node)));
      return false;
    }
    return !out.full();
  };
  WalkXml(**content, enter, leave);
  return {};
}

Result<void> ReadEpub(std::string_view bytes, BlockList& out) {
  auto archive = ZipArchive::Open(bytes);
  if (!archive) return Fail(archive.error());
  if (archive->Has("META-INF/encryption.xml") && archive->Has("META-INF/rights.xml")) {
    return Fail(Code::kUnprocessable, "it is encrypted; decrypt it first", "document",
                "encrypted_document");
  }
  const auto container = UnpackXml(*archive, "META-INF/container.xml");
  if (!container) return Unlike("EPUB");
  std::string package;
  WalkXml(**container, [&](const pugi::xml_node& node) {
    if (LocalName(node) == "rootfile" && package.empty()) package = AttributeOf(node, "full-path");
    return true;
  });
  const auto book = UnpackXml(*archive, package);
  if (!book) return Unlike("EPUB");
  const std::string folder = package.substr(0, package.rfind('/') + 1);
  std::map<std::string, std::string, std::less<>> files;  // id to path
  std::vector<std::string> spine;
  WalkXml(**book, [&](const pugi::xml_node& node) {
    const std::string_view name = LocalName(node);
    if (name == "title") out.SetTitle(TextIn(node));
    if (name == "item") files.emplace(AttributeOf(node, "id"), AttributeOf(node, "href"));
    if (name == "itemref") spine.emplace_back(AttributeOf(node, "idref"));
    return true;
  });
  for (const std::string& id : spine) {
    const auto file = files.find(id);
    if (file == files.end() || out.full()) continue;
    const auto chapter = archive->Unpack(folder + file->second);
    if (!chapter) {
      if (chapter.error().code == Code::kNotFound) continue;
      return Fail(chapter.error());
    }
    BlockList pages;
    ReadHtml(*chapter, pages);
    auto read = pages.Take();
    if (!read) return Fail(read.error());
    // Offsets in a chapter are not offsets in the file.
    for (const wire::Block& block : read->blocks) {
      if (block.kind == Kind::kHeading) {
        out.AddHeading(block.level, block.text);
      } else {
        out.Add(block.kind, block.text);
      }
    }
  }
  return {};
}

}  // namespace weir::reader

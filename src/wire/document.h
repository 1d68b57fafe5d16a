// The protocol between the gateway and a reader process (weir-reader), over the Unix stream socket
// that the launcher made for them. Frames as in frame.h; one document in the life of a reader.
//
//   gateway                          reader
//   Document        ──────────────▶        what to read, and as what
//                   ◀──────────────  Pages | Failure
//   (end of stream) ──────────────▶  the reader ends
//
// The document may have taken the reader over: what comes back is checked against these bounds
// before it is used (BrokenBound), and is never more than text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "wire/archive.h"
#include "wire/engine.h"  // Failure

namespace weir::wire {

inline constexpr size_t kDocumentBytesMax = 48u << 20;      // of a file
inline constexpr size_t kDocumentTextBytesMax = 40u << 20;  // of all blocks together
inline constexpr size_t kDocumentBlocksMax = 1'000'000;
inline constexpr size_t kDocumentTitleBytesMax = 512;
inline constexpr size_t kDocumentOutlineBytesMax = 1024;
inline constexpr uint32_t kHeadingLevelMax = 9;

// As what a file is read.
enum class DocumentKind : uint8_t {
  kText,
  kMarkdown,
  kHtml,
  kCode,
  kCsv,
  kJson,
  kMail,
  kMailbox,
  kPdf,
  kDocx,
  kPptx,
  kXlsx,
  kOpenText,  // OpenDocument: odt, odp, ods
  kEpub,
};
template <>
inline constexpr int kEnumCount<DocumentKind> = 14;

// A piece of a document that its author set apart.
struct Block {
  enum class Kind : uint8_t { kHeading, kParagraph, kListItem, kCode, kTableHead, kTableRow };
  Kind kind = Kind::kParagraph;
  uint32_t level = 0;  // of a heading: 1 is the highest
  uint32_t page = 0;   // from 1; 0: the format has none
  // Which bytes of the file it was made of; both 0: the format does not lie there as text.
  uint64_t begin = 0;
  uint64_t end = 0;
  std::string text = {};

  bool operator==(const Block&) const = default;
};
template <>
inline constexpr int kEnumCount<Block::Kind> = 6;

struct Document {
  DocumentKind kind = DocumentKind::kText;
  std::string name = {};
  std::string bytes = {};
};

struct Pages {
  std::string title = {};    // as the document calls itself; may be empty
  std::string outline = {};  // of source code: its signatures
  std::vector<Block> blocks = {};
  uint32_t pages = 0;  // 0: the format has none

  bool operator==(const Pages&) const = default;
};

enum class DocumentFrame : uint16_t { kDocument = 1, kPages = 64, kFailure = 65 };

template <class Archive>
void Visit(Archive& a, Block& v) {
  a(v.kind, v.level, v.page, v.begin, v.end, v.text);
}
template <class Archive>
void Visit(Archive& a, Document& v) {
  a(v.kind, v.name, v.bytes);
}
template <class Archive>
void Visit(Archive& a, Pages& v) {
  a(v.title, v.outline, v.blocks, v.pages);
}

// Which bound is broken, or empty. `document_bytes` is the size of what was sent.
std::string_view BrokenBound(const Pages& pages, size_t document_bytes);

}  // namespace weir::wire

#include "wire/document.h"

#include "base/utf8.h"

namespace weir::wire {

std::string_view BrokenBound(const Pages& pages, size_t document_bytes) {
  if (pages.title.size() > kDocumentTitleBytesMax || !IsValidUtf8(pages.title)) return "title";
  if (pages.outline.size() > kDocumentOutlineBytesMax || !IsValidUtf8(pages.outline))
    return "outline";
  if (pages.blocks.size() > kDocumentBlocksMax) return "kDocumentBlocksMax";
  size_t bytes = 0;
  for (const Block& block : pages.blocks) {
    bytes += block.text.size();
    if (bytes > kDocumentTextBytesMax) return "kDocumentTextBytesMax";
    if (block.level > kHeadingLevelMax) return "kHeadingLevelMax";
    if (block.begin > block.end || block.end > document_bytes) return "begin and end";
    if (!IsValidUtf8(block.text)) return "text";
  }
  return "";
}

}  // namespace weir::wire

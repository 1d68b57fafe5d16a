// The parsers, one function for each format: bytes that somebody else wrote in, blocks out. Pure,
// within bounds of time, depth and memory that they keep themselves; a library that fails on a
// document takes the reader process down and nothing else.
#pragma once

#include <string_view>

#include "base/result.h"
#include "reader/block_list.h"
#include "reader/charset.h"

namespace weir::reader {

void ReadMarkdown(const Decoded& text, BlockList& out);
void ReadPlainText(const Decoded& text, BlockList& out);
// Blocks are what blank lines before an unindented line set apart; the outline is its signatures.
void ReadCode(const Decoded& text, BlockList& out);
// The first record is the head of all others. Commas, semicolons, tabs or bars.
void ReadCsv(const Decoded& text, BlockList& out);
// A block for each member or element of the document, "path: value" line by line; also a document
// on each line. kUnprocessable, reason broken_document.
Result<void> ReadJson(const Decoded& text, BlockList& out);
// `bytes` as in the file: what is in <main> or <article> where there is one, without navigation.
void ReadHtml(std::string_view bytes, BlockList& out);
// One message (RFC 5322), or a mailbox of many: heads, and the text or HTML of the body.
Result<void> ReadMail(std::string_view bytes, BlockList& out);
Result<void> ReadMailbox(std::string_view bytes, BlockList& out);
// Zip archives of XML. kUnprocessable: broken_document, encrypted_document; kTooLarge:
// document_too_large, also for archives that unpack to too much.
Result<void> ReadDocx(std::string_view bytes, BlockList& out);
Result<void> ReadPptx(std::string_view bytes, BlockList& out);
Result<void> ReadXlsx(std::string_view bytes, BlockList& out);
Result<void> ReadOpenText(std::string_view bytes, BlockList& out);
Result<void> ReadEpub(std::string_view bytes, BlockList& out);
// What pdftotext printed: pages end in a form feed, blocks in a blank line.
void ReadPdfText(std::string_view text, BlockList& out);

}  // namespace weir::reader

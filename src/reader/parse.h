// A document by its kind. Pure but for kPdf, whose text another program prints (pdf_child.h).
#pragma once

#include "base/result.h"
#include "wire/document.h"

namespace weir::reader {

// kUnprocessable: unsupported_document, broken_document, encrypted_document, empty_document (there
// is no text in it); kTooLarge: document_too_large.
Result<wire::Pages> Parse(const wire::Document& document);
// The same for a PDF, of which `text` was printed.
Result<wire::Pages> ParsePdfText(std::string_view text);

}  // namespace weir::reader

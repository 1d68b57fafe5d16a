// The text of a PDF, printed by poppler's pdftotext. That program is a child of the reader, in a
// sandbox of its own: this program starts itself again with kPdfWord, gives everything up but
// running pdftotext, and becomes it. (Linking poppler would put its licence on ours.)
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "process/child.h"

namespace weir::reader {

inline constexpr std::string_view kPdfWord = "pdf-text";
inline constexpr const char* kPdfProgram = "/usr/bin/pdftotext";

// A child that waits for a document on its standard input. Before the sandbox, which forbids it.
class PdfChild {
 public:
  // kUnavailable, reason pdf_reader_missing.
  static Result<PdfChild> Start();

  // Gives it the document and takes what it prints. kUnprocessable: broken_document,
  // encrypted_document; kTooLarge: document_too_large; kDeadlineExceeded.
  Result<std::string> TextOf(std::string_view document);

 private:
  PdfChild(Child child, Fd input, Fd output, Fd errors)
      : child_(std::move(child)),
        input_(std::move(input)),
        output_(std::move(output)),
        errors_(std::move(errors)) {}

  Child child_;
  Fd input_;
  Fd output_;
  Fd errors_;
};

// What the program does when it was started with kPdfWord; returns only when it failed.
int BecomePdfProgram();

}  // namespace weir::reader

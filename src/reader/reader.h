// The program weir-reader: reads one document for the gateway, and ends. A fresh process for each
// document, so that one that takes its parser over sees no other.
//
// What it may touch: one inherited socket, memory and time within bounds; for a PDF also one child
// (pdf_child.h). Everything of the document is read inside the sandbox.
#pragma once

namespace weir::reader {

// Serves one Document on the socket; the exit code.
int RunReader(int socket);

}  // namespace weir::reader

// A DocumentReader for tests: reads a text as one paragraph, or fails as told.
#pragma once

#include <optional>

#include "backends/document_reader.h"

namespace weir::backends {

class FakeDocumentReader final : public DocumentReader {
 public:
  Task<Result<wire::Pages>> Read(wire::Document document) override {
    ++reads;
    if (failure) co_return Fail(*failure);
    co_return wire::Pages{.blocks = {{.end = document.bytes.size(), .text = document.bytes}}};
  }

  std::optional<Error> failure = {};
  int reads = 0;
};

}  // namespace weir::backends

// Any bytes as a request: read or refused, and what is read keeps its bounds and can be answered.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "dialects/rerank/rerank.h"
#include "json/parse.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto call = weir::rerank::ReadRerank({reinterpret_cast<const char*>(data), size});
  if (!call) {
    CHECK(weir::json::Parse(weir::rerank::RenderError(call.error())).has_value(),
          "an error that is not JSON");
    return 0;
  }
  const size_t documents = call->request.inputs.size() - 1;
  CHECK(documents >= 1 && documents <= 1000, "documents out of bounds");
  CHECK(call->top_n >= 1 && call->top_n <= documents, "top_n out of range");
  weir::chat::Embeddings vectors;
  vectors.vectors.assign(call->request.inputs.size(), {1.0f});
  CHECK(weir::json::Parse(weir::rerank::RenderRerank({}, *call, vectors, "{}")).has_value(),
        "an answer that is not JSON");
  return 0;
}

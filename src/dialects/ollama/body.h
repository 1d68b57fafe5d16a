// What all readers of Ollama's bodies begin with. Inside dialects/ollama only.
#pragma once

#include <string_view>

#include "base/result.h"
#include "json/fields.h"
#include "json/parse.h"

namespace weir::ollama {

// `reader` takes the fields of the body; the first problem that it left is the error.
template <class T, class Reader>
Result<T> ReadBody(std::string_view body, Reader&& reader) {
  const auto document = json::Parse(body);
  if (!document) return Fail(document.error());
  json::Problem problem;
  json::Fields fields(problem, *document);
  T out = reader(fields);
  if (problem) return Fail(problem.Take());
  return out;
}

// A field that is known and cannot be honoured.
void RefuseUnsupported(json::Fields& fields, std::string_view key, std::string_view why);

}  // namespace weir::ollama

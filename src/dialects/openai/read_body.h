// A request's body, read field by field.
#pragma once

#include <string_view>

#include "base/result.h"
#include "json/fields.h"
#include "json/parse.h"

namespace weir::openai {

// Reads a body with `read`, refuses what that left, and gives what came of it.
template <class T, class Read>
Result<T> ReadBody(std::string_view body, const json::Limits& limits, const Read& read) {
  const auto document = json::Parse(body, limits);
  if (!document) return Fail(document.error());
  json::Problem problem;
  json::Fields fields(problem, *document);
  T out;
  read(fields, out);
  fields.RefuseUnread();
  if (problem) return Fail(problem.Take());
  return out;
}

}  // namespace weir::openai

#include "dialects/provider/strict_calls.h"

#include <fmt/format.h>

#include "dialects/provider/malformed.h"
#include "dialects/provider/request_pieces.h"
#include "json/schema.h"

namespace weir::provider {

Result<void> CanCheck(const json::Value& schema, size_t index) {
  const auto unheld = json::UnheldIn(schema);
  if (!unheld) return {};
  return NotSupported(
      fmt::format("tools[{}].function.parameters{}", index, unheld->path),
      fmt::format("holds no call to its schema, so that Weir checks strict ones: this keyword {}",
                  unheld->why));
}

StrictCalls::StrictCalls(const chat::GenerateRequest& request) {
  for (size_t i = 0; i < request.tools.size(); ++i) {
    if (!request.tools[i].strict) continue;
    auto schema = SchemaOf(request.tools[i], i);
    if (schema) schemas_.emplace_back(request.tools[i].name, std::move(*schema));
  }
}

Result<void> StrictCalls::Check(std::string_view name, const json::Value& arguments) const {
  for (const auto& [strict, schema] : schemas_) {
    if (strict != name || json::Fits(arguments, schema)) continue;
    return Fail(
        Code::kBackendFailed,
        fmt::format("the model called '{}' with arguments that its strict schema does not allow",
                    name),
        {}, "call_breaks_schema");
  }
  return {};
}

}  // namespace weir::provider

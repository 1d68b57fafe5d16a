#include "llama/schema_check.h"
namespace weir::llama {
Result<void> CheckSchema(std::string_view schema, std::string_view param) {
  if (schema.size() > kSchemaBytesMax) {
    return Fail(Code::kInvalidArgument, "the schema is over its limit of bytes",
                std::string(param));
  }
  return {};
}
}  // namespace weir::llama

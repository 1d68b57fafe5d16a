// Grammars and schemas of clients: refused in words or taken, never a crash, and what a schema
// becomes is a grammar that passes its own check.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "llama/grammar.h"
#include "llama/schema_check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)weir::llama::CheckGrammar(text);
  if (weir::llama::CheckSchema(text, "schema")) {
    (void)weir::llama::GrammarFromSchema(text, "schema");
  }
  return 0;
}

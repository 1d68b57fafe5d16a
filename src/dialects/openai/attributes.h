// Attributes of files, filters on them, and chunking strategies, as OpenAI's clients write them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "chat/attributes.h"
#include "json/fields.h"

namespace weir::openai {

// Nothing where absent or null.
std::optional<chat::Attributes> ReadAttributes(json::Fields& fields, std::string_view key);
// {"type": "eq", "key", "value"} or {"type": "and", "filters": [...]}.
chat::AttributeFilter ReadFilter(json::Fields& fields, std::string_view key);
chat::Chunking ReadChunking(json::Fields& fields, std::string_view key);
// The text of an object of texts, which is kept and given back; nothing where absent or null.
std::optional<std::string> ReadMetadata(json::Fields& fields);

}  // namespace weir::openai

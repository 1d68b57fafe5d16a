// Ids of points between Qdrant's form and ours. Qdrant has numbers and UUIDs; ours are texts that
// are kept in the order of their bytes. A number becomes 20 digits, so that numbers stay in their
// order; a UUID its usual form in lower case. A collection that was filled through another door may
// have other ids: they are shown as texts, and can be asked for.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "json/fields.h"
#include "json/value.h"
#include "json/writer.h"

namespace weir::qdrant {

// Nothing for what is neither a number nor a UUID.
std::optional<std::string> NewId(const json::Value& value);
// As NewId, and texts of other forms as they are.
std::optional<std::string> KnownId(const json::Value& value);
// Of a path: a number in decimal, or a text.
std::string IdInPath(std::string_view text);

// Reads an id of a point that is to be written, or one that is asked for; an error at `path`.
std::string ReadNewId(json::Problem& problem, const json::Value& value, const std::string& path);
std::string ReadKnownId(json::Problem& problem, const json::Value& value, const std::string& path);

void AppendId(json::Writer& writer, std::string_view id);

}  // namespace weir::qdrant

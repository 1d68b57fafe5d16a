// Attributes of files where they are kept: as JSON in the registry, as a part of every chunk's
// payload, and as the filter that finds them there. Pure.
#pragma once

#include <string>
#include <string_view>

#include "chat/attributes.h"
#include "json/value.h"
#include "vectors/filter.h"

namespace weir::knowledge {

// Empty for none.
std::string AttributesText(const chat::Attributes& attributes);
// What cannot be read is left out.
chat::Attributes AttributesFromText(std::string_view text);
chat::Attributes AttributesOf(const json::Value& object);
json::Value AttributesObject(const chat::Attributes& attributes);

// The same as they lie in a payload, under field::kAttributes: with names that a path of a filter
// can say (a dot is %2E there).
json::Value AttributesPayload(const chat::Attributes& attributes);
chat::Attributes AttributesOfPayload(const json::Value& payload);
vectors::Filter FilterOf(const chat::AttributeFilter& filter);

}  // namespace weir::knowledge

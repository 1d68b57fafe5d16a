// Pieces of an answer that the stream and the whole message share.
#pragma once

#include <string_view>

#include "chat/event.h"
#include "json/writer.h"

namespace weir::anthropic {

// Input is what was not read from a cache; unknown counts are 0, because the dialect has no word
// for unknown (the `weir` object has).
void WriteUsage(json::Writer& writer, const chat::Usage& usage);
// stop_reason and stop_sequence.
void WriteStop(json::Writer& writer, const chat::ChoiceDone& choice);

inline constexpr int32_t kCallsMax = 128;

}  // namespace weir::anthropic

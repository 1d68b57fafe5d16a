// A chat as Anthropic's dialect has it: system blocks apart, turns that alternate, tool results in
// the user's turn.
#pragma once

#include "base/result.h"
#include "chat/request.h"
#include "json/writer.h"

namespace weir::anthropic {

// "system", where there is one, and "messages".
void WriteCacheMark(json::Writer& writer, chat::CacheMark mark);

Result<void> WriteProviderMessages(json::Writer& writer, const chat::GenerateRequest& request);

}  // namespace weir::anthropic

// Messages of a chat as OpenAI's dialect has them, written for a provider.
#pragma once

#include "base/result.h"
#include "chat/provider.h"
#include "json/writer.h"

namespace weir::openai {

// The array behind "messages".
Result<void> WriteProviderMessages(json::Writer& writer, const chat::GenerateRequest& request,
                                   const chat::Quirks& quirks);

// A tool call's id as the provider wants it; the same id gives the same.
std::string ProviderCallId(const std::string& id, const chat::Quirks& quirks);

}  // namespace weir::openai

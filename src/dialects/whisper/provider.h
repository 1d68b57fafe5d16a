// The dialect of whisper.cpp's whisper-server, spoken to others: POST /inference out, its verbose
// JSON in. It turns speech into text and does nothing else. Pure; any thread.
//
// Source: examples/server/server.cpp of whisper.cpp.
#pragma once

#include "chat/provider.h"

namespace weir::whisper {

extern const chat::ProviderDialect kProvider;

// The rows of kProvider.
Result<chat::ProviderCall> WriteProviderTranscription(const chat::TranscribeRequest& request,
                                                      const chat::ProviderModel& model,
                                                      const chat::Quirks& quirks,
                                                      std::string_view boundary);
Result<chat::Transcription> ReadProviderTranscription(std::string_view body);
chat::ProviderCall ListProviderModels(const chat::Quirks& quirks);
Result<std::vector<chat::ListedProviderModel>> ReadProviderModels(std::string_view body);
std::string ProviderErrorWord(std::string_view body);

}  // namespace weir::whisper

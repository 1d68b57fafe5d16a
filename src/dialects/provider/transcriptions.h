// What the dialects that turn speech into text share: the form that they are sent, and the
// "verbose" JSON that Whisper's own program began and everybody else follows. Pure.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "chat/provider.h"
#include "chat/transcription.h"

namespace weir::provider {

using FormTexts = std::vector<std::pair<std::string, std::string>>;

// The sound first, then the texts. The client's name of the file does not go: it is a text that
// nobody read, and what the file is its content says. kTooLarge over the bound of a call.
Result<chat::ProviderCall> FormCall(std::string path, const chat::TranscribeRequest& request,
                                    const FormTexts& texts, std::string_view boundary);

// As JSON, verbose or not. Where there are no words apart, they are made of the pieces in the
// segments: a piece that begins with white space begins a word.
Result<chat::Transcription> ReadTranscription(std::string_view body);

}  // namespace weir::provider

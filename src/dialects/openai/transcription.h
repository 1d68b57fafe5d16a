// Speech to text as OpenAI's clients ask for it: a form in, and the text out as JSON, plain text or
// subtitles. Errors name the field of the form. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "chat/transcription.h"

namespace weir::openai {

enum class TranscriptFormat : uint8_t { kJson, kText, kSrt, kVerboseJson, kVtt };

struct TranscriptionCall {
  chat::TranscribeRequest request = {};
  TranscriptFormat format = TranscriptFormat::kJson;
  bool stream = false;
  // What an answer shows, kept beside the request, which goes its own way.
  bool translate = false;
  bool segments = true;
  bool words = false;
  std::string language = {};
};

enum class SpeechTask : uint8_t { kTranscribe, kTranslate };
// The form's Content-Type and body. kTooLarge for a file over chat::kAudioBytesMax.
Result<TranscriptionCall> ReadTranscription(std::string_view content_type, std::string_view body,
                                            SpeechTask task);

std::string_view ContentTypeOf(const TranscriptionCall& call);
// `weir` is the text of a JSON object, for the forms that are JSON.
std::string RenderTranscription(const TranscriptionCall& call, const chat::Transcription& said,
                                std::string_view weir);
// The events of a stream: what it says, piece by piece, and its end.
std::vector<std::string> RenderTranscriptionEvents(const chat::Transcription& said,
                                                   std::string_view weir);

}  // namespace weir::openai

#include "dialects/whisper/provider.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/trim.h"
#include "dialects/provider/malformed.h"
#include "dialects/provider/transcriptions.h"

namespace weir::whisper {
namespace {

// What Whisper's models were trained for. The server takes any word, and with one that it does not
// know it goes wrong without saying so.
constexpr std::string_view kLanguages[] = {
    "en", "zh", "de", "es",  "ru", "ko", "fr", "ja", "pt", "tr", "pl", "ca", "nl", "ar", "sv",
    "it", "id", "hi", "fi",  "vi", "he", "uk", "el", "ms", "cs", "ro", "da", "hu", "ta", "no",
    "th", "ur", "hr", "bg",  "lt", "la", "mi", "ml", "cy", "sk", "te", "fa", "lv", "bn", "sr",
    "az", "sl", "kn", "et",  "mk", "br", "eu", "is", "hy", "ne", "mn", "bs", "kk", "sq", "sw",
    "gl", "mr", "pa", "si",  "km", "sn", "yo", "so", "af", "oc", "ka", "be", "tg", "sd", "gu",
    "am", "yi", "lo", "uz",  "fo", "ht", "ps", "tk", "nn", "mt", "sa", "lb", "my", "bo", "tl",
    "mg", "as", "tt", "haw", "ln", "ha", "ba", "jw", "su", "yue"};

}  // namespace

// Everything that the server would otherwise take from how it was started is said. What it says of
// the chances of all languages costs it another pass over the sound, and nobody asked.
Result<chat::ProviderCall> WriteProviderTranscription(const chat::TranscribeRequest& request,
                                                      const chat::ProviderModel&,
                                                      const chat::Quirks&,
                                                      std::string_view boundary) {
  if (!request.language.empty() &&
      std::ranges::find(kLanguages, request.language) == std::end(kLanguages)) {
    return provider::NotSupported("language", "knows no such language");
  }
  provider::FormTexts texts = {{"response_format", "verbose_json"},
                               {"language", request.language.empty() ? "auto" : request.language},
                               {"translate", request.translate ? "true" : "false"},
                               {"prompt", chat::GuideOf(request)},
                               {"temperature", fmt::format("{}", request.temperature.value_or(0))},
                               {"token_timestamps", request.words ? "true" : "false"},
                               {"no_timestamps", "false"},
                               {"no_language_probabilities", "true"}};
  return provider::FormCall("/inference", request, texts, boundary);
}

// The server ends every segment with a line end; they are parts of sentences, as its screen is
// wide.
Result<chat::Transcription> ReadProviderTranscription(std::string_view body) {
  auto read = provider::ReadTranscription(body);
  if (!read) return read;
  if (!read->segments.empty()) {
    std::string joined;
    for (const chat::TranscribedSegment& segment : read->segments) joined += segment.text;
    read->text = std::move(joined);
  }
  read->text = std::string(Trim(read->text));
  return read;
}

// It has one model and does not say which; that it is ready is all there is to find out.
chat::ProviderCall ListProviderModels(const chat::Quirks&) {
  return {.method = "GET", .path = "/health", .headers = {{"accept", "application/json"}}};
}

Result<std::vector<chat::ListedProviderModel>> ReadProviderModels(std::string_view body) {
  const auto parsed = provider::ParseAnswer(body);
  if (!parsed) return Fail(parsed.error());
  if (parsed->Find("status") == nullptr) return provider::Malformed("is not a whisper-server's");
  return std::vector<chat::ListedProviderModel>{
      {.name = "whisper", .vision = false, .tools = false, .transcribes = true}};
}

// It says what is wrong in sentences, which are not shown.
std::string ProviderErrorWord(std::string_view) { return {}; }

constinit const chat::ProviderDialect kProvider = {
    .name = "whisper",
    .credential = chat::CredentialStyle::kBearer,
    .write_transcription = WriteProviderTranscription,
    .read_transcription = ReadProviderTranscription,
    .error_word = ProviderErrorWord,
    .list_models = ListProviderModels,
    .read_models = ReadProviderModels};

}  // namespace weir::whisper

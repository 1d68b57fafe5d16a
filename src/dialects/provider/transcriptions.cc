#include "dialects/provider/transcriptions.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/trim.h"
#include "dialects/provider/malformed.h"
#include "dialects/provider/request_pieces.h"
#include "http/multipart.h"
#include "json/fields.h"

namespace weir::provider {
namespace {

constexpr size_t kSegmentsMax = 100'000;
constexpr size_t kPiecesMax = 100'000;
constexpr size_t kTextBytesMax = chat::kProviderAnswerBytesMax;
constexpr double kSecondsMax = 1e7;
constexpr double kAny = 1e12;
constexpr int64_t kTokenMax = int64_t{1} << 53;

// Servers write null and NaN's stand-ins where they do not know.
double NumberOr0(json::Fields& fields, std::string_view key, double least, double most) {
  return fields.Number(key, least, most).value_or(0);
}

double Seconds(json::Fields& fields, std::string_view key) {
  return std::max(0.0, NumberOr0(fields, key, -kSecondsMax, kSecondsMax));
}

constexpr std::string_view kWhite = " \t\r\n";

// Of a list of words, or of pieces of words, under `key`.
void ReadWords(json::Fields& fields, std::string_view key, bool pieces,
               std::vector<chat::TranscribedWord>& words) {
  const json::Array* list = fields.List(key, kPiecesMax);
  bool first = true;
  for (size_t i = 0; list != nullptr && i < list->size() && !fields.problem(); ++i) {
    json::Fields word(fields.problem(), (*list)[i], fields.PathOf(key, i));
    const std::string text = word.Require().String("word", kTextBytesMax).value_or("");
    const chat::TranscribedWord read{.start_s = Seconds(word, "start"),
                                     .end_s = Seconds(word, "end"),
                                     .text = std::string(Trim(text))};
    const bool goes_on = pieces && !first && !text.empty() && !kWhite.contains(text.front());
    first = false;
    if (read.text.empty()) continue;
    if (goes_on && !words.empty()) {
      words.back().text += read.text;
      words.back().end_s = std::max(words.back().end_s, read.end_s);
    } else {
      words.push_back(read);
    }
  }
}

chat::TranscribedSegment ReadSegment(json::Fields& fields) {
  chat::TranscribedSegment segment;
  segment.text = fields.Require().String("text", kTextBytesMax).value_or("");
  segment.start_s = Seconds(fields, "start");
  segment.end_s = Seconds(fields, "end");
  segment.seek = fields.Int("seek", 0, kTokenMax).value_or(0);
  segment.temperature = NumberOr0(fields, "temperature", -kAny, kAny);
  segment.average_logprob = NumberOr0(fields, "avg_logprob", -kAny, kAny);
  segment.compression_ratio = NumberOr0(fields, "compression_ratio", -kAny, kAny);
  segment.no_speech_probability = NumberOr0(fields, "no_speech_prob", -kAny, kAny);
  const json::Array* tokens = fields.List("tokens", kPiecesMax);
  for (size_t i = 0; tokens != nullptr && i < tokens->size(); ++i) {
    if (const auto token = (*tokens)[i].AsInt()) segment.tokens.push_back(*token);
  }
  return segment;
}

// Tokens are what OpenAI bills by for some models; others are billed by the second.
chat::Usage ReadUsage(const json::Value* usage) {
  return {.prompt_tokens = Count(usage, "input_tokens"),
          .completion_tokens = Count(usage, "output_tokens")};
}

}  // namespace

Result<chat::ProviderCall> FormCall(std::string path, const chat::TranscribeRequest& request,
                                    const FormTexts& texts, std::string_view boundary) {
  std::vector<http::FormField> fields = {
      {.name = "file",
       .file_name = fmt::format("audio.{}", chat::AudioExtension(request.format)),
       .type = std::string(chat::AudioMediaType(request.format)),
       .content = chat::AudioOf(request)}};
  for (const auto& [name, text] : texts) fields.push_back({.name = name, .content = text});
  chat::ProviderCall call{
      .path = std::move(path),
      .headers = {{"content-type", http::FormType(boundary)}, {"accept", "application/json"}},
      .body = http::WriteForm(fields, boundary)};
  if (call.body.size() > chat::kProviderBodyBytesMax) {
    return Fail(
        Code::kTooLarge,
        fmt::format("the form for the provider has over {} bytes", chat::kProviderBodyBytesMax),
        "file", "too_large");
  }
  return call;
}

Result<chat::Transcription> ReadTranscription(std::string_view body) {
  const auto parsed = ParseAnswer(body);
  if (!parsed) return Fail(parsed.error());
  json::Problem problem;
  json::Fields fields(problem, *parsed);
  chat::Transcription out;
  out.text = fields.Require().String("text", kTextBytesMax).value_or("");
  out.language = fields.String("language", 64).value_or("");
  if (const auto seconds = fields.Number("duration", 0, kSecondsMax)) out.duration_s = seconds;
  ReadWords(fields, "words", false, out.words);
  const bool pieces = out.words.empty();
  const json::Array* segments = fields.List("segments", kSegmentsMax);
  for (size_t i = 0; segments != nullptr && i < segments->size() && !problem; ++i) {
    json::Fields segment(problem, (*segments)[i], fields.PathOf("segments", i));
    out.segments.push_back(ReadSegment(segment));
    if (pieces) ReadWords(segment, "words", true, out.words);
  }
  if (problem) return Malformed(problem);
  const json::Value* usage = parsed->Find("usage");
  out.usage = ReadUsage(usage);
  std::optional<double> billed;
  if (usage != nullptr && usage->AsObject() != nullptr) {
    json::Problem ignored;
    billed = json::Fields(ignored, *usage).Number("seconds", 0, kSecondsMax);
  }
  if (!out.duration_s) out.duration_s = billed;
  if (!billed) billed = out.duration_s;
  if (billed) out.usage.sound_s = std::llround(*billed);
  return out;
}

}  // namespace weir::provider

#include "dialects/openai/transcription.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

#include "base/utf8.h"
#include "dialects/openai/common_fields.h"
#include "http/multipart.h"
#include "json/writer.h"

namespace weir::openai {
namespace {

constexpr size_t kGuideBytesMax = 16'384;
constexpr double kTemperatureMax = 1;
constexpr std::array<std::string_view, 5> kFormats = {"json", "text", "srt", "verbose_json", "vtt"};

std::unexpected<Error> Wrong(std::string_view field, std::string_view what) {
  return Fail(Code::kInvalidArgument, fmt::format("{} {}", field, what), std::string(field),
              "invalid_value");
}

std::unexpected<Error> Unsupported(std::string_view field, std::string_view why) {
  return Fail(Code::kInvalidArgument, fmt::format("{} is not supported: {}", field, why),
              std::string(field), "unsupported_parameter");
}

// One form on its way into a call. The readers are named by their fields.
class Form {
 public:
  explicit Form(SpeechTask task) : task_(task) {
    call_.request.translate = task == SpeechTask::kTranslate;
  }

  Result<void> Take(const http::FormPart& part) {
    const std::string_view name = WithoutBrackets(part.name);
    if (name != "timestamp_granularities" && !once_.Add(name))
      return Wrong(name, "stands in the form twice");
    if (name == "file") return TakeFile(part);
    if (part.file_name) return Wrong(name, "is a text, not a file");
    if (!IsValidUtf8(part.content)) return Wrong(name, "is not valid UTF-8");
    if (name == "model") return TakeModel(part.content);
    if (name == "prompt") return TakeGuide(part.content);
    if (name == "response_format") return TakeFormat(part.content);
    if (name == "temperature") return TakeTemperature(part.content);
    if (task_ == SpeechTask::kTranscribe) {
      if (name == "language") return TakeLanguage(part.content);
      if (name == "timestamp_granularities") return TakeGranularity(part.content);
      if (name == "stream") return TakeStream(part.content);
      if (const auto why = WhyNot(name); !why.empty()) return Unsupported(name, why);
    }
    return Fail(Code::kInvalidArgument,
                fmt::format("the form has a field that is not known; {} are",
                            task_ == SpeechTask::kTranscribe
                                ? "file, model, language, prompt, response_format, temperature, "
                                  "timestamp_granularities[] and stream"
                                : "file, model, prompt, response_format and temperature"),
                std::string(name.substr(0, kNameBytesMax)), "unknown_parameter");
  }

  Result<TranscriptionCall> Taken() {
    if (!once_.Has("file")) return Missing("file");
    if (!once_.Has("model")) return Missing("model");
    const bool verbose = call_.format == TranscriptFormat::kVerboseJson;
    if (granular_ && !verbose) {
      return Wrong("timestamp_granularities[]", "takes response_format verbose_json beside it");
    }
    const bool json = call_.format == TranscriptFormat::kJson;
    if (call_.stream && !json) return Wrong("stream", "takes response_format json beside it");
    const bool subtitles =
        call_.format == TranscriptFormat::kSrt || call_.format == TranscriptFormat::kVtt;
    call_.segments = !granular_ || segments_;
    call_.request.segments = subtitles || (verbose && call_.segments);
    call_.translate = call_.request.translate;
    call_.words = call_.request.words;
    call_.language = call_.request.language;
    if (!guide_.empty()) call_.request.said.parts.push_back({.text = std::move(guide_)});
    return std::move(call_);
  }

 private:
  class Names {
   public:
    bool Add(std::string_view name) {
      if (Has(name)) return false;
      names_.emplace_back(name);
      return true;
    }
    bool Has(std::string_view name) const {
      return std::ranges::find(names_, name) != names_.end();
    }

   private:
    std::vector<std::string> names_ = {};
  };

  static std::string_view WithoutBrackets(std::string_view name) {
    return name.ends_with("[]") ? name.substr(0, name.size() - 2) : name;
  }

  static std::unexpected<Error> Missing(std::string_view field) {
    return Fail(Code::kInvalidArgument, fmt::format("{} is missing", field), std::string(field),
                "missing_required_parameter");
  }

  // What OpenAI has beyond Whisper.
  static std::string_view WhyNot(std::string_view name) {
    if (name == "include") return "no log-probabilities are given of speech";
    if (name == "chunking_strategy") return "the sound is transcribed as one";
    if (name == "languages") return "name one with language, or none";
    if (name == "keywords") return "say them in prompt";
    if (name == "known_speaker_names" || name == "known_speaker_references")
      return "speakers are not told apart";
    return {};
  }

  Result<void> TakeFile(const http::FormPart& part) {
    if (!part.file_name) return Wrong("file", "needs a filename: it is sent as a file");
    if (part.content.empty()) return Wrong("file", "is empty");
    if (part.content.size() > chat::kAudioBytesMax) {
      return Fail(
          Code::kTooLarge,
          fmt::format("file has {} bytes; at most {} are taken (25 MiB, as at OpenAI): cut it, or "
                      "compress it",
                      part.content.size(), chat::kAudioBytesMax),
          "file", "too_large");
    }
    const auto format = chat::AudioFormatOf(part.content);
    if (!format) {
      return Wrong("file",
                   "is no sound that is known by its content: flac, m4a, mp3, mp4, mpeg, mpga, "
                   "ogg, wav and webm are");
    }
    call_.request.format = *format;
    call_.request.said.parts.push_back({.kind = chat::Part::Kind::kAudio,
                                        .media_type = std::string(chat::AudioMediaType(*format)),
                                        .data = std::string(part.content)});
    return {};
  }

  Result<void> TakeModel(std::string_view text) {
    if (text.empty() || text.size() > kNameBytesMax)
      return Wrong("model", fmt::format("takes 1 to {} bytes", kNameBytesMax));
    call_.request.model = text;
    return {};
  }

  Result<void> TakeGuide(std::string_view text) {
    if (text.size() > kGuideBytesMax)
      return Wrong("prompt", fmt::format("takes at most {} bytes", kGuideBytesMax));
    guide_ = text;
    return {};
  }

  Result<void> TakeFormat(std::string_view text) {
    const auto* found = std::ranges::find(kFormats, text);
    if (found == kFormats.end()) {
      if (text == "diarized_json") {
        return Unsupported("response_format", "diarized_json needs speakers told apart");
      }
      return Wrong("response_format", fmt::format("takes {}", fmt::join(kFormats, ", ")));
    }
    call_.format = static_cast<TranscriptFormat>(found - kFormats.begin());
    return {};
  }

  Result<void> TakeTemperature(std::string_view text) {
    float value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool whole = error == std::errc() && end == text.data() + text.size();
    if (!whole || !(value >= 0 && value <= kTemperatureMax))
      return Wrong("temperature", "takes a number from 0 to 1");
    call_.request.temperature = value;
    return {};
  }

  Result<void> TakeLanguage(std::string_view text) {
    const auto small = [](char c) { return c >= 'a' && c <= 'z'; };
    if (text.empty()) return {};
    if (text.size() < 2 || text.size() > 3 || !std::ranges::all_of(text, small))
      return Wrong("language", "takes a code of ISO 639-1, like en");
    call_.request.language = text;
    return {};
  }

  Result<void> TakeGranularity(std::string_view text) {
    granular_ = true;
    if (text == "word") {
      call_.request.words = true;
    } else if (text == "segment") {
      segments_ = true;
    } else {
      return Wrong("timestamp_granularities[]", "takes word and segment");
    }
    return {};
  }

  Result<void> TakeStream(std::string_view text) {
    if (text != "true" && text != "false") return Wrong("stream", "takes true or false");
    call_.stream = text == "true";
    return {};
  }

  SpeechTask task_;
  TranscriptionCall call_ = {};
  Names once_ = {};
  std::string guide_ = {};
  bool granular_ = false;
  bool segments_ = false;
};

// A line of subtitles: what would end it, or look like a time, is taken out.
std::string LineOf(std::string_view text) {
  std::string line;
  for (const char c : text) {
    const bool white = c == '\n' || c == '\r' || c == ' ';
    if (!white) {
      line += c;
    } else if (!line.empty() && line.back() != ' ') {
      line += ' ';
    }
  }
  if (line.ends_with(' ')) line.pop_back();
  for (size_t at = line.find("-->"); at != std::string::npos; at = line.find("-->", at))
    line.replace(at, 3, "->");
  return line;
}

std::string TimeOf(double seconds, char point) {
  const auto ms = static_cast<int64_t>(std::llround(seconds * 1000));
  return fmt::format("{:02}:{:02}:{:02}{}{:03}", ms / 3'600'000, ms / 60'000 % 60, ms / 1000 % 60,
                     point, ms % 1000);
}

std::string Subtitles(const chat::Transcription& said, bool vtt) {
  std::string out = vtt ? "WEBVTT\n\n" : "";
  const char point = vtt ? '.' : ',';
  for (size_t i = 0; i < said.segments.size(); ++i) {
    const chat::TranscribedSegment& segment = said.segments[i];
    if (!vtt) out += fmt::format("{}\n", i + 1);
    out += fmt::format("{} --> {}\n{}\n\n", TimeOf(segment.start_s, point),
                       TimeOf(segment.end_s, point), LineOf(segment.text));
  }
  return out;
}

// Where the server did not say: to the end of the last words.
double DurationOf(const chat::Transcription& said) {
  if (said.duration_s) return *said.duration_s;
  return said.segments.empty() ? 0 : said.segments.back().end_s;
}

// By tokens where they were reported, else by the seconds of the sound; nothing is made up.
void WriteUsage(json::Writer& writer, const chat::Transcription& said) {
  const auto& input = said.usage.prompt_tokens;
  const auto& output = said.usage.completion_tokens;
  if (input && output) {
    writer.Key("usage")
        .BeginObject()
        .Field("type", "tokens")
        .Field("input_tokens", *input)
        .Field("output_tokens", *output)
        .Field("total_tokens", *input + *output)
        .EndObject();
  } else if (said.duration_s) {
    writer.Key("usage")
        .BeginObject()
        .Field("type", "duration")
        .Field("seconds", static_cast<int64_t>(std::ceil(*said.duration_s)))
        .EndObject();
  }
}

void WriteSegment(json::Writer& writer, const chat::TranscribedSegment& segment, size_t index) {
  writer.BeginObject()
      .Field("id", index)
      .Field("seek", segment.seek)
      .Field("start", segment.start_s)
      .Field("end", segment.end_s)
      .Field("text", segment.text)
      .Key("tokens")
      .BeginArray();
  for (const int64_t token : segment.tokens) writer.Int(token);
  writer.EndArray()
      .Field("temperature", segment.temperature)
      .Field("avg_logprob", segment.average_logprob)
      .Field("compression_ratio", segment.compression_ratio)
      .Field("no_speech_prob", segment.no_speech_probability)
      .EndObject();
}

std::string LanguageOf(const TranscriptionCall& call, const chat::Transcription& said) {
  if (call.translate) return "english";
  return said.language.empty() ? call.language : said.language;
}

void WriteVerbose(json::Writer& writer, const TranscriptionCall& call,
                  const chat::Transcription& said) {
  writer.Field("task", call.translate ? "translate" : "transcribe")
      .Field("language", LanguageOf(call, said))
      .Field("duration", DurationOf(said))
      .Field("text", said.text);
  if (call.segments) {
    writer.Key("segments").BeginArray();
    for (size_t i = 0; i < said.segments.size(); ++i) WriteSegment(writer, said.segments[i], i);
    writer.EndArray();
  }
  if (!call.words) return;
  writer.Key("words").BeginArray();
  for (const chat::TranscribedWord& word : said.words) {
    writer.BeginObject()
        .Field("word", word.text)
        .Field("start", word.start_s)
        .Field("end", word.end_s)
        .EndObject();
  }
  writer.EndArray();
}

}  // namespace

Result<TranscriptionCall> ReadTranscription(std::string_view content_type, std::string_view body,
                                            SpeechTask task) {
  const auto parts = http::ParseForm(content_type, body);
  if (!parts) return Fail(parts.error());
  Form form(task);
  for (const http::FormPart& part : *parts) {
    if (auto taken = form.Take(part); !taken) return Fail(taken.error());
  }
  return form.Taken();
}

std::string_view ContentTypeOf(const TranscriptionCall& call) {
  if (call.stream) return "text/event-stream";
  const bool json =
      call.format == TranscriptFormat::kJson || call.format == TranscriptFormat::kVerboseJson;
  return json ? "application/json" : "text/plain; charset=utf-8";
}

std::string RenderTranscription(const TranscriptionCall& call, const chat::Transcription& said,
                                std::string_view weir) {
  switch (call.format) {
    case TranscriptFormat::kText:
      return said.text + "\n";
    case TranscriptFormat::kSrt:
    case TranscriptFormat::kVtt:
      return Subtitles(said, call.format == TranscriptFormat::kVtt);
    case TranscriptFormat::kJson:
    case TranscriptFormat::kVerboseJson:
      break;
  }
  std::string out;
  json::Writer writer(&out);
  writer.BeginObject();
  if (call.format == TranscriptFormat::kJson) {
    writer.Field("text", said.text);
  } else {
    WriteVerbose(writer, call, said);
  }
  WriteUsage(writer, said);
  if (!weir.empty()) writer.Key("weir").Raw(weir);
  writer.EndObject();
  return out;
}

// The text comes whole from whoever transcribed it; its pieces are its segments where it has some.
std::vector<std::string> RenderTranscriptionEvents(const chat::Transcription& said,
                                                   std::string_view weir) {
  std::vector<std::string> pieces;
  std::string joined;
  for (const chat::TranscribedSegment& segment : said.segments) {
    pieces.push_back(segment.text);
    if (joined.empty()) pieces.back().erase(0, pieces.back().find_first_not_of(' '));
    joined += pieces.back();
  }
  if (joined != said.text) pieces = {said.text};
  std::vector<std::string> events;
  const auto add = [&events](auto fill) {
    std::string out = "data: ";
    json::Writer writer(&out);
    writer.BeginObject();
    fill(writer);
    writer.EndObject();
    out += "\n\n";
    events.push_back(std::move(out));
  };
  for (const std::string& piece : pieces) {
    add([&](json::Writer& writer) {
      writer.Field("type", "transcript.text.delta").Field("delta", piece);
    });
  }
  add([&](json::Writer& writer) {
    writer.Field("type", "transcript.text.done").Field("text", said.text);
    WriteUsage(writer, said);
    if (!weir.empty()) writer.Key("weir").Raw(weir);
  });
  return events;
}

}  // namespace weir::openai

#include "dialects/openai/transcription.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http/multipart.h"

namespace weir::openai {
namespace {

using namespace std::string_literals;
using testing::HasSubstr;

const std::string kWave = "RIFF\x24\0\0\0WAVEfmt "s;

std::vector<http::FormField> Form(std::vector<http::FormField> more = {}) {
  std::vector<http::FormField> fields = {
      {.name = "file", .file_name = "secret plans.mp3", .content = kWave},
      {.name = "model", .content = "whisper-1"}};
  fields.insert(fields.end(), more.begin(), more.end());
  return fields;
}

Result<TranscriptionCall> Read(const std::vector<http::FormField>& fields,
                               SpeechTask task = SpeechTask::kTranscribe) {
  return ReadTranscription(http::FormType("b"), http::WriteForm(fields, "b"), task);
}

TEST(ReadTranscription, TakesWhatOpenAisClientsSend) {
  const auto call = Read(Form({{.name = "language", .content = "de"},
                               {.name = "prompt", .content = "Weir"},
                               {.name = "response_format", .content = "verbose_json"},
                               {.name = "temperature", .content = "0.25"},
                               {.name = "timestamp_granularities[]", .content = "word"},
                               {.name = "timestamp_granularities[]", .content = "segment"}}));
  ASSERT_TRUE(call) << call.error().message;
  EXPECT_EQ(call->request.model, "whisper-1");
  EXPECT_EQ(call->request.format, chat::AudioFormat::kWav);
  EXPECT_EQ(chat::AudioOf(call->request), kWave);
  EXPECT_EQ(chat::GuideOf(call->request), "Weir");
  EXPECT_EQ(call->request.language, "de");
  EXPECT_EQ(call->request.temperature, 0.25F);
  EXPECT_TRUE(call->request.words && call->request.segments);
  EXPECT_FALSE(call->stream || call->request.translate);
  EXPECT_EQ(call->format, TranscriptFormat::kVerboseJson);
  // The name of the file is nobody's business.
  EXPECT_EQ(call->request.said.parts[0].name, "");
}

TEST(ReadTranscription, AsksForTimesOnlyWhereTheyAreShown) {
  const auto segments = [](std::string_view format) {
    const auto call = Read(Form({{.name = "response_format", .content = format}}));
    return call && call->request.segments;
  };
  EXPECT_FALSE(segments("json"));
  EXPECT_FALSE(segments("text"));
  EXPECT_TRUE(segments("srt"));
  EXPECT_TRUE(segments("vtt"));
  EXPECT_TRUE(segments("verbose_json"));
}

TEST(ReadTranscription, NamesTheFieldThatIsWrong) {
  struct Case {
    http::FormField field;
    std::string param;
    std::string reason = "invalid_value";
  };
  const std::string long_prompt(20'000, 'x');
  const Case cases[] = {
      {{.name = "language", .content = "deutsch"}, "language"},
      {{.name = "language", .content = "DE"}, "language"},
      {{.name = "prompt", .content = "\xff"}, "prompt"},
      {{.name = "prompt", .content = long_prompt}, "prompt"},
      {{.name = "prompt", .file_name = "p.txt", .content = "x"}, "prompt"},
      {{.name = "response_format", .content = "xml"}, "response_format"},
      {{.name = "response_format", .content = "diarized_json"},
       "response_format",
       "unsupported_parameter"},
      {{.name = "temperature", .content = "hot"}, "temperature"},
      {{.name = "temperature", .content = "1.5"}, "temperature"},
      {{.name = "temperature", .content = "nan"}, "temperature"},
      {{.name = "temperature", .content = ""}, "temperature"},
      {{.name = "timestamp_granularities[]", .content = "letter"}, "timestamp_granularities[]"},
      {{.name = "timestamp_granularities[]", .content = "word"}, "timestamp_granularities[]"},
      {{.name = "stream", .content = "1"}, "stream"},
      {{.name = "model", .content = "again"}, "model"},
      {{.name = "include[]", .content = "logprobs"}, "include", "unsupported_parameter"},
      {{.name = "chunking_strategy", .content = "auto"},
       "chunking_strategy",
       "unsupported_parameter"},
      {{.name = "no_such_field", .content = "1"}, "no_such_field", "unknown_parameter"}};
  for (const Case& one : cases) {
    const auto call = Read(Form({one.field}));
    ASSERT_FALSE(call) << one.field.name << " " << one.field.content;
    EXPECT_EQ(call.error().param, one.param) << call.error().message;
    EXPECT_EQ(call.error().reason, one.reason) << call.error().message;
  }
}

TEST(ReadTranscription, WantsASoundAndAModel) {
  const auto param = [](const std::vector<http::FormField>& fields) {
    const auto call = Read(fields);
    return call ? "none" : call.error().param;
  };
  const http::FormField model{.name = "model", .content = "m"};
  EXPECT_EQ(param({model}), "file");
  EXPECT_EQ(param({{.name = "file", .file_name = "a.wav", .content = kWave}}), "model");
  EXPECT_EQ(param({model, {.name = "file", .content = kWave}}), "file");
  EXPECT_EQ(param({model, {.name = "file", .file_name = "a.wav", .content = ""}}), "file");
  EXPECT_EQ(param({model, {.name = "file", .file_name = "a.wav", .content = "hello"}}), "file");
  const std::string large = kWave + std::string(chat::kAudioBytesMax, 'x');
  const auto call = Read({model, {.name = "file", .file_name = "a.wav", .content = large}});
  ASSERT_FALSE(call);
  EXPECT_EQ(call.error().code, Code::kTooLarge);
  EXPECT_EQ(call.error().param, "file");
  EXPECT_THAT(call.error().message, HasSubstr("26214400"));
}

TEST(ReadTranscription, TranslationsKnowFewerFields) {
  EXPECT_TRUE(Read(Form(), SpeechTask::kTranslate)->request.translate);
  for (const char* name : {"language", "stream", "timestamp_granularities[]"}) {
    const auto call = Read(Form({{.name = name, .content = "de"}}), SpeechTask::kTranslate);
    ASSERT_FALSE(call) << name;
    EXPECT_EQ(call.error().reason, "unknown_parameter");
  }
}

chat::Transcription Said() {
  return {.text = "Hi all, --> bye",
          .language = "english",
          .duration_s = 3661.5,
          .segments = {{.start_s = 0, .end_s = 1.25, .text = " Hi all,"},
                       {.start_s = 1.25, .end_s = 3661.5, .text = " -->\n\n bye"}},
          .words = {{0, 0.5, "Hi"}}};
}

TEST(RenderTranscription, SpeaksEveryForm) {
  TranscriptionCall call;
  EXPECT_EQ(RenderTranscription(call, Said(), R"({"a":1})"),
            R"({"text":"Hi all, --> bye","usage":{"type":"duration","seconds":3662},)"
            R"("weir":{"a":1}})");
  call.format = TranscriptFormat::kText;
  EXPECT_EQ(RenderTranscription(call, Said(), "{}"), "Hi all, --> bye\n");
  call.format = TranscriptFormat::kSrt;
  EXPECT_EQ(RenderTranscription(call, Said(), "{}"),
            "1\n00:00:00,000 --> 00:00:01,250\nHi all,\n\n"
            "2\n00:00:01,250 --> 01:01:01,500\n-> bye\n\n");
  call.format = TranscriptFormat::kVtt;
  EXPECT_EQ(RenderTranscription(call, Said(), "{}"),
            "WEBVTT\n\n00:00:00.000 --> 00:00:01.250\nHi all,\n\n"
            "00:00:01.250 --> 01:01:01.500\n-> bye\n\n");
  call.format = TranscriptFormat::kVerboseJson;
  call.words = true;
  const std::string verbose = RenderTranscription(call, Said(), "");
  EXPECT_THAT(verbose, HasSubstr(R"("task":"transcribe","language":"english","duration":3661.5)"));
  EXPECT_THAT(verbose, HasSubstr(R"("words":[{"word":"Hi","start":0.0,"end":0.5}])"));
  EXPECT_THAT(verbose, HasSubstr(R"({"id":1,"seek":0,"start":1.25,)"));
  call.segments = false;
  EXPECT_THAT(RenderTranscription(call, Said(), ""), testing::Not(HasSubstr("segments")));
}

TEST(RenderTranscription, TellsTokensWhereTheyAreKnownAndNothingElse) {
  chat::Transcription said{.text = "x"};
  EXPECT_EQ(RenderTranscription({}, said, ""), R"({"text":"x"})");
  said.usage = {.prompt_tokens = 3, .completion_tokens = 2};
  EXPECT_EQ(RenderTranscription({}, said, ""),
            R"({"text":"x","usage":{"type":"tokens","input_tokens":3,"output_tokens":2,)"
            R"("total_tokens":5}})");
}

TEST(RenderTranscriptionEvents, SaysTheTextInItsSegments) {
  chat::Transcription said = Said();
  said.text = "Hi all, bye";
  said.segments[1].text = " bye";
  const auto events = RenderTranscriptionEvents(said, "");
  ASSERT_EQ(events.size(), 3U);
  EXPECT_EQ(events[0], "data: {\"type\":\"transcript.text.delta\",\"delta\":\"Hi all,\"}\n\n");
  EXPECT_EQ(events[1], "data: {\"type\":\"transcript.text.delta\",\"delta\":\" bye\"}\n\n");
  EXPECT_THAT(events[2], HasSubstr(R"("type":"transcript.text.done","text":"Hi all, bye")"));
  said.text = "something else";
  EXPECT_EQ(RenderTranscriptionEvents(said, "").size(), 2U);
}

}  // namespace
}  // namespace weir::openai

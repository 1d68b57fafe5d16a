#include "dialects/provider/transcriptions.h"

#include <gtest/gtest.h>

#include "http/multipart.h"

namespace weir::provider {
namespace {

chat::TranscribeRequest Sound(std::string bytes) {
  return {.said = {.parts = {{.kind = chat::Part::Kind::kAudio, .data = std::move(bytes)}}},
          .format = chat::AudioFormat::kFlac};
}

TEST(FormCall, SendsTheSoundUnderANameOfItsContent) {
  const auto call = FormCall("/x", Sound("fLaC..."), {{"language", "de"}}, "weir-1");
  ASSERT_TRUE(call) << call.error().message;
  const auto parts = http::ParseForm(chat::FindHeader(call->headers, "content-type"), call->body);
  ASSERT_TRUE(parts) << parts.error().message;
  ASSERT_EQ(parts->size(), 2U);
  EXPECT_EQ((*parts)[0].file_name, "audio.flac");
  EXPECT_EQ((*parts)[0].content, "fLaC...");
  EXPECT_EQ((*parts)[1].name, "language");
  EXPECT_EQ((*parts)[1].content, "de");
}

TEST(FormCall, KeepsTheBoundOfACall) {
  const auto call =
      FormCall("/x", Sound(std::string(chat::kProviderBodyBytesMax, 'x')), {}, "weir-1");
  ASSERT_FALSE(call);
  EXPECT_EQ(call.error().code, Code::kTooLarge);
  EXPECT_EQ(call.error().param, "file");
}

TEST(ReadTranscription, TakesPlainAndVerboseJson) {
  const auto plain = ReadTranscription(
      R"({"text":"Hi","usage":{"type":"tokens","input_tokens":3,"output_tokens":1}})");
  ASSERT_TRUE(plain) << plain.error().message;
  EXPECT_EQ(plain->text, "Hi");
  EXPECT_EQ(plain->usage.prompt_tokens, 3);
  EXPECT_EQ(plain->usage.completion_tokens, 1);
  EXPECT_EQ(plain->duration_s, std::nullopt);
  EXPECT_EQ(plain->usage.sound_s, std::nullopt);

  const auto verbose = ReadTranscription(
      R"({"task":"transcribe","language":"english","duration":2.5,"text":" Hi all",
          "segments":[{"id":0,"seek":0,"start":0.0,"end":2.5,"text":" Hi all","tokens":[1,2],
                       "temperature":0.0,"avg_logprob":-0.5,"compression_ratio":1,
                       "no_speech_prob":0.25,"new_field":{}}],
          "words":[{"word":"Hi","start":0.0,"end":1},{"word":"all","start":1,"end":2.5}],
          "usage":{"type":"duration","seconds":3}})");
  ASSERT_TRUE(verbose) << verbose.error().message;
  EXPECT_EQ(verbose->language, "english");
  EXPECT_EQ(verbose->duration_s, 2.5);
  const chat::TranscribedSegment segment{.start_s = 0,
                                         .end_s = 2.5,
                                         .text = " Hi all",
                                         .tokens = {1, 2},
                                         .average_logprob = -0.5,
                                         .compression_ratio = 1,
                                         .no_speech_probability = 0.25};
  EXPECT_EQ(verbose->segments, std::vector{segment});
  const std::vector<chat::TranscribedWord> words = {{0, 1, "Hi"}, {1, 2.5, "all"}};
  EXPECT_EQ(verbose->words, words);
  EXPECT_EQ(verbose->usage.prompt_tokens, std::nullopt);
  EXPECT_EQ(verbose->usage.sound_s, 3);  // what is billed, before what it lasts
}

TEST(ReadTranscription, TakesTheSecondsFromWhereverTheyAre) {
  const auto seconds = [](std::string_view body) {
    const auto read = ReadTranscription(body);
    EXPECT_TRUE(read) << body;
    return read ? read->usage.sound_s : std::nullopt;
  };
  EXPECT_EQ(seconds(R"({"text":"x","duration":2.5})"), 3);
  EXPECT_EQ(seconds(R"({"text":"x","duration":2.499})"), 2);
  EXPECT_EQ(seconds(R"({"text":"x","usage":{"type":"duration","seconds":61}})"), 61);
  EXPECT_EQ(seconds(R"({"text":"x","usage":{"type":"duration"}})"), std::nullopt);
  EXPECT_EQ(seconds(R"({"text":"x"})"), std::nullopt);
}

TEST(ReadTranscription, MakesWordsOfPieces) {
  const auto read = ReadTranscription(
      R"({"text":"x","segments":[{"text":" un","words":[{"word":" un","start":0,"end":1}]},
          {"text":"do it","words":[{"word":"do","start":1,"end":2},{"word":" it","start":2,"end":3},
                                   {"word":"!","start":3,"end":3.5},{"word":" ","start":4,"end":4}]}]})");
  ASSERT_TRUE(read) << read.error().message;
  // What begins a segment begins a word: where it was cut nobody says.
  const std::vector<chat::TranscribedWord> words = {{0, 1, "un"}, {1, 2, "do"}, {2, 3.5, "it!"}};
  EXPECT_EQ(read->words, words);
}

TEST(ReadTranscription, RefusesWhatIsNoAnswer) {
  for (const char* body :
       {"", "Hi", "[]", "{}", R"({"text":1})", R"({"text":"x","segments":{}})",
        R"({"text":"x","segments":[1]})", R"({"text":"x","segments":[{"start":0}]})",
        R"({"text":"x","words":[{"start":0}]})", R"({"text":"x","duration":-1})",
        R"({"text":"x","segments":[{"text":"y","start":"0"}]})", "{\"text\":\"\xff\"}"}) {
    const auto read = ReadTranscription(body);
    ASSERT_FALSE(read) << body;
    EXPECT_EQ(read.error().code, Code::kBackendFailed);
    EXPECT_EQ(read.error().reason, "provider_malformed");
  }
}

}  // namespace
}  // namespace weir::provider

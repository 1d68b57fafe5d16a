#include "dialects/whisper/provider.h"

#include <gtest/gtest.h>

#include <map>

#include "http/multipart.h"

namespace weir::whisper {
namespace {

chat::TranscribeRequest Sound() {
  return {.said = {.parts = {{.kind = chat::Part::Kind::kAudio, .data = "RIFF....WAVE"}}}};
}

std::map<std::string, std::string> FieldsOf(const chat::TranscribeRequest& request) {
  const auto call = WriteProviderTranscription(request, {.name = "any"}, {}, "weir-1");
  EXPECT_TRUE(call) << call.error().message;
  if (!call) return {};
  EXPECT_EQ(call->path, "/inference");
  const auto parts = http::ParseForm(chat::FindHeader(call->headers, "content-type"), call->body);
  EXPECT_TRUE(parts);
  std::map<std::string, std::string> fields;
  for (const http::FormPart& part : *parts) fields[part.name] = part.content;
  return fields;
}

TEST(WriteProviderTranscription, LeavesNothingToHowTheServerWasStarted) {
  auto fields = FieldsOf(Sound());
  EXPECT_EQ(fields["file"], "RIFF....WAVE");
  EXPECT_EQ(fields["response_format"], "verbose_json");
  EXPECT_EQ(fields["language"], "auto");
  EXPECT_EQ(fields["translate"], "false");
  EXPECT_EQ(fields["temperature"], "0");
  EXPECT_EQ(fields["prompt"], "");
  EXPECT_EQ(fields["token_timestamps"], "false");
}

TEST(WriteProviderTranscription, CarriesWhatIsAsked) {
  chat::TranscribeRequest request = Sound();
  request.said.parts.push_back({.text = "Weir"});
  request.language = "de";
  request.translate = true;
  request.temperature = 0.2F;
  request.words = true;
  auto fields = FieldsOf(request);
  EXPECT_EQ(fields["language"], "de");
  EXPECT_EQ(fields["translate"], "true");
  EXPECT_EQ(fields["temperature"], "0.2");
  EXPECT_EQ(fields["prompt"], "Weir");
  EXPECT_EQ(fields["token_timestamps"], "true");
}

TEST(WriteProviderTranscription, RefusesALanguageThatNoModelKnows) {
  chat::TranscribeRequest request = Sound();
  request.language = "xx";
  const auto call = WriteProviderTranscription(request, {}, {}, "weir-1");
  ASSERT_FALSE(call);
  EXPECT_EQ(call.error().param, "language");
  EXPECT_EQ(call.error().reason, "not_supported_by_target");
}

TEST(ReadProviderTranscription, JoinsWhatTheServerPutsOnLines) {
  const auto read = ReadProviderTranscription(
      R"({"text":" And so my fel\nlow Americans\n","language":"english","duration":3,
          "segments":[{"text":" And so my fel","start":0,"end":1,"avg_logprob":null},
                      {"text":"low Americans","start":1,"end":3}]})");
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->text, "And so my fellow Americans");
  EXPECT_EQ(read->segments.size(), 2U);
}

TEST(ReadProviderModels, KnowsAServerThatIsReady) {
  const auto models = ReadProviderModels(R"({"status":"ok"})");
  ASSERT_TRUE(models);
  ASSERT_EQ(models->size(), 1U);
  EXPECT_EQ((*models)[0].transcribes, true);
  EXPECT_FALSE(ReadProviderModels("<html>"));
  EXPECT_FALSE(ReadProviderModels("{}"));
}

}  // namespace
}  // namespace weir::whisper

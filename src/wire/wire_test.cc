#include <gtest/gtest.h>

#include "wire/archive.h"
#include "wire/chat.h"
#include "wire/engine.h"
#include "wire/frame.h"

namespace weir::wire {
namespace {

chat::GenerateRequest FullRequest() {
  chat::GenerateRequest request;
  request.model = "smollm2:135m";
  request.messages = {
      {.role = chat::Role::kSystem, .parts = {{.text = "Be brief."}}},
      {.role = chat::Role::kUser,
       .parts = {{.text = "What is this?"},
                 {.kind = chat::Part::Kind::kImage, .media_type = "image/png", .data = "\x89PNG"}}},
      {.role = chat::Role::kAssistant,
       .reasoning = "hm",
       .tool_calls = {{.id = "c1", .name = "look", .arguments = "{}"}}},
      {.role = chat::Role::kTool, .parts = {{.text = "a weir"}}, .tool_call_id = "c1"}};
  request.tools = {{.name = "look", .description = "looks", .parameters = "{}", .strict = true}};
  request.tool_choice = {chat::ToolChoice::Mode::kRequired, {"look"}};
  request.template_arguments = {{"enable_thinking", "false"}};
  request.sampling.temperature = 0.5f;
  request.sampling.logit_bias = {{7, -100.f}};
  request.sampling.text_bias = {{"no", 2.f}};
  request.context = {4, 5};
  request.return_tokens = true;
  request.max_tokens = 12;
  request.stop = {"\n\n"};
  request.prediction = "a weir";
  request.prompts = {{.tokens = {1, 2, 3}}};
  return request;
}

TEST(Archive, ARequestComesBackAsItWas) {
  const chat::GenerateRequest request = FullRequest();
  EXPECT_EQ(Decode<chat::GenerateRequest>(Encode(request)), request);
}

TEST(Archive, TextsToEmbedComeBackAsTheyWere) {
  const chat::EmbedRequest request = {.model = "m",
                                      .inputs = {{.text = "a"}, {.tokens = {1, 2}}},
                                      .ranks = true,
                                      .input_tokens_max = 9,
                                      .dimensions = 8,
                                      .keep_alive_ms = -1};
  EXPECT_EQ(Decode<chat::EmbedRequest>(Encode(request)), request);
}

TEST(Archive, EveryEventComesBackAsItWas) {
  const chat::Event events[] = {
      chat::Started{10, 4, {1, 2}}, chat::Progress{5, 10},
      chat::Delta{.choice = 1,
                  .text = "a",
                  .tool_calls = {{0, "id", "f", "{"}},
                  .logprobs = {{"a", -0.5f, {{"b", -1.f}}}},
                  .tokens = {7, 8}},
      chat::ChoiceDone{.choice = 1, .reason = chat::FinishReason::kLength},
      chat::Done{
          .usage = {.prompt_tokens = 10, .completion_tokens = 0, .rejected_prediction_tokens = 3}}};
  for (const chat::Event& event : events) {
    EXPECT_EQ(Decode<chat::Event>(Encode(event)), event);
  }
}

TEST(Archive, NoCutAndNoExcessIsTaken) {
  const std::string bytes = Encode(FullRequest());
  for (size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_FALSE(Decode<chat::GenerateRequest>(std::string_view(bytes).substr(0, length)));
  }
  EXPECT_FALSE(Decode<chat::GenerateRequest>(bytes + '\0'));
}

TEST(Archive, AnEnumerationOutOfRangeIsRefused) {
  std::string bytes = Encode(chat::Message{.role = chat::Role::kTool});
  bytes[0] = static_cast<char>(chat::kRoleCount);
  EXPECT_FALSE(Decode<chat::Message>(bytes));
}

TEST(Archive, ALyingCountAllocatesNothing) {
  const std::string four_billion("\xFF\xFF\xFF\xFF", 4);
  EXPECT_FALSE(Decode<std::vector<int32_t>>(four_billion));
  EXPECT_FALSE(Decode<std::vector<chat::Message>>(four_billion));
  EXPECT_FALSE(Decode<std::string>(four_billion));
}

TEST(FrameReader, GivesWholeFramesHoweverTheBytesArrive) {
  const std::string stream = EncodeFrame(66, 7, "hello") + EncodeFrame(7, 8, "");
  for (size_t step = 1; step <= stream.size(); ++step) {
    FrameReader reader;
    std::vector<Frame> frames;
    for (size_t at = 0; at < stream.size(); at += step) {
      reader.Append(std::string_view(stream).substr(at, step));
      for (;;) {
        auto next = reader.Next();
        ASSERT_TRUE(next.has_value());
        if (!*next) break;
        frames.push_back(std::move(**next));
      }
    }
    ASSERT_EQ(frames.size(), 2u);
    EXPECT_EQ(frames[0].body, "hello");
    EXPECT_EQ(frames[0].request, 7u);
    EXPECT_EQ(frames[1].kind, 7);
    EXPECT_FALSE(reader.InsideFrame());
  }
}

TEST(FrameReader, RefusesABodyOverTheLimitBeforeItArrives) {
  FrameReader reader(/*body_bytes_max=*/4);
  reader.Append(EncodeFrame(1, 1, "hello").substr(0, kFrameHeaderBytes));
  const auto next = reader.Next();
  ASSERT_FALSE(next.has_value());
  EXPECT_EQ(next.error().code, Code::kBackendFailed);
}

}  // namespace
}  // namespace weir::wire

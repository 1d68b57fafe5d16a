// What data cannot say: large inputs, bugs, and every code.
#include <gtest/gtest.h>

#include <bit>
#include <cstring>

#include "base/base64.h"
#include "dialects/openai/answer.h"
#include "dialects/openai/error.h"
#include "dialects/openai/lists.h"
#include "dialects/openai/request.h"
#include "json/parse.h"

namespace weir::openai {
namespace {

// `count` copies of `item` with commas between.
std::string Repeat(std::string_view item, size_t count) {
  std::string out;
  for (size_t i = 0; i < count; ++i) {
    if (i > 0) out += ',';
    out += item;
  }
  return out;
}

std::string ChatWith(std::string_view messages, std::string_view more = "") {
  return std::string(R"({"model":"m","messages":[)") + std::string(messages) + "]" +
         std::string(more) + "}";
}
constexpr std::string_view kHello = R"({"role":"user","content":"hello"})";

std::string ParamAndWords(const Result<GenerateCall>& call) {
  return call ? "accepted" : call.error().param + ": " + call.error().message;
}

TEST(ReadChat, HoldsTheCountsAndNamesThem) {
  EXPECT_TRUE(ReadChat(ChatWith(Repeat(kHello, 4096))));
  EXPECT_EQ(ParamAndWords(ReadChat(ChatWith(Repeat(kHello, 4097)))),
            "messages: messages has 4097 elements; the most is 4096");

  const std::string image =
      R"({"role":"user","content":[{"type":"image_url","image_url":{"url":"https://a.example/x.png"}}]})";
  EXPECT_TRUE(ReadChat(ChatWith(Repeat(image, 16))));
  EXPECT_EQ(ParamAndWords(ReadChat(ChatWith(Repeat(image, 17)))),
            "messages[16].content[0].image_url: messages[16].content[0].image_url is one image too "
            "many; the most in a "
            "request is 16");

  std::string tools;
  for (int i = 0; i < 129; ++i) {
    tools += std::string(i ? "," : "") + R"({"type":"function","function":{"name":"f)" +
             std::to_string(i) + "\"}}";
  }
  EXPECT_EQ(ParamAndWords(ReadChat(ChatWith(kHello, ",\"tools\":[" + tools + "]"))),
            "tools: tools has 129 elements; the most is 128");
  EXPECT_EQ(ParamAndWords(ReadChat(ChatWith(kHello, ",\"stop\":[" + Repeat("\"a\"", 17) + "]"))),
            "stop: stop has 17 elements; the most is 16");
  EXPECT_EQ(
      ParamAndWords(ReadChat(ChatWith(kHello, ",\"stop\":\"" + std::string(1025, 'a') + "\""))),
      "stop: stop has 1025 bytes; the most is 1024");
  const std::string deep = std::string(200, '[') + std::string(200, ']');
  EXPECT_NE(ParamAndWords(ReadChat(ChatWith(kHello, ",\"x\":" + deep))).find("deeper than 128"),
            std::string::npos);
}

TEST(ReadChat, TheOperatorSetsHowManyChoicesThereAre) {
  EXPECT_FALSE(ReadChat(ChatWith(kHello, ",\"n\":9")));
  EXPECT_EQ(ReadChat(ChatWith(kHello, ",\"n\":128"), {.choices_max = 128})->request.n, 128);
  EXPECT_FALSE(ReadChat(ChatWith(kHello, ",\"n\":129"), {.choices_max = 128}));
}

TEST(ReadChat, ErrorsNeverHoldTheText) {
  for (const std::string& body : {ChatWith(R"({"role":"user","content":"SECRET","zzz":1})"),
                                  ChatWith(R"({"role":"SECRET","content":""})"),
                                  ChatWith(R"({"role":"user","content":{"a":"SECRET"}})"),
                                  ChatWith(R"({"role":"user","content":"SECRET)"),
                                  ChatWith(kHello, R"(,"tool_choice":"SECRET")"),
                                  ChatWith(kHello, R"(,"temperature":"SECRET")")}) {
    const auto call = ReadChat(body);
    ASSERT_FALSE(call);
    EXPECT_EQ(call.error().message.find("SECRET"), std::string::npos) << call.error().message;
  }
}

TEST(ReadCompletion, ChoicesOfAllPromptsTogetherAreBounded) {
  const std::string prompts = "\"prompt\":[" + Repeat("\"a\"", 17) + "]";
  EXPECT_TRUE(ReadCompletion("{\"model\":\"m\"," + prompts + ",\"n\":7}"));
  EXPECT_EQ(ParamAndWords(ReadCompletion("{\"model\":\"m\"," + prompts + ",\"n\":8}")),
            "n: n times the prompts is 136 choices; the most is 128");
}

TEST(ReadEmbeddings, InputsAndTokensAreBounded) {
  const std::string tokens = "[" + Repeat("1", 150'001) + "]";
  const auto call = ReadEmbeddings("{\"model\":\"m\",\"input\":[" + tokens + "," + tokens + "]}");
  ASSERT_FALSE(call);
  EXPECT_EQ(call.error().message, "input has 300002 token ids in all; the most is 300000");
  const auto many = ReadEmbeddings("{\"model\":\"m\",\"input\":[" + Repeat("\"a\"", 2049) + "]}");
  ASSERT_FALSE(many);
  EXPECT_EQ(many.error().message, "input has 2049 elements; the most is 2048");
}

TEST(RenderError, EveryCodeHasATypeAndAFilledCode) {
  for (int i = 0; i < kCodeCount; ++i) {
    const auto body = json::Parse(RenderError({static_cast<Code>(i), "words"}));
    ASSERT_TRUE(body);
    const json::Value& error = *body->Find("error");
    EXPECT_EQ(*error.Find("message")->AsString(), "words");
    EXPECT_TRUE(error.Find("type")->AsString()->ends_with("_error"));
    EXPECT_EQ(*error.Find("code")->AsString(), CodeName(static_cast<Code>(i)));
    EXPECT_TRUE(error.Find("param")->is_null());
  }
  EXPECT_EQ(
      RenderError({Code::kNotFound, "no model \"x\"", "model", "model_not_found"}),
      R"({"error":{"message":"no model \"x\"","type":"not_found_error","param":"model","code":"model_not_found"}})");
}

TEST(RenderEmbeddings, FloatsAndBase64CarryTheSameNumbers) {
  const chat::Embeddings embeddings = {.vectors = {{0.5f, -0.25f, 0.1f}},
                                       .usage = {.prompt_tokens = 7}};
  EXPECT_EQ(
      RenderEmbeddings(embeddings, "e", false),
      R"({"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.5,-0.25,0.1]}],)"
      R"("model":"e","usage":{"prompt_tokens":7,"total_tokens":7}})");
  const auto body = json::Parse(RenderEmbeddings(embeddings, "e", true, R"({"tier":"device"})"));
  ASSERT_TRUE(body);
  const auto bytes =
      DecodeBase64(*(*body->Find("data")->AsArray())[0].Find("embedding")->AsString());
  ASSERT_EQ(bytes->size(), 12u);
  float numbers[3];
  std::memcpy(numbers, bytes->data(), 12);
  EXPECT_EQ((std::vector<float>(numbers, numbers + 3)), embeddings.vectors[0]);
  EXPECT_EQ(*body->Find("weir")->Find("tier")->AsString(), "device");
}

TEST(RenderModels, ListsThem) {
  const ModelEntry models[] = {{.id = "fast", .created_s = 5}, {.id = "auto", .created_s = 6}};
  EXPECT_EQ(
      RenderModels(models),
      R"({"object":"list","data":[{"id":"fast","object":"model","created":5,"owned_by":"weir"},)"
      R"({"id":"auto","object":"model","created":6,"owned_by":"weir"}]})");
  EXPECT_EQ(RenderModel(models[0]),
            R"({"id":"fast","object":"model","created":5,"owned_by":"weir"})");
}

TEST(WholeAnswer, IsBounded) {
  WholeAnswer answer({}, {});
  const chat::Event piece = chat::Delta{.text = std::string(size_t{16} << 20, 'a')};
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(answer.Append(piece));
  const auto last = answer.Append(piece);
  ASSERT_FALSE(last);
  EXPECT_EQ(last.error().reason, "answer_too_large");
}

TEST(StreamEncoder, AnUnfinishedChoiceEndsInAnError) {
  StreamEncoder encoder({}, {.choices = 2});
  std::string out;
  ASSERT_TRUE(encoder.Append(chat::Delta{.text = "a"}, out));
  ASSERT_TRUE(encoder.Append(chat::ChoiceDone{.choice = 0}, out));
  ASSERT_TRUE(encoder.Append(chat::Done{}, out));
  encoder.End("", out);
  EXPECT_NE(out.find("backend_failed"), std::string::npos);
  EXPECT_EQ(out.find("[DONE]"), std::string::npos);
}

TEST(StreamEncoder, RefusesEventsThatBreakTheOrder) {
  const auto refuses = [](std::initializer_list<chat::Event> events) {
    StreamEncoder encoder({}, {.choices = 1});
    std::string out;
    bool refused = false;
    for (const chat::Event& event : events) {
      const auto accepted = encoder.Append(event, out);
      refused = !accepted && accepted.error().code == Code::kBackendFailed;
      if (refused) break;
    }
    return refused;
  };
  EXPECT_TRUE(refuses({chat::Delta{.choice = 1, .text = "a"}}));
  EXPECT_TRUE(refuses({chat::Delta{.choice = -1, .text = "a"}}));
  EXPECT_TRUE(refuses({chat::ChoiceDone{}, chat::Delta{.text = "a"}}));
  EXPECT_TRUE(refuses({chat::ChoiceDone{}, chat::ChoiceDone{}}));
  EXPECT_TRUE(refuses({chat::ChoiceDone{}, chat::Done{}, chat::Done{}}));
  EXPECT_TRUE(refuses({chat::Delta{.tool_calls = {{.index = 1, .id = "c", .name = "f"}}}}));
  EXPECT_TRUE(refuses({chat::Delta{.tool_calls = {{.index = 0, .id = "c"}}}}));
  EXPECT_FALSE(refuses({chat::Delta{.text = "a"}, chat::ChoiceDone{}, chat::Done{}}));
}

TEST(StreamEncoderDeathTest, NothingFollowsTheEnd) {
  StreamEncoder encoder({}, {});
  std::string out;
  encoder.Fail({Code::kInternal, "broken"}, out);
  EXPECT_DEATH((void)encoder.Append(chat::Delta{.text = "a"}, out), "after the end");
  EXPECT_DEATH(encoder.End("", out), "ends twice");
}

TEST(StreamEncoder, ProgressIsAComment) {
  std::string out;
  StreamEncoder::Progress({.processed_tokens = 512, .total_tokens = 3000}, out);
  EXPECT_EQ(out, ": progress 512/3000\n\n");
}

TEST(StreamEncoder, AHeartbeatIsAComment) {
  std::string out;
  StreamEncoder::Heartbeat(out);
  EXPECT_TRUE(out.starts_with(":"));
  EXPECT_TRUE(out.ends_with("\n\n"));
}

}  // namespace
}  // namespace weir::openai

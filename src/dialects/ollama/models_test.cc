#include "dialects/ollama/models.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::ollama {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::string kDigits(64, 'a');

TEST(Pull, TakesAModelUnderEitherName) {
  EXPECT_EQ(ReadPull(R"({"model":"a:b"})")->model, "a:b");
  EXPECT_EQ(ReadPull(R"({"name":"a"})")->model, "a");
  EXPECT_TRUE(ReadPull(R"({"model":"a","insecure":false,"username":"x"})")->stream);
  EXPECT_FALSE(ReadPull(R"({"model":"a","stream":false})")->stream);
}

TEST(Create, CarriesEveryWord) {
  const auto call = ReadCreate(R"({
    "model": "mine", "from": "small", "system": "Be brief.", "template": "{% for m in messages %}x{% endfor %}",
    "license": ["one", "two"], "renderer": "r", "stream": false,
    "parameters": {"temperature": 0.5, "stop": ["a", "b"], "num_gpu": 1, "seed": null},
    "messages": [{"role": "user", "content": "hi", "images": []}, {"role": "assistant", "content": "ho"}]})");
  ASSERT_TRUE(call) << call.error().message;
  EXPECT_EQ(call->model, "mine");
  EXPECT_FALSE(call->stream);
  EXPECT_EQ(call->file.from, "small");
  EXPECT_EQ(call->file.system, "Be brief.");
  EXPECT_THAT(call->file.chat_template, HasSubstr("messages"));
  EXPECT_EQ(call->file.licence, "one\ntwo");
  EXPECT_THAT(call->file.parameters, ElementsAre(models::Parameter{"temperature", "0.5"},
                                                 models::Parameter{"stop", R"(["a","b"])"}));
  EXPECT_THAT(call->file.turns,
              ElementsAre(models::Turn{"user", "hi"}, models::Turn{"assistant", "ho"}));
  EXPECT_THAT(call->file.notes, ElementsAre(HasSubstr("num_gpu"), HasSubstr("renderer")));
}

TEST(Create, TakesAFileByItsDigest) {
  const auto call =
      ReadCreate(R"({"model":"a","files":{"x.gguf":"sha256:)" + kDigits + R"("},"license":"MIT"})");
  ASSERT_TRUE(call) << call.error().message;
  EXPECT_THAT(call->files, testing::ElementsAre(kDigits));
  EXPECT_EQ(call->file.licence, "MIT");
}

TEST(Create, TakesAModelAndItsProjector) {
  const std::string other(64, 'b');
  const auto call = ReadCreate(R"({"model":"a","files":{"m.gguf":"sha256:)" + kDigits +
                               R"(","mmproj.gguf":"sha256:)" + other + R"("}})");
  ASSERT_TRUE(call) << call.error().message;
  EXPECT_THAT(call->files, testing::ElementsAre(kDigits, other));
}

struct Refusal {
  const char* body;
  const char* param;
  const char* words;
};

class CreateRefusals : public testing::TestWithParam<Refusal> {};

TEST_P(CreateRefusals, NameTheField) {
  const auto call = ReadCreate(GetParam().body);
  ASSERT_FALSE(call);
  EXPECT_EQ(call.error().param, GetParam().param) << call.error().message;
  EXPECT_THAT(call.error().message, HasSubstr(GetParam().words));
}

INSTANTIATE_TEST_SUITE_P(
    All, CreateRefusals,
    testing::Values(
        Refusal{R"({"from":"a"})", "model", "required"},
        Refusal{R"({"model":"a"})", "from", "either"},
        Refusal{R"({"model":"a","from":"b","adapters":{"x":"y"}})", "adapters", "not supported"},
        Refusal{R"({"model":"a","from":"b","adapters":{"x.gguf":"y"}})", "adapters", "64"},
        Refusal{R"({"model":"a","from":"b","quantize":"q4_K_M"})", "quantize", "quantisation"},
        Refusal{R"({"model":"a","modelfile":"FROM b"})", "modelfile", "older"},
        Refusal{R"({"model":"a","from":"b","template":"{{ .Prompt }}"})", "template", "Go's"},
        Refusal{R"({"model":"a","files":{"m.safetensors":"sha256:00"}})", "files", "GGUF"},
        Refusal{R"({"model":"a","files":{"a.gguf":"sha256:00"}})", "files", "64"},
        Refusal{R"({"model":"a","files":{"a.gguf":1,"b.gguf":2,"c.gguf":3}})", "files", "one GGUF"},
        Refusal{R"({"model":"a","from":"b","parameters":{"heat":1}})", "parameters.heat",
                "no such parameter"},
        Refusal{R"({"model":"a","from":"b","parameters":{"top_p":9}})", "parameters.top_p",
                "top_p"},
        Refusal{R"({"model":"a","from":"b","messages":[{"role":"tool","content":"x"}]})",
                "messages[0].role", "system"},
        Refusal{
            R"({"model":"a","from":"b","messages":[{"role":"user","content":"x","images":["a"]}]})",
            "messages[0].images", "words"}));

TEST(OtherCalls, WantTheirFields) {
  EXPECT_EQ(ReadCopy(R"({"source":"a","destination":"b"})")->destination, "b");
  EXPECT_EQ(ReadCopy(R"({"source":"a"})").error().param, "destination");
  EXPECT_EQ(*ReadDelete(R"({"name":"a"})"), "a");
  EXPECT_EQ(ReadDelete("{}").error().param, "model");
  EXPECT_EQ(ReadPull(R"({"model":"a","insecure":true})").error().param, "insecure");
}

TEST(Digest, IsSha256AndNothingElse) {
  EXPECT_EQ(*ReadDigest("sha256:" + kDigits), kDigits);
  EXPECT_EQ(*ReadDigest("sha256-" + kDigits), kDigits);
  for (const std::string& bad : {kDigits, "sha256:" + kDigits + "0", std::string("sha256:../../x"),
                                 "md5:" + kDigits, "sha256:" + std::string(64, 'A')}) {
    EXPECT_EQ(ReadDigest(bad).error().param, "digest") << bad;
  }
}

TEST(Lines, AreWhatClientsRead) {
  EXPECT_EQ(RenderStatus("success"), "{\"status\":\"success\"}\n");
  EXPECT_EQ(RenderProgress("x:y", kDigits, 9, 3),
            "{\"status\":\"pulling aaaaaaaaaaaa\",\"digest\":\"sha256:" + kDigits +
                "\",\"total\":9,\"completed\":3}\n");
  EXPECT_EQ(RenderProgress("x:y", "", 0, 0), "{\"status\":\"pulling x:y\",\"digest\":\"x:y\"}\n");
}

}  // namespace
}  // namespace weir::ollama

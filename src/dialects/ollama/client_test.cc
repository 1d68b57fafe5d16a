// Ollama's side towards clients, by data: testdata/{chat,generate}/<case>.json is a request and
// <case>.txt its canonical form; bad.json says what is refused, with which field and words;
// answers/<case>.{ndjson,json} are what a script of events becomes. WEIR_UPDATE_TESTDATA=1 writes
// the expected files; read the difference before you keep it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "chat/dump.h"
#include "dialects/ollama/answer.h"
#include "dialects/ollama/error.h"
#include "dialects/ollama/request.h"
#include "dialects/ollama/show.h"
#include "json/parse.h"
#include "json/testdata_for_test.h"
#include "json/writer.h"

namespace weir::ollama {
namespace {

namespace fs = std::filesystem;
using testdata::ExpectFile;
using testdata::ReadFile;

const fs::path kTestData = fs::path(WEIR_SOURCE_DIR) / "src/dialects/ollama/testdata";

Result<GenerateCall> Read(const std::string& route, std::string_view body) {
  return route == "chat" ? ReadChat(body) : ReadGenerate(body);
}

TEST(ShowTest, SizesAreWrittenAsOllamaWritesThem) {
  EXPECT_EQ(ParameterSize(0), "");
  EXPECT_EQ(ParameterSize(8), "8");
  EXPECT_EQ(ParameterSize(13'824), "14K");
  EXPECT_EQ(ParameterSize(134'515'008), "134.52M");
  EXPECT_EQ(ParameterSize(7'000'000'000), "7B");
  EXPECT_EQ(ParameterSize(1'235'814'432), "1.2B");
}

class Requests : public testing::TestWithParam<const char*> {};

TEST_P(Requests, MeanWhatTheCasesSay) {
  int cases = 0;
  for (const auto& entry : fs::directory_iterator(kTestData / GetParam())) {
    if (entry.path().extension() != ".json") continue;
    ++cases;
    const auto call = Read(GetParam(), ReadFile(entry.path()));
    ASSERT_TRUE(call) << entry.path() << ": " << call.error().message;
    ExpectFile(fs::path(entry.path()).replace_extension(".txt"),
               chat::Dump(call->request) + (call->stream ? "stream\n" : "") +
                   (call->only_load ? "only load\n" : ""));
  }
  EXPECT_GT(cases, 5);
}

INSTANTIATE_TEST_SUITE_P(Routes, Requests, testing::Values("chat", "generate"));

std::optional<Error> ErrorOf(const std::string& route, std::string_view body) {
  if (route == "embed" || route == "embeddings") {
    const auto read = route == "embed" ? ReadEmbed(body) : ReadEmbeddings(body);
    return read ? std::nullopt : std::optional(read.error());
  }
  const auto call = Read(route, body);
  return call ? std::nullopt : std::optional(call.error());
}

TEST(BadRequests, AreRefusedByNameAndLimit) {
  const auto rows = json::Parse(ReadFile(kTestData / "bad.json"));
  ASSERT_TRUE(rows);
  for (const json::Value& row : *rows->AsArray()) {
    const std::string& name = *row.Find("name")->AsString();
    const auto error = ErrorOf(*row.Find("route")->AsString(), json::Print(*row.Find("body")));
    if (!error) {
      ADD_FAILURE() << name << " was accepted";
      continue;
    }
    EXPECT_EQ(error->param, *row.Find("param")->AsString()) << name << ": " << error->message;
    EXPECT_NE(error->message.find(*row.Find("says")->AsString()), std::string::npos)
        << name << ": " << error->message;
    if (const json::Value* reason = row.Find("reason"))
      EXPECT_EQ(error->reason, *reason->AsString()) << name;
  }
  for (const char* route : {"chat", "generate", "embed", "embeddings"}) {
    EXPECT_TRUE(ErrorOf(route, "{"));
    EXPECT_TRUE(ErrorOf(route, "[]"));
  }
}

TEST(Embed, TakesOneTextOrMany) {
  EXPECT_EQ(ReadEmbed(R"({"model":"m","input":"a"})")->inputs.size(), 1u);
  const auto many = ReadEmbed(R"({"model":"m","input":["a","b"],"dimensions":8,"truncate":true})");
  ASSERT_TRUE(many);
  EXPECT_EQ(many->inputs.size(), 2u);
  EXPECT_EQ(many->dimensions, 8);
  EXPECT_EQ(many->input_tokens_max, chat::kModelInput);
  EXPECT_EQ(ReadEmbed(R"({"model":"m","input":"a"})")->input_tokens_max, chat::kModelInput);
  EXPECT_EQ(ReadEmbed(R"({"model":"m","input":"a","truncate":false})")->input_tokens_max,
            std::nullopt);
  EXPECT_EQ(ReadEmbeddings(R"({"model":"m","prompt":"a"})")->inputs[0].text, "a");
  EXPECT_EQ(ReadShow(R"({"name":"m"})"), "m");
  EXPECT_FALSE(ReadShow("{}"));
}

using Event = chat::Event;
using Reason = chat::FinishReason;

Event Call(int32_t index, std::string id, std::string name, std::string arguments) {
  chat::Delta delta;
  delta.tool_calls = {{index, std::move(id), std::move(name), std::move(arguments)}};
  return delta;
}
Event End(Reason reason) { return chat::ChoiceDone{.reason = reason}; }
const Event kDone = chat::Done{.usage = {.prompt_tokens = 12, .completion_tokens = 5},
                               .queue_ms = 1,
                               .prompt_ms = 2,
                               .decode_ms = 3.5};

struct Script {
  const char* name;
  bool chat;
  std::vector<Event> events;
};

const Script kScripts[] = {
    {"text",
     true,
     {chat::Started{}, chat::Delta{.text = "Grüße 🦀"}, chat::Delta{.text = "\n"},
      End(Reason::kStop), kDone}},
    {"generate",
     false,
     {chat::Delta{.reasoning = "Hm."}, chat::Delta{.text = "a"}, End(Reason::kLength), kDone}},
    {"context",
     false,
     {chat::Started{.prompt = {1, 4}}, chat::Delta{.text = "a", .tokens = {7}},
      chat::Delta{.tokens = {2}}, End(Reason::kStop), kDone}},
    {"calls",
     true,
     {chat::Delta{.text = "So:"}, Call(0, "c0", "a", "{\"x\""), Call(1, "c1", "b", "{"),
      Call(0, "", "", ":1}"), Call(1, "", "", "}"), End(Reason::kToolCalls), kDone}},
    {"logprobs",
     true,
     {chat::Delta{
          .text = "H",
          .logprobs = {{.bytes = "H", .logprob = -0.5f, .top = {{"H", -0.5f}, {"J", -2.0f}}},
                       {.bytes = "\xC3"}}},
      End(Reason::kStop), kDone}},
    {"usage_unknown", true, {chat::Delta{.text = "a"}, End(Reason::kStop), chat::Done{}}},
    {"never_ends", true, {chat::Delta{.text = "a"}}},
    {"text_after_the_end",
     true,
     {chat::Delta{.text = "a"}, End(Reason::kStop), chat::Delta{.text = "b"}}},
    {"a_call_that_was_skipped", true, {Call(1, "c", "x", "{}")}},
};

std::string Render(const Script& script, bool streams) {
  Encoder encoder({.model = "m", .created_at = "2026-01-01T00:00:00Z", .chat = script.chat},
                  streams);
  std::string out;
  Result<void> taken;
  for (const Event& event : script.events) {
    taken = encoder.Append(event, out);
    if (!taken) break;
  }
  if (taken) taken = encoder.End(R"({"decision":"d"})", out);
  if (!taken) encoder.Fail(taken.error(), out);
  return out;
}

TEST(Answers, ReadAsTheCasesSay) {
  for (const Script& script : kScripts) {
    const std::string stream = Render(script, true);
    ExpectFile(kTestData / "answers" / (std::string(script.name) + ".ndjson"), stream);
    ExpectFile(kTestData / "answers" / (std::string(script.name) + ".json"), Render(script, false));
    std::istringstream lines(stream);
    for (std::string line; std::getline(lines, line);)
      EXPECT_TRUE(json::Parse(line)) << script.name << ": " << line;
    // A stream that broke never looks like one that ended.
    const bool broke = stream.find("{\"error\":") != stream.npos;
    EXPECT_EQ(stream.find("\"done\":true") != stream.npos, !broke) << script.name;
  }
}

TEST(Answers, ASilentStreamGetsLinesThatAreJson) {
  const Encoder encoder({.model = "m", .created_at = "t"}, true);
  std::string out;
  encoder.Heartbeat(out);
  EXPECT_EQ(
      out,
      R"({"model":"m","created_at":"t","message":{"role":"assistant","content":""},"done":false})"
      "\n");
}

TEST(Lists, AreWhatClientsRead) {
  const ModelEntry model = {.name = "a:b",
                            .modified_at = "2026-01-01T00:00:00Z",
                            .size = 7,
                            .sha256 = "ff",
                            .family = "llama",
                            .parameters = 135'000'000,
                            .quantisation = "Q4_K_M",
                            .expires_at = "2026-01-02T00:00:00Z",
                            .context_tokens = 512};
  const std::string details =
      R"("details":{"parent_model":"","format":"gguf","family":"llama","families":["llama"],)"
      R"("parameter_size":"135M","quantization_level":"Q4_K_M"})";
  EXPECT_EQ(RenderTags({&model, 1}),
            R"({"models":[{"name":"a:b","model":"a:b","size":7,"digest":"ff",)" + details +
                R"(,"modified_at":"2026-01-01T00:00:00Z"}]})");
  EXPECT_EQ(RenderRunning({&model, 1}),
            R"({"models":[{"name":"a:b","model":"a:b","size":7,"digest":"ff",)" + details +
                R"(,"expires_at":"2026-01-02T00:00:00Z","size_vram":0,"context_length":512}]})");
  const gguf::Description file = {
      .info = {.licence = "mit", .parameters = 9, .chat_template = "{{ its }}"},
      .pairs = {{"general.architecture", "llama"},
                {"general.name", "A"},
                {"llama.context_length", uint64_t{512}},
                {"tokenizer.chat_template", "{{ its }}"},
                {"tokenizer.ggml.tokens", {}}}};
  EXPECT_EQ(RenderShow({.entry = model,
                        .capabilities = {"completion", "tools"},
                        .name = "a:b",
                        .manifest = {.system = "Be brief.",
                                     .parameters = {{"top_k", "7"}, {"stop", R"(["a","b"])"}},
                                     .turns = {{"user", "Hi"}}},
                        .file = file}),
            R"({"license":"mit","modelfile":"FROM a:b\nTEMPLATE \"\"\"{{ its }}\"\"\"\n)"
            R"(SYSTEM \"\"\"Be brief.\"\"\"\nPARAMETER top_k 7\nPARAMETER stop \"a\"\n)"
            R"(PARAMETER stop \"b\"\nMESSAGE user \"\"\"Hi\"\"\"\nLICENSE \"\"\"mit\"\"\"\n",)"
            R"("parameters":"top_k                          7\n)"
            R"(stop                           \"a\"\nstop                           \"b\"",)"
            R"("template":"{{ its }}","system":"Be brief.",)" +
                details +
                R"(,"messages":[{"role":"user","content":"Hi"}],)"
                R"("model_info":{"general.architecture":"llama","llama.context_length":512,)"
                R"("tokenizer.ggml.tokens":null,"general.parameter_count":9},)"
                R"("capabilities":["completion","tools"],"modified_at":"2026-01-01T00:00:00Z"})");
  EXPECT_THAT(RenderShow({.entry = model}),
              testing::HasSubstr(R"("modelfile":"","parameters":"")"));
  EXPECT_EQ(RenderTags({}), R"({"models":[]})");
}

TEST(Errors, AreSentencesWithOurWords) {
  EXPECT_EQ(RenderError({Code::kNotFound, "no such model", "model", "model_not_found"}),
            R"({"error":"no such model","code":"model_not_found","param":"model"})");
}

TEST(Errors, NameTheFieldAsTheClientWroteIt) {
  EXPECT_EQ(FieldOf("response_format.json_schema.schema/not"), "format/not");
  EXPECT_EQ(FieldOf("response_format"), "format");
  EXPECT_EQ(FieldOf("max_tokens"), "options.num_predict");
  EXPECT_EQ(FieldOf("messages[0].content[1]"), "messages[0].content[1]");
  EXPECT_EQ(FieldOfGenerate("messages"), "prompt");
  EXPECT_EQ(FieldOfGenerate("messages[1].content[0]"), "prompt");
  EXPECT_EQ(FieldOfGenerate("messages[1].content[2]"), "images");
  EXPECT_EQ(FieldOfGenerate("max_tokens"), "max_tokens");
}

}  // namespace
}  // namespace weir::ollama

// The cases of testdata/, which need no C++:
//
//   <route>/<case>/request.json      what a client sends to <route> (chat, completion, embeddings)
//   <route>/<case>/canonical.txt     what it means (chat/dump.h)
//   <route>/<case>/events.json       what a model answers (script_for_test.h), with
//   <route>/<case>/stream.txt        the server-sent events and
//   <route>/<case>/answer.json       the whole object that the client gets
//   bad/<route>.json                 what is refused, with which field and words
//
// WEIR_UPDATE_TESTDATA=1 writes the expected files from what the code gives; read the difference
// before you keep it.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "chat/dump.h"
#include "dialects/openai/answer.h"
#include "dialects/openai/error.h"
#include "dialects/openai/request.h"
#include "dialects/openai/script_for_test.h"
#include "json/parse.h"
#include "json/testdata_for_test.h"
#include "json/writer.h"

namespace weir::openai {
namespace {

namespace fs = std::filesystem;
using testdata::ExpectFile;
using testdata::ParseFile;
using testdata::ReadFile;

const fs::path kTestData = fs::path(WEIR_SOURCE_DIR) / "src/dialects/openai/testdata";

// The folders of a route that hold `file`, sorted.
std::set<fs::path> Cases(const std::string& route, const std::string& file) {
  std::set<fs::path> cases;
  for (const auto& entry : fs::directory_iterator(kTestData / route)) {
    if (fs::exists(entry.path() / file)) cases.insert(entry.path());
  }
  EXPECT_FALSE(cases.empty());
  return cases;
}

Result<GenerateCall> ReadGenerate(const std::string& route, std::string_view body) {
  return route == "chat" ? ReadChat(body) : ReadCompletion(body);
}

std::string DumpCall(const GenerateCall& call) {
  std::string out = chat::Dump(call.request);
  if (call.stream) out += "stream\n";
  if (call.include_usage) out += "include_usage\n";
  if (call.legacy_functions) out += "legacy_functions\n";
  return out;
}

std::string StreamOf(const Script& script, const AnswerHead& head, const AnswerForm& form) {
  StreamEncoder encoder(head, form);
  std::string out;
  for (const auto& step : script.steps) {
    if (const auto* error = std::get_if<Error>(&step)) {
      encoder.Fail(*error, out);
      return out;
    }
    if (const auto accepted = encoder.Append(std::get<chat::Event>(step), out); !accepted) {
      encoder.Fail(accepted.error(), out);
      return out;
    }
  }
  encoder.End(script.weir, out);
  return out;
}

std::string AnswerOf(const Script& script, const AnswerHead& head, const AnswerForm& form) {
  WholeAnswer answer(head, form);
  for (const auto& step : script.steps) {
    if (const auto* error = std::get_if<Error>(&step)) return RenderError(*error);
    const auto accepted = answer.Append(std::get<chat::Event>(step));
    if (!accepted) return RenderError(accepted.error());
  }
  const auto body = answer.End(script.weir);
  return body ? *body : RenderError(body.error());
}

class Generate : public testing::TestWithParam<const char*> {};

TEST_P(Generate, RequestsMeanWhatTheCasesSay) {
  for (const fs::path& folder : Cases(GetParam(), "request.json")) {
    const auto call = ReadGenerate(GetParam(), ReadFile(folder / "request.json"));
    ASSERT_TRUE(call) << folder << ": " << call.error().message;
    ExpectFile(folder / "canonical.txt", DumpCall(*call));
  }
}

TEST_P(Generate, AnswersReadAsTheCasesSay) {
  for (const fs::path& folder : Cases(GetParam(), "events.json")) {
    const auto call = ReadGenerate(GetParam(), ReadFile(folder / "request.json"));
    ASSERT_TRUE(call) << folder << ": " << call.error().message;
    const Script script = ReadScript(ParseFile(folder / "events.json"));
    const AnswerHead head = {
        .id = "answer-1", .created_s = 1700000000, .model = call->request.model};
    ExpectFile(folder / "stream.txt", StreamOf(script, head, FormOf(*call)));
    const std::string answer = AnswerOf(script, head, FormOf(*call));
    EXPECT_TRUE(json::Parse(answer)) << folder;
    ExpectFile(folder / "answer.json", answer + "\n");
  }
}

// Only a stream that ended says [DONE], and nothing follows an error.
TEST_P(Generate, AStreamThatBrokeNeverLooksLikeOneThatEnded) {
  for (const fs::path& folder : Cases(GetParam(), "events.json")) {
    const std::string stream = ReadFile(folder / "stream.txt");
    const bool failed = stream.find("data: {\"error\":") != stream.npos;
    EXPECT_EQ(stream.ends_with("data: [DONE]\n\n"), !failed) << folder;
    EXPECT_EQ(stream.find("[DONE]") != stream.npos, !failed) << folder;
  }
}

INSTANTIATE_TEST_SUITE_P(Routes, Generate, testing::Values("chat", "completion"));

TEST(Embeddings, RequestsMeanWhatTheCasesSay) {
  for (const fs::path& folder : Cases("embeddings", "request.json")) {
    const auto call = ReadEmbeddings(ReadFile(folder / "request.json"));
    ASSERT_TRUE(call) << folder << ": " << call.error().message;
    ExpectFile(folder / "canonical.txt",
               chat::Dump(call->request) + (call->base64 ? "base64\n" : ""));
  }
}

class Bad : public testing::TestWithParam<const char*> {};

std::optional<Error> ErrorOf(const std::string& route, std::string_view body) {
  if (route == "embeddings") {
    const auto call = ReadEmbeddings(body);
    return call ? std::nullopt : std::optional(call.error());
  }
  const auto call = ReadGenerate(route, body);
  return call ? std::nullopt : std::optional(call.error());
}

// Each row: {"name", "body" or "text", "param", "says": a piece of the message, "reason" and "code"
// where not the usual}.
TEST_P(Bad, InputIsRefusedByNameAndLimit) {
  const json::Value rows = ParseFile(kTestData / "bad" / (std::string(GetParam()) + ".json"));
  ASSERT_NE(rows.AsArray(), nullptr);
  for (const json::Value& row : *rows.AsArray()) {
    const std::string& name = *row.Find("name")->AsString();
    const json::Value* text = row.Find("text");
    const auto error =
        ErrorOf(GetParam(), text ? *text->AsString() : json::Print(*row.Find("body")));
    if (!error) {
      ADD_FAILURE() << name << " was accepted";
      continue;
    }
    const json::Value* code = row.Find("code");
    EXPECT_EQ(CodeName(error->code), code ? *code->AsString() : "invalid_argument") << name;
    EXPECT_EQ(error->param, *row.Find("param")->AsString()) << name << ": " << error->message;
    EXPECT_NE(error->message.find(*row.Find("says")->AsString()), std::string::npos)
        << name << ": " << error->message;
    if (const json::Value* reason = row.Find("reason"))
      EXPECT_EQ(error->reason, *reason->AsString()) << name;
  }
}

INSTANTIATE_TEST_SUITE_P(Routes, Bad, testing::Values("chat", "completion", "embeddings"));

}  // namespace
}  // namespace weir::openai

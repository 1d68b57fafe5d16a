// llama-server's own routes, by data:
//
//   testdata/completion/<case>.json, infill/<case>.json   requests, and in .txt what they mean
//   testdata/bad.json                what is refused, on which route, with which field and words
//   testdata/answers/<case>.json     {"request", "events" (openai/script_for_test.h), "weir"}, with
//   <case>.sse and <case>.whole      what the client gets as a stream, and whole
//
// WEIR_UPDATE_TESTDATA=1 writes the expected files from what the code gives; read the difference
// before you keep it.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "chat/dump.h"
#include "dialects/llamacpp/answer.h"
#include "dialects/llamacpp/error.h"
#include "dialects/llamacpp/request.h"
#include "dialects/openai/error.h"
#include "dialects/openai/script_for_test.h"
#include "json/parse.h"
#include "json/testdata_for_test.h"
#include "json/writer.h"

namespace weir::llamacpp {
namespace {

namespace fs = std::filesystem;
using testdata::ExpectFile;
using testdata::ParseFile;
using testdata::ReadFile;

const fs::path kTestData = fs::path(WEIR_SOURCE_DIR) / "src/dialects/llamacpp/testdata";

Result<CompletionCall> Read(std::string_view route, std::string_view body) {
  return route == "infill" ? ReadInfill(body) : ReadCompletion(body);
}

std::string DumpCall(const CompletionCall& call) {
  const CompletionForm& form = call.form;
  std::string out = chat::Dump(call.request);
  if (form.stream) out += "stream\n";
  if (form.only_prompt) out += "only the prompt\n";
  if (form.timings_per_token) out += "timings per token\n";
  if (form.progress) out += "progress\n";
  if (form.probabilities) out += "probabilities\n";
  if (form.indent_min > 0) out += "indent: " + std::to_string(form.indent_min) + "\n";
  for (const std::string& field : form.fields) out += "field: " + field + "\n";
  return out + "settings: " + form.settings_json + "\n";
}

class Requests : public testing::TestWithParam<const char*> {};

TEST_P(Requests, MeanWhatTheCasesSay) {
  int cases = 0;
  for (const auto& entry : fs::directory_iterator(kTestData / GetParam())) {
    if (entry.path().extension() != ".json") continue;
    ++cases;
    const auto call = Read(GetParam(), ReadFile(entry.path()));
    ASSERT_TRUE(call) << entry.path() << ": " << call.error().message;
    ExpectFile(fs::path(entry.path()).replace_extension(".txt"), DumpCall(*call));
  }
  EXPECT_GT(cases, 1);
}

INSTANTIATE_TEST_SUITE_P(Routes, Requests, testing::Values("completion", "infill"));

std::optional<Error> ErrorOf(const std::string& route, std::string_view body) {
  if (route == "apply-template") {
    const auto call = ReadApplyTemplate(body);
    return call ? std::nullopt : std::optional(call.error());
  }
  const auto call = Read(route, body);
  return call ? std::nullopt : std::optional(call.error());
}

TEST(Errors, NameTheFieldAsTheClientWroteIt) {
  EXPECT_EQ(FieldOf("response_format.json_schema.schema/not"), "json_schema/not");
  EXPECT_EQ(FieldOf("response_format/not"), "json_schema/not");
  EXPECT_EQ(FieldOf("max_tokens"), "n_predict");
  EXPECT_EQ(FieldOf("logprobs"), "n_probs");
  EXPECT_EQ(FieldOf("prompt"), "prompt");
}

TEST(Tokens, AreNumbersOrWhatTheyStandFor) {
  EXPECT_EQ(RenderTokens({.tokens = {1, 2}}), R"({"tokens":[1,2]})");
  EXPECT_EQ(RenderTokens({.tokens = {1, 2}, .pieces = {" a", "\xC3"}}),
            R"({"tokens":[{"id":1,"piece":" a"},{"id":2,"piece":[195]}]})");
}

TEST(Template, IsOfAWholeChat) {
  const auto asked = ReadApplyTemplate(
      R"({"messages":[{"role":"user","content":"a"}],"chat_template_kwargs":{"x":1}})");
  ASSERT_TRUE(asked) << asked.error().message;
  EXPECT_EQ(asked->model, "auto");
  EXPECT_EQ(asked->template_arguments.at("x"), "1");
}

TEST(Bad, InputIsRefusedByNameAndLimit) {
  const json::Value rows = ParseFile(kTestData / "bad.json");
  ASSERT_NE(rows.AsArray(), nullptr);
  for (const json::Value& row : *rows.AsArray()) {
    const std::string& name = *row.Find("name")->AsString();
    const json::Value* text = row.Find("text");
    const auto error = ErrorOf(*row.Find("route")->AsString(),
                               text ? *text->AsString() : json::Print(*row.Find("body")));
    if (!error) {
      ADD_FAILURE() << name << " was accepted";
      continue;
    }
    EXPECT_EQ(error->param, *row.Find("param")->AsString()) << name << ": " << error->message;
    EXPECT_NE(error->message.find(*row.Find("says")->AsString()), std::string::npos)
        << name << ": " << error->message;
    if (const json::Value* reason = row.Find("reason")) {
      EXPECT_EQ(error->reason, *reason->AsString()) << name;
    }
  }
}

// The nearest files come last, so the last that fit are read.
TEST(Infill, ReadsTheLastFilesThatFit) {
  const auto files = [](size_t far_bytes) {
    const std::string far(far_bytes, 'f');
    const auto call =
        ReadInfill(R"({"input_prefix":"p","input_suffix":"s","prompt":"m","input_extra":[)"
                   R"({"text":")" +
                   far + R"("},{"filename":"n.h","text":"near"}]})");
    EXPECT_TRUE(call) << call.error().message;
    EXPECT_EQ(call->request.prompts[0].text, "pm");
    return call->request.files;
  };
  const chat::ContextFile near{"n.h", "near"};
  EXPECT_EQ(files(3), (std::vector<chat::ContextFile>{{"", "fff"}, near}));
  const size_t room = (size_t{32} << 10) - near.name.size() - near.text.size();
  EXPECT_EQ(files(room).size(), 2u);
  EXPECT_EQ(files(room + 1), std::vector<chat::ContextFile>{near});
}

TEST(ApplyTemplate, TakesAChatAndItsTools) {
  const auto call = ReadApplyTemplate(
      R"({"messages":[{"role":"user","content":"a"}],"tools":[{"type":"function","function":)"
      R"({"name":"f"}}]})");
  ASSERT_TRUE(call) << call.error().message;
  EXPECT_EQ(call->model, "auto");
  EXPECT_EQ(call->messages.size(), 1u);
  EXPECT_EQ(call->tools.size(), 1u);
}

std::string AnswerOf(const CompletionForm& form, const openai::Script& script) {
  Encoder encoder("m", form);
  std::string out;
  Result<void> taken;
  for (const auto& step : script.steps) {
    if (const auto* error = std::get_if<Error>(&step)) {
      taken = Fail(*error);
    } else if (const auto& event = std::get<chat::Event>(step);
               std::holds_alternative<chat::Progress>(event)) {
      encoder.Progress(std::get<chat::Progress>(event), out);
    } else {
      taken = encoder.Append(event, out);
    }
    if (!taken) break;
  }
  if (taken) taken = encoder.End(script.weir, out);
  if (!taken && form.stream) encoder.Fail(taken.error(), out);
  if (!taken && !form.stream) out = openai::RenderError(taken.error());
  return out;
}

TEST(Answers, ReadAsTheCasesSay) {
  int cases = 0;
  for (const auto& entry : fs::directory_iterator(kTestData / "answers")) {
    if (entry.path().extension() != ".json") continue;
    ++cases;
    const json::Value document = ParseFile(entry.path());
    auto call = ReadCompletion(json::Print(*document.Find("request")));
    ASSERT_TRUE(call) << entry.path() << ": " << call.error().message;
    json::Object rest = *document.AsObject();
    std::erase_if(rest, [](const json::Member& member) { return member.key == "request"; });
    const openai::Script script = openai::ReadScript(rest);
    call->form.stream = true;
    const std::string stream = AnswerOf(call->form, script);
    ExpectFile(fs::path(entry.path()).replace_extension(".sse"), stream);
    // A stream that broke never looks like one that ended.
    const bool failed = stream.contains("data: {\"error\":");
    EXPECT_EQ(stream.contains("\"stop\":true") || !call->form.fields.empty(),
              !failed || !call->form.fields.empty())
        << entry.path();
    call->form.stream = false;
    const std::string whole = AnswerOf(call->form, script);
    EXPECT_TRUE(json::Parse(whole)) << entry.path();
    ExpectFile(fs::path(entry.path()).replace_extension(".whole"), whole + "\n");
  }
  EXPECT_GT(cases, 6);
}

// However the text is cut into pieces, the same of it is shown.
TEST(IndentBound, EndsAtTheFirstLineThatIsIndentedLess) {
  const std::string text = "x = 1\n    y = 2\n\n    \tz\n  out\n    back";
  for (size_t first = 0; first <= text.size(); ++first) {
    for (size_t second = first; second <= text.size(); ++second) {
      IndentBound bound(4);
      std::string shown = bound.Admit(text.substr(0, first));
      shown += bound.Admit(text.substr(first, second - first));
      shown += bound.Admit(text.substr(second));
      shown += bound.Rest();
      ASSERT_EQ(shown, "x = 1\n    y = 2\n\n    \tz\n") << first << " " << second;
      ASSERT_TRUE(bound.ended());
    }
  }
  IndentBound none(0);
  EXPECT_EQ(none.Admit(text), text);
  IndentBound open(2);
  EXPECT_EQ(open.Admit("a\n "), "a\n");
  EXPECT_EQ(open.Rest(), " ");
  EXPECT_FALSE(open.ended());
}

}  // namespace
}  // namespace weir::llamacpp

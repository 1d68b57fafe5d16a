// OpenAI's Responses API, by data:
//
//   testdata/create/<case>.json      a request, and what is kept here: {"request", "earlier",
//                                    "referenced"}
//   testdata/create/<case>.txt       what it means (chat/dump.h)
//   testdata/create/<case>.items     its items, as they are kept and listed
//   testdata/answers/<case>/events.json   what a model answers (openai/script_for_test.h), with
//                                    "request" where the answer depends on it,
//   testdata/answers/<case>/stream.txt    the server-sent events and
//   testdata/answers/<case>/answer.json   the whole object that the client gets
//   testdata/bad.json                what is refused, with which field and words
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
#include "dialects/openai/script_for_test.h"
#include "dialects/responses/answer.h"
#include "dialects/responses/error.h"
#include "dialects/responses/request.h"
#include "json/parse.h"
#include "json/testdata_for_test.h"
#include "json/writer.h"

namespace weir::responses {
namespace {

namespace fs = std::filesystem;
using testdata::ExpectFile;
using testdata::ParseFile;
using testdata::ReadFile;

const fs::path kTestData = fs::path(WEIR_SOURCE_DIR) / "src/dialects/responses/testdata";
constexpr std::string_view kHello = R"({"model":"m","input":"Hello"})";

// Reads a request with what is kept here beside it; `references` are the ids that it refers to.
Result<CreateCall> ReadCase(const json::Value& document,
                            std::vector<std::string>* references = nullptr) {
  const json::Value* text = document.Find("text");
  auto call =
      ReadCreate(text != nullptr ? *text->AsString() : json::Print(*document.Find("request")));
  if (!call) return call;
  std::vector<std::string> earlier;
  if (const json::Value* items = document.Find("earlier")) {
    for (const json::Value& item : *items->AsArray()) earlier.push_back(json::Print(item));
  }
  Referenced referenced;
  if (const json::Value* items = document.Find("referenced")) {
    for (const json::Member& item : *items->AsObject())
      referenced[item.key] = json::Print(item.value);
  }
  if (references != nullptr) *references = ReferencesOf(*call);
  if (auto conversed = Converse(*call, earlier, referenced, "base"); !conversed)
    return Fail(conversed.error());
  return call;
}

std::string DumpCall(const CreateCall& call, const std::vector<std::string>& references) {
  std::string out = chat::Dump(call.request);
  if (call.stream) out += "stream\n";
  if (call.logprobs) out += "include logprobs\n";
  out += call.echo.store ? "store\n" : "do not store\n";
  if (!call.echo.previous_id.empty()) out += "after " + call.echo.previous_id + "\n";
  for (const std::string& id : references) out += "refers to " + id + "\n";
  return out;
}

TEST(Requests, MeanWhatTheCasesSay) {
  int cases = 0;
  for (const auto& entry : fs::directory_iterator(kTestData / "create")) {
    if (entry.path().extension() != ".json") continue;
    ++cases;
    std::vector<std::string> references;
    const auto call = ReadCase(ParseFile(entry.path()), &references);
    ASSERT_TRUE(call) << entry.path() << ": " << call.error().message;
    ExpectFile(fs::path(entry.path()).replace_extension(".txt"), DumpCall(*call, references));
    ExpectFile(fs::path(entry.path()).replace_extension(".items"),
               RenderItems({.items = call->items}) + "\n");
  }
  EXPECT_GT(cases, 10);
}

// What is kept is read again at the next turn, and must say the same.
TEST(Requests, KeptItemsMeanWhatTheyMeantBefore) {
  for (const auto& entry : fs::directory_iterator(kTestData / "create")) {
    if (entry.path().extension() != ".json") continue;
    const json::Value document = ParseFile(entry.path());
    if (document.Find("earlier") != nullptr) continue;
    const auto first = ReadCase(document);
    ASSERT_TRUE(first) << entry.path();
    std::vector<std::string> earlier;
    for (const KeptItem& item : first->items) earlier.push_back(item.json);
    auto next = ReadCreate(kHello);
    ASSERT_TRUE(next && Converse(*next, earlier, {}, "next")) << entry.path();
    std::vector<chat::Message> before = first->request.messages;
    if (first->has_instructions) before.erase(before.begin());
    next->request.messages.pop_back();
    // Images say "auto" where they said nothing.
    for (auto* messages : {&before, &next->request.messages}) {
      for (chat::Message& message : *messages) {
        for (chat::Part& part : message.parts) {
          if (part.detail == "auto") part.detail.clear();
        }
      }
    }
    EXPECT_EQ(next->request.messages, before) << entry.path();
  }
}

TEST(Requests, ThatAreWrongAreRefusedByNameAndLimit) {
  const json::Value rows = ParseFile(kTestData / "bad.json");
  ASSERT_NE(rows.AsArray(), nullptr);
  for (const json::Value& row : *rows.AsArray()) {
    const std::string& name = *row.Find("name")->AsString();
    const auto call = ReadCase(row);
    if (call) {
      ADD_FAILURE() << name << " was accepted";
      continue;
    }
    const Error& error = call.error();
    const json::Value* code = row.Find("code");
    EXPECT_EQ(CodeName(error.code), code ? *code->AsString() : "invalid_argument") << name;
    EXPECT_EQ(error.param, *row.Find("param")->AsString()) << name << ": " << error.message;
    EXPECT_NE(error.message.find(*row.Find("says")->AsString()), std::string::npos)
        << name << ": " << error.message;
    if (const json::Value* reason = row.Find("reason")) {
      EXPECT_EQ(error.reason, *reason->AsString()) << name;
    }
  }
}

std::string Items(size_t count) {
  std::string out = R"({"model":"m","input":[)";
  for (size_t i = 0; i < count; ++i) {
    if (i > 0) out += ',';
    out += R"({"role":"user","content":"a"})";
  }
  return out + "]}";
}

TEST(Requests, HaveBounds) {
  EXPECT_TRUE(ReadCreate(Items(kItemsMax)));
  const auto many = ReadCreate(Items(kItemsMax + 1));
  ASSERT_FALSE(many);
  EXPECT_EQ(many.error().param, "input");
  auto call = ReadCreate(kHello);
  const std::vector<std::string> earlier(kConversationItemsMax, R"({"role":"user","content":"a"})");
  const auto long_one = Converse(*call, earlier, {}, "b");
  ASSERT_FALSE(long_one);
  EXPECT_EQ(long_one.error().param, "input");
}

TEST(InputTokens, TakeWhatAsksAndNotWhatAnswers) {
  EXPECT_TRUE(ReadInputTokens(R"({"model":"m","input":"a","instructions":"b"})"));
  const auto refused = ReadInputTokens(R"({"model":"m","input":"a","temperature":1})");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().param, "temperature");
}

AnswerHead Head() { return {.id = "resp_base", .created_s = 1700000000, .model = "m"}; }

Result<void> Feed(Encoder& encoder, const openai::Script& script, std::string& out) {
  for (const auto& step : script.steps) {
    if (const auto* error = std::get_if<Error>(&step)) return Fail(*error);
    auto taken = encoder.Append(std::get<chat::Event>(step), out);
    if (!taken) return taken;
  }
  return {};
}

std::set<fs::path> Answers() {
  std::set<fs::path> folders;
  for (const auto& entry : fs::directory_iterator(kTestData / "answers"))
    folders.insert(entry.path());
  EXPECT_GT(folders.size(), 8u);
  return folders;
}

Result<CreateCall> CallOf(const json::Value& document) {
  const json::Value* request = document.Find("request");
  return ReadCreate(request == nullptr ? std::string(kHello) : json::Print(*request));
}

openai::Script ScriptOf(const json::Value& document) {
  json::Object script = *document.AsObject();
  std::erase_if(script, [](const json::Member& member) { return member.key == "request"; });
  return openai::ReadScript(script);
}

TEST(Answers, StreamAsTheCasesSay) {
  for (const fs::path& folder : Answers()) {
    const json::Value document = ParseFile(folder / "events.json");
    const auto call = CallOf(document);
    ASSERT_TRUE(call) << folder;
    const openai::Script script = ScriptOf(document);
    Encoder encoder(Head(), call->echo, {.stream = true, .logprobs = call->logprobs});
    std::string out;
    Result<void> fed = Feed(encoder, script, out);
    Result<std::string> object = fed ? encoder.Object(script.weir, 1700000001, call->echo.store)
                                     : Result<std::string>(Fail(fed.error()));
    if (object) {
      encoder.End(*object, out);
    } else {
      encoder.Fail(object.error(), out);
    }
    ExpectFile(folder / "stream.txt", out);
    // A stream that broke never looks like one that ended.
    const bool ended =
        out.contains("event: response.completed\n") || out.contains("event: response.incomplete\n");
    EXPECT_EQ(ended, object.has_value()) << folder;
    EXPECT_EQ(out.contains("event: response.failed\n"), !object) << folder;
  }
}

TEST(Answers, ComeWholeAsTheCasesSay) {
  for (const fs::path& folder : Answers()) {
    const json::Value document = ParseFile(folder / "events.json");
    const auto call = CallOf(document);
    ASSERT_TRUE(call) << folder;
    const openai::Script script = ScriptOf(document);
    Encoder encoder(Head(), call->echo, {.logprobs = call->logprobs});
    std::string out;
    Result<void> fed = Feed(encoder, script, out);
    EXPECT_EQ(out, "") << folder;
    const Result<std::string> object =
        fed ? encoder.Object(script.weir, 1700000001, call->echo.store)
            : Result<std::string>(Fail(fed.error()));
    if (object) encoder.End(*object, out);
    const std::string text = object ? out : RenderError(object.error());
    EXPECT_TRUE(json::Parse(text)) << folder;
    ExpectFile(folder / "answer.json", text + "\n");
  }
}

// What an answer adds to its conversation can be gone on from: every item is read back.
TEST(Answers, AreReadBackAsTheConversationGoesOn) {
  for (const fs::path& folder : Answers()) {
    const json::Value document = ParseFile(folder / "events.json");
    Encoder encoder(Head(), {}, {});
    std::string out;
    const openai::Script script = ScriptOf(document);
    if (!Feed(encoder, script, out) || !encoder.Object({}, 0, true)) continue;
    std::vector<std::string> earlier;
    for (const KeptItem& item : encoder.Items()) earlier.push_back(item.json);
    auto next = ReadCreate(kHello);
    const auto conversed = Converse(*next, earlier, {}, "next");
    ASSERT_TRUE(conversed) << folder << ": " << conversed.error().message;
    EXPECT_GE(next->request.messages.size(), earlier.empty() ? 1u : 2u) << folder;
  }
}

TEST(Answers, ASilentStreamIsKeptOpenAfterItsStart) {
  Encoder encoder(Head(), {}, {.stream = true});
  std::string out;
  encoder.Heartbeat(out);
  EXPECT_LT(out.find("event: response.in_progress"), out.find(": waiting\n\n"));
  std::string again;
  encoder.Heartbeat(again);
  EXPECT_EQ(again, ": waiting\n\n");
  encoder.Progress({.processed_tokens = 512, .total_tokens = 3000}, again);
  EXPECT_TRUE(again.ends_with("\n\n: progress 512/3000\n\n"));
}

TEST(Answers, AreBounded) {
  Encoder encoder(Head(), {}, {});
  const chat::Event piece = chat::Delta{.text = std::string(size_t{8} << 20, 'a')};
  std::string out;
  for (int i = 0; i < 8; ++i) ASSERT_TRUE(encoder.Append(piece, out)) << i;
  const auto over = encoder.Append(piece, out);
  ASSERT_FALSE(over);
  EXPECT_EQ(over.error().reason, "answer_too_large");
}

TEST(Errors, NameTheFieldsOfThisApi) {
  for (const auto& [chat, ours] : std::vector<std::pair<std::string, std::string>>{
           {"tools[1].function.parameters/properties/a", "tools[1].parameters/properties/a"},
           {"tools[1].parameters", "tools[1].parameters"},
           {"response_format.json_schema.schema/$ref", "text.format.schema/$ref"},
           {"response_format", "text.format"},
           {"messages[3].content[0]", "input"},
           {"messages", "input"},
           {"max_tokens", "max_output_tokens"},
           {"input[3].content", "input[3].content"},
           {"model", "model"},
           {"", ""}}) {
    EXPECT_EQ(FieldOf(chat), ours);
  }
  EXPECT_EQ(RenderError({Code::kInvalidArgument, "no", "messages"}),
            R"({"error":{"message":"no","type":"invalid_request_error","param":"input",)"
            R"("code":"invalid_value"}})");
}

TEST(Lists, SayWhetherThereIsMore) {
  EXPECT_EQ(
      RenderItems({.items = {{"a", R"({"id":"a"})"}, {"b", R"({"id":"b"})"}}, .has_more = true}),
      R"({"object":"list","data":[{"id":"a"},{"id":"b"}],"first_id":"a","last_id":"b",)"
      R"("has_more":true})");
  EXPECT_EQ(RenderDeleted("resp_1"), R"({"id":"resp_1","object":"response","deleted":true})");
  EXPECT_EQ(RenderInputTokens(7), R"({"object":"response.input_tokens","input_tokens":7})");
}

}  // namespace
}  // namespace weir::responses

// Anthropic's side towards clients, by data: testdata/messages/<case>.json is a request and
// <case>.txt its canonical form; bad.json says what is refused, with which field and words;
// answers/<case>.sse and .json are what a script of events becomes. WEIR_UPDATE_TESTDATA=1 writes
// the expected files; read the difference before you keep it.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "chat/dump.h"
#include "dialects/anthropic/answer.h"
#include "dialects/anthropic/error.h"
#include "dialects/anthropic/lists.h"
#include "dialects/anthropic/request.h"
#include "json/parse.h"
#include "json/testdata_for_test.h"
#include "json/writer.h"

namespace weir::anthropic {
namespace {

namespace fs = std::filesystem;
using testdata::ExpectFile;
using testdata::ReadFile;

const fs::path kTestData = fs::path(WEIR_SOURCE_DIR) / "src/dialects/anthropic/testdata";

TEST(Messages, MeanWhatTheCasesSay) {
  int cases = 0;
  for (const auto& entry : fs::directory_iterator(kTestData / "messages")) {
    if (entry.path().extension() != ".json") continue;
    ++cases;
    const auto call = ReadMessagesCall(ReadFile(entry.path()));
    ASSERT_TRUE(call) << entry.path() << ": " << call.error().message;
    ExpectFile(fs::path(entry.path()).replace_extension(".txt"),
               chat::Dump(call->request) + (call->stream ? "stream\n" : ""));
  }
  EXPECT_GT(cases, 10);
}

TEST(Messages, ThatAreWrongAreRefusedByNameAndLimit) {
  const auto rows = json::Parse(ReadFile(kTestData / "bad.json"));
  ASSERT_TRUE(rows);
  for (const json::Value& row : *rows->AsArray()) {
    const std::string& name = *row.Find("name")->AsString();
    const json::Value* text = row.Find("text");
    const auto call = ReadMessagesCall(text ? *text->AsString() : json::Print(*row.Find("body")));
    if (call) {
      ADD_FAILURE() << name << " was accepted";
      continue;
    }
    EXPECT_EQ(call.error().param, *row.Find("param")->AsString()) << name;
    EXPECT_NE(call.error().message.find(*row.Find("says")->AsString()), std::string::npos)
        << name << ": " << call.error().message;
    if (const json::Value* reason = row.Find("reason"))
      EXPECT_EQ(call.error().reason, *reason->AsString()) << name;
  }
}

TEST(CountTokens, NeedsNoBoundOfTheAnswer) {
  const auto call =
      ReadCountTokens(R"({"model":"m","messages":[{"role":"user","content":"a"}],"system":"s"})");
  ASSERT_TRUE(call) << call.error().message;
  EXPECT_EQ(call->request.messages.size(), 2u);
  EXPECT_FALSE(ReadCountTokens(R"({"model":"m","messages":[],"max_tokens":1})"));
}

TEST(Errors, NameTheClientsMessages) {
  const auto call = ReadMessagesCall(R"({"model":"m","max_tokens":9,"system":"s","messages":[
      {"role":"user","content":"a"},
      {"role":"assistant","content":[{"type":"tool_use","id":"1","name":"f","input":{}},
                                     {"type":"tool_use","id":"2","name":"f","input":{}}]},
      {"role":"user","content":[{"type":"tool_result","tool_use_id":"1","content":"x"},
                                {"type":"tool_result","tool_use_id":"2","content":"y"}]},
      {"role":"user","content":"b"}]})");
  ASSERT_TRUE(call) << call.error().message;
  const auto field = [&](std::string_view param) { return FieldIn(call->origins, param); };
  EXPECT_EQ(field("messages[0].content[0]"), "system");
  EXPECT_EQ(field("messages[1].content[1]"), "messages[0].content[1]");
  EXPECT_EQ(field("messages[3]"), "messages[2]");
  EXPECT_EQ(field("messages[4].content[1]"), "messages[2]") << "it is inside of a result";
  EXPECT_EQ(field("messages[5].content[0]"), "messages[3].content[0]");
  for (const char* other : {"messages", "messages[9]", "messages[x]", "tools[0].function.name"})
    EXPECT_EQ(field(other), other);
}

using Event = chat::Event;
using Reason = chat::FinishReason;

Event Call(int32_t index, std::string id, std::string name, std::string arguments) {
  chat::Delta delta;
  delta.tool_calls = {{index, std::move(id), std::move(name), std::move(arguments)}};
  return delta;
}
const Event kStarted = chat::Started{.prompt_tokens = 12, .cached_tokens = 2};
const Event kDone =
    chat::Done{.usage = {.prompt_tokens = 12, .cached_tokens = 2, .completion_tokens = 5}};
Event End(Reason reason, std::string stop = {}) {
  return chat::ChoiceDone{.reason = reason, .stop_sequence = std::move(stop)};
}

struct Script {
  const char* name;
  std::vector<Event> events;
};

const Script kScripts[] = {
    {"text",
     {kStarted, chat::Delta{.text = "Grüße 🦀"}, chat::Delta{.text = " \"q\"\n"},
      End(Reason::kStop), kDone}},
    {"thinking_text_and_calls",
     {kStarted, chat::Delta{.reasoning = "Hm."}, chat::Delta{.text = "So:"},
      Call(0, "c0", "weather", "{\"ci"), Call(0, "", "", "ty\":\"Bern\"}"),
      Call(1, "c1", "time", ""), Call(1, "", "", "{}"), End(Reason::kToolCalls), kDone}},
    {"signed_thinking",
     {kStarted, chat::Delta{.reasoning = "Hm"}, chat::Delta{.reasoning = "."},
      chat::Delta{.thoughts = {{.signature = "c2ln"}}},
      chat::Delta{.thoughts = {{.hidden = "eA=="}}},
      chat::Delta{.reasoning = "So?", .thoughts = {{.signature = "c2lo"}}},
      chat::Delta{.text = "So:"}, chat::Delta{.thoughts = {{.signature = "bm9uZQ=="}}},
      Call(0, "c0", "weather", "{}"), End(Reason::kToolCalls), kDone}},
    {"calls_that_interleave",
     {kStarted, Call(0, "c0", "a", "{\"x\""), Call(1, "c1", "b", "{\"y\""), Call(0, "", "", ":1}"),
      Call(1, "", "", ":2}"), End(Reason::kToolCalls), kDone}},
    {"stop_sequence", {kStarted, chat::Delta{.text = "a"}, End(Reason::kStop, "END"), kDone}},
    {"length", {kStarted, chat::Delta{.text = "a"}, End(Reason::kLength), kDone}},
    {"refused", {kStarted, End(Reason::kContentFilter), kDone}},
    {"usage_unknown", {chat::Delta{.text = "a"}, End(Reason::kStop), chat::Done{}}},
    {"never_ends", {kStarted, chat::Delta{.text = "a"}}},
    {"text_after_the_end",
     {kStarted, chat::Delta{.text = "a"}, End(Reason::kStop), chat::Delta{.text = "b"}}},
    {"another_choice", {kStarted, chat::Delta{.choice = 1, .text = "a"}}},
    {"a_call_that_was_skipped", {kStarted, Call(1, "c", "x", "{}")}},
    {"a_call_without_a_name", {kStarted, Call(0, "c", "", "{}")}},
};

TEST(Answers, StreamAsTheCasesSay) {
  for (const Script& script : kScripts) {
    StreamEncoder encoder({.id = "msg_1", .model = "m"});
    std::string out;
    Result<void> taken;
    for (const Event& event : script.events) {
      taken = encoder.Append(event, out);
      if (!taken) break;
    }
    if (taken) {
      encoder.End(R"({"decision":"d"})", out);
    } else {
      encoder.Fail(taken.error(), out);
    }
    ExpectFile(kTestData / "answers" / (std::string(script.name) + ".sse"), out);
    // A stream that broke never looks like one that ended.
    const bool broke = out.find("event: error\n") != out.npos;
    EXPECT_EQ(out.find("message_stop") != out.npos, !broke) << script.name;
  }
}

TEST(Answers, ComeWholeAsTheCasesSay) {
  for (const Script& script : kScripts) {
    WholeAnswer answer({.id = "msg_1", .model = "m"});
    Result<void> taken;
    for (const Event& event : script.events) {
      taken = answer.Append(event);
      if (!taken) break;
    }
    const auto body =
        taken ? answer.End(R"({"decision":"d"})") : Result<std::string>(Fail(taken.error()));
    const std::string text = body ? *body : RenderError(body.error());
    EXPECT_TRUE(json::Parse(text)) << script.name;
    ExpectFile(kTestData / "answers" / (std::string(script.name) + ".json"), text + "\n");
  }
}

TEST(Answers, ASilentStreamIsKeptOpenAfterItsStart) {
  StreamEncoder encoder({.id = "msg_1", .model = "m"});
  std::string out;
  encoder.Heartbeat(out);
  EXPECT_LT(out.find("message_start"), out.find("event: ping\ndata: {\"type\":\"ping\"}\n\n"));
  std::string again;
  encoder.Heartbeat(again);
  EXPECT_EQ(again.find("message_start"), again.npos);
  std::string progress;
  encoder.Progress({.processed_tokens = 512, .total_tokens = 3000}, progress);
  EXPECT_EQ(progress, ": progress 512/3000\nevent: ping\ndata: {\"type\":\"ping\"}\n\n");
}

TEST(Errors, AreInAnthropicsShapeWithOurWords) {
  EXPECT_EQ(RenderError({Code::kNotFound, "no such \"m\"", "model", "model_not_found"}, "req_1"),
            R"({"type":"error","error":{"type":"not_found_error","message":"no such \"m\"",)"
            R"("code":"model_not_found","param":"model"},"request_id":"req_1"})");
  for (int i = 0; i < kCodeCount; ++i)
    EXPECT_TRUE(json::Parse(RenderError({static_cast<Code>(i), "x"})));
}

TEST(Errors, NameTheFieldAsTheClientWroteIt) {
  EXPECT_EQ(FieldOf("tools[2].function.parameters/properties/a"),
            "tools[2].input_schema/properties/a");
  EXPECT_EQ(FieldOf("tools[0].function.name"), "tools[0].name");
  EXPECT_EQ(FieldOf("response_format.json_schema.schema/not"), "output_config.format.schema/not");
  EXPECT_EQ(FieldOf("response_format"), "output_config.format");
  EXPECT_EQ(FieldOf("stop"), "stop_sequences");
  EXPECT_EQ(FieldOf("reasoning_budget"), "thinking.budget_tokens");
  EXPECT_EQ(FieldOf("messages[0].content[1]"), "messages[0].content[1]");
}

TEST(Models, AreOnePage) {
  const ModelEntry models[] = {{"a", 0}, {"b", 1767225600}};
  EXPECT_EQ(
      RenderModels(models, true),
      R"({"data":[{"type":"model","id":"a","display_name":"a",)"
      R"("created_at":"1970-01-01T00:00:00Z"},{"type":"model","id":"b","display_name":"b",)"
      R"("created_at":"2026-01-01T00:00:00Z"}],"has_more":true,"first_id":"a","last_id":"b"})");
  EXPECT_EQ(RenderModels({}, false),
            R"({"data":[],"has_more":false,"first_id":null,"last_id":null})");
}

}  // namespace
}  // namespace weir::anthropic

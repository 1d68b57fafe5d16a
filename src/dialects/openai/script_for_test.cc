#include "dialects/openai/script_for_test.h"

#include <cstdio>

#include "base/check.h"
#include "json/fields.h"
#include "json/writer.h"

namespace weir::openai {
namespace {

constexpr int64_t kAny = int64_t{1} << 40;

std::string Bytes(json::Fields& token) {
  std::string bytes = token.String("token", 64).value_or("");
  if (const json::Array* raw = token.List("bytes", 64)) {
    for (const json::Value& byte : *raw) bytes += static_cast<char>(*byte.AsInt());
  }
  return bytes;
}

chat::TokenLogprob ReadToken(json::Fields& fields) {
  chat::TokenLogprob token;
  token.bytes = Bytes(fields);
  if (const auto logprob = fields.Number("logprob", -1e9, 0)) {
    token.logprob = static_cast<float>(*logprob);
  }
  if (const json::Array* top = fields.List("top", 20)) {
    for (size_t i = 0; i < top->size(); ++i) {
      json::Fields other(fields.problem(), (*top)[i], fields.PathOf("top", i));
      const std::string bytes = Bytes(other);
      token.top.push_back(
          {bytes, static_cast<float>(other.Require().Number("logprob", -1e9, 0).value_or(0))});
    }
  }
  fields.RefuseUnread();
  return token;
}

chat::Delta ReadDelta(json::Fields& fields) {
  chat::Delta delta;
  delta.choice = static_cast<int32_t>(fields.Int("choice", -1, 1000).value_or(0));
  delta.text = fields.String("text", 1000).value_or("");
  delta.reasoning = fields.String("reasoning", 1000).value_or("");
  if (const json::Array* calls = fields.List("tool_calls", 100)) {
    for (size_t i = 0; i < calls->size(); ++i) {
      json::Fields call(fields.problem(), (*calls)[i], fields.PathOf("tool_calls", i));
      delta.tool_calls.push_back({static_cast<int32_t>(call.Int("index", -1, 1000).value_or(0)),
                                  call.String("id", 100).value_or(""),
                                  call.String("name", 100).value_or(""),
                                  call.String("arguments", 1000).value_or("")});
      call.RefuseUnread();
    }
  }
  if (const json::Array* tokens = fields.List("logprobs", 100)) {
    for (size_t i = 0; i < tokens->size(); ++i) {
      json::Fields token(fields.problem(), (*tokens)[i], fields.PathOf("logprobs", i));
      delta.logprobs.push_back(ReadToken(token));
    }
  }
  const json::Array* ids = fields.List("tokens", 100);
  for (size_t i = 0; ids != nullptr && i < ids->size(); ++i)
    delta.tokens.push_back(static_cast<int32_t>(*(*ids)[i].AsInt()));
  fields.RefuseUnread();
  return delta;
}

chat::ChoiceDone ReadChoiceDone(json::Fields& fields) {
  using chat::FinishReason;
  chat::ChoiceDone done;
  done.choice = static_cast<int32_t>(fields.Int("choice", -1, 1000).value_or(0));
  done.reason =
      fields.Require()
          .Word<FinishReason>("reason", {{"stop", FinishReason::kStop},
                                         {"length", FinishReason::kLength},
                                         {"tool_calls", FinishReason::kToolCalls},
                                         {"content_filter", FinishReason::kContentFilter}})
          .value_or(FinishReason::kStop);
  done.stop_sequence = fields.String("stop_sequence", 100).value_or("");
  done.stats.tokens = fields.Int("tokens", 0, kAny).value_or(0);
  fields.RefuseUnread();
  return done;
}

chat::Done ReadDone(json::Fields& fields) {
  chat::Done done;
  done.usage = {.prompt_tokens = fields.Int("prompt_tokens", 0, kAny),
                .cached_tokens = fields.Int("cached_tokens", 0, kAny),
                .completion_tokens = fields.Int("completion_tokens", 0, kAny),
                .reasoning_tokens = fields.Int("reasoning_tokens", 0, kAny),
                .accepted_prediction_tokens = fields.Int("accepted_prediction_tokens", 0, kAny),
                .rejected_prediction_tokens = fields.Int("rejected_prediction_tokens", 0, kAny)};
  done.prompt_ms = fields.Number("prompt_ms", 0, 1e9).value_or(0);
  done.decode_ms = fields.Number("decode_ms", 0, 1e9).value_or(0);
  fields.RefuseUnread();
  return done;
}

Error ReadFailure(json::Fields& fields) {
  Error error;
  const std::string name = fields.Require().String("code", 100).value_or("");
  for (int i = 0; i < kCodeCount; ++i) {
    if (CodeName(static_cast<Code>(i)) == name) error.code = static_cast<Code>(i);
  }
  CHECK(CodeName(error.code) == name, "a script with an unknown error code");
  error.message = fields.Require().String("message", 1000).value_or("");
  error.reason = fields.String("reason", 100).value_or("");
  fields.RefuseUnread();
  return error;
}

std::variant<chat::Event, Error> ReadStep(json::Fields& fields) {
  if (auto started = fields.Nested("started")) {
    return chat::Event(chat::Started{started->Int("prompt_tokens", 0, kAny).value_or(0),
                                     started->Int("cached_tokens", 0, kAny).value_or(0)});
  }
  if (auto progress = fields.Nested("progress")) {
    return chat::Event(chat::Progress{progress->Int("processed", 0, kAny).value_or(0),
                                      progress->Int("total", 0, kAny).value_or(0)});
  }
  if (auto delta = fields.Nested("delta")) return chat::Event(ReadDelta(*delta));
  if (auto done = fields.Nested("choice_done")) return chat::Event(ReadChoiceDone(*done));
  if (auto done = fields.Nested("done")) return chat::Event(ReadDone(*done));
  auto failure = fields.Require().Nested("fail");
  return failure ? ReadFailure(*failure) : Error{};
}

}  // namespace

Script ReadScript(const json::Value& document) {
  json::Problem problem;
  json::Fields fields(problem, document);
  Script script;
  if (const json::Value* weir = fields.Take("weir")) script.weir = json::Print(*weir);
  const json::Array* events = fields.Require().List("events", 1000);
  for (size_t i = 0; events != nullptr && i < events->size(); ++i) {
    json::Fields step(problem, (*events)[i], fields.PathOf("events", i));
    script.steps.push_back(ReadStep(step));
    step.RefuseUnread();
  }
  if (problem) std::fprintf(stderr, "script: %s\n", problem.error().message.c_str());
  CHECK(!problem, "a malformed script");
  return script;
}

}  // namespace weir::openai

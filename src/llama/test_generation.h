// One answer from a real model, the way the engine makes it: template, steps, sampler, stop
// strings, parser. For tests.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "llama/answer_parser.h"
#include "llama/chat_template.h"
#include "llama/context.h"
#include "llama/sampler.h"
#include "llama/stop_strings.h"
#include "llama/token_stats.h"

namespace weir::llama::testing {

struct Answer {
  chat::Message message = {};
  std::string raw = {};       // all text, as it was generated
  std::string streamed = {};  // content deltas joined
  std::vector<chat::ToolCall> streamed_calls = {};
  bool ended = false;  // by an end token or stop string
  chat::AnswerStats stats = {};
  std::string error = {};
};

inline std::unique_ptr<Context> TestContext(const Model& model, int32_t cells = 2048) {
  ContextSettings settings;
  settings.cells = cells;
  settings.batch_rows = cells;
  settings.sequences = 4;
  // Threads that wait for one another spin; a busy machine runs tests fastest with one.
  settings.threads = 1;
  settings.threads_batch = 1;
  auto context = Context::Create(model, settings);
  return context ? std::move(*context) : nullptr;
}

inline Answer Generate(Context& context, const RenderedPrompt& prompt,
                       const chat::GenerateRequest& request) {
  Answer answer;
  const Model& model = context.model();
  auto sampler =
      Sampler::Create(model, request.sampling, prompt.has_grammar ? &prompt.grammar : nullptr, 7);
  if (!sampler) {
    answer.error = sampler.error().message;
    return answer;
  }
  (*sampler)->ReadPrompt(prompt.tokens);
  std::vector<std::string> stops = request.stop;
  stops.insert(stops.end(), prompt.stops.begin(), prompt.stops.end());
  StopStrings stop(stops);
  AnswerParser parser(prompt.format, 1);
  AnswerStatistics statistics;
  const auto take = [&](const chat::Delta& delta) {
    answer.streamed += delta.text;
    for (const chat::ToolCallDelta& call : delta.tool_calls) {
      const auto index = static_cast<size_t>(call.index);
      if (answer.streamed_calls.size() <= index) answer.streamed_calls.resize(index + 1);
      if (!call.id.empty()) answer.streamed_calls[index].id = call.id;
      if (!call.name.empty()) answer.streamed_calls[index].name = call.name;
      answer.streamed_calls[index].arguments += call.arguments;
    }
  };
  context.Clear();
  std::vector<Row> rows;
  for (const Token token : prompt.tokens) {
    rows.push_back({.token = token, .position = static_cast<int32_t>(rows.size())});
  }
  rows.back().output = true;
  const int32_t most = request.max_tokens.value_or(200);
  for (int32_t i = 0; i < most; ++i) {
    if (context.Decode(rows) != DecodeOutcome::kOk) {
      answer.error = "decode";
      return answer;
    }
    const auto logits = context.Logits(static_cast<int32_t>(rows.size()) - 1);
    auto token = (*sampler)->Next(logits);
    if (!token) {
      answer.error = token.error().message;
      return answer;
    }
    statistics.Add(Measure(logits, *token));
    if (model.vocabulary().EndsGeneration(*token)) {
      answer.ended = true;
      break;
    }
    const bool visible = std::find(prompt.visible_tokens.begin(), prompt.visible_tokens.end(),
                                   *token) != prompt.visible_tokens.end();
    const std::string piece = model.vocabulary().Piece(*token, visible);
    answer.raw += piece;
    take(parser.Push(stop.Push(piece)));
    if (stop.found()) {
      answer.ended = true;
      break;
    }
    rows = {{.token = *token, .position = context.LastPosition(0) + 1, .output = true}};
  }
  take(parser.Push(stop.Finish()));
  take(parser.Finish());
  answer.message = parser.message();
  answer.stats = statistics.Summary();
  return answer;
}

inline chat::GenerateRequest Ask(std::string text) {
  chat::GenerateRequest request;
  request.messages.push_back({.role = chat::Role::kUser, .parts = {{.text = std::move(text)}}});
  request.sampling.temperature = 0.0f;
  return request;
}

}  // namespace weir::llama::testing

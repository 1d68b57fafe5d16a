#include "dialects/pairs/sized_bodies.h"

#include <fmt/format.h>

#include "chat/event.h"
#include "json/writer.h"
#include "wire/engine.h"
#include "wire/frame.h"

namespace weir::pairs {
namespace {

constexpr std::string_view kSentence =
    "The river stays behind the dam, and only what rises above its \"crest\" flows over.\n";
constexpr std::string_view kSchema =
    R"({"type":"object","properties":{"city":{"type":"string","description":"Where"},)"
    R"("unit":{"type":"string","enum":["celsius","kelvin"]}},"required":["city"]})";
constexpr std::string_view kArguments = R"({"city":"Bern","unit":"kelvin"})";

std::string TextOf(size_t bytes) {
  std::string out;
  while (out.size() < bytes) out += kSentence.substr(0, bytes - out.size());
  return out;
}

// Writes one request, in the words of one client.
class RequestWriter {
 public:
  RequestWriter(std::string_view client, const Asked& asked, std::string last)
      : client_(client), asked_(asked), last_(std::move(last)) {}

  std::string Body() {
    writer_.BeginObject().Field("model", "the-model").Field("stream", true);
    if (client_ == "llamacpp") {
      writer_.Field("prompt", last_).Field("n_predict", 256).Field("temperature", 0.5);
      writer_.EndObject();
      return std::move(out_);
    }
    WriteSettings();
    writer_.Key(client_ == "responses" ? "input" : "messages").BeginArray();
    if (client_ == "openai" || client_ == "ollama") WriteText("system", "Be brief.");
    for (size_t i = 0; i < asked_.calls; ++i) WriteCall(fmt::format("call_{}", i));
    for (size_t i = 0; i + 1 < asked_.messages; ++i)
      WriteText(i % 2 == 0 ? "user" : "assistant", kSentence);
    WriteText("user", last_);
    writer_.EndArray();
    WriteTools();
    writer_.EndObject();
    return std::move(out_);
  }

 private:
  void WriteSettings() {
    if (client_ == "ollama") {
      writer_.Key("options").BeginObject().Field("temperature", 0.5).Field("num_predict", 256);
      writer_.EndObject();
      return;
    }
    writer_.Field("temperature", 0.5);
    writer_.Field(client_ == "responses" ? "max_output_tokens" : "max_tokens", 256);
    if (client_ == "responses") writer_.Field("instructions", "Be brief.").Field("store", false);
    if (client_ == "anthropic") writer_.Field("system", "Be brief.");
  }

  void WriteText(std::string_view role, std::string_view text) {
    writer_.BeginObject().Field("role", role).Field("content", text).EndObject();
  }

  void WriteCall(const std::string& id) {
    if (client_ == "responses") {
      writer_.BeginObject().Field("type", "function_call").Field("call_id", id);
      writer_.Field("name", "tool_0").Field("arguments", kArguments).EndObject();
      writer_.BeginObject().Field("type", "function_call_output").Field("call_id", id);
      writer_.Field("output", kSentence).EndObject();
      return;
    }
    writer_.BeginObject().Field("role", "assistant");
    if (client_ == "anthropic") {
      writer_.Key("content").BeginArray().BeginObject().Field("type", "tool_use").Field("id", id);
      writer_.Field("name", "tool_0").Key("input").Raw(kArguments);
      writer_.EndObject().EndArray().EndObject();
      writer_.BeginObject().Field("role", "user").Key("content").BeginArray().BeginObject();
      writer_.Field("type", "tool_result").Field("tool_use_id", id).Field("content", kSentence);
      writer_.EndObject().EndArray().EndObject();
      return;
    }
    writer_.Key("tool_calls").BeginArray().BeginObject().Field("id", id);
    writer_.Field("type", "function").Key("function").BeginObject().Field("name", "tool_0");
    writer_.Key("arguments");
    client_ == "ollama" ? writer_.Raw(kArguments) : writer_.String(kArguments);
    writer_.EndObject().EndObject().EndArray().EndObject();
    writer_.BeginObject().Field("role", "tool").Field("tool_call_id", id);
    writer_.Field("content", kSentence).EndObject();
  }

  void WriteTools() {
    if (asked_.tools == 0) return;
    const bool nested = client_ == "openai" || client_ == "ollama";
    writer_.Key("tools").BeginArray();
    for (size_t i = 0; i < asked_.tools; ++i) {
      writer_.BeginObject();
      if (client_ != "anthropic") writer_.Field("type", "function");
      if (nested) writer_.Key("function").BeginObject();
      writer_.Field("name", fmt::format("tool_{}", i)).Field("description", "Tells the weather");
      writer_.Key(client_ == "anthropic" ? "input_schema" : "parameters").Raw(kSchema);
      if (nested) writer_.EndObject();
      writer_.EndObject();
    }
    writer_.EndArray();
  }

  std::string_view client_;
  const Asked asked_;
  const std::string last_;
  std::string out_ = {};
  json::Writer writer_{&out_};
};

std::string OpenAiChunk(std::string_view delta, std::string_view finish = "null") {
  return fmt::format(
      R"(data: {{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,)"
      R"("model":"m","choices":[{{"index":0,"delta":{},"finish_reason":{}}}]}})"
      "\n\n",
      delta, finish);
}

Pieces OpenAiPieces(Says says, size_t count) {
  Pieces out{"text/event-stream"};
  const auto call = [](size_t index, std::string_view arguments) {
    return OpenAiChunk(
        fmt::format(R"({{"tool_calls":[{{"index":{},"id":"call_{}","type":)"
                    R"("function","function":{{"name":"tool_0","arguments":"{}"}}}}]}})",
                    index, index, arguments));
  };
  if (says == Says::kArguments) out.pieces.push_back(call(0, R"({\"city\":\")"));
  for (size_t i = 0; i < count; ++i) {
    if (says == Says::kText) out.pieces.push_back(OpenAiChunk(R"({"content":" word"})"));
    if (says == Says::kCalls) out.pieces.push_back(call(i, R"({\"city\":\"Bern\"})"));
    if (says == Says::kArguments)
      out.pieces.push_back(
          OpenAiChunk(R"({"tool_calls":[{"index":0,"function":{"arguments":" word"}}]})"));
  }
  if (says == Says::kArguments)
    out.pieces.push_back(
        OpenAiChunk(R"({"tool_calls":[{"index":0,"function":{"arguments":"\"}"}}]})"));
  out.pieces.push_back(OpenAiChunk("{}", says == Says::kText ? R"("stop")" : R"("tool_calls")"));
  out.pieces.emplace_back(
      R"(data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"m",)"
      R"("choices":[],"usage":{"prompt_tokens":9,"completion_tokens":5,"total_tokens":14}})"
      "\n\ndata: [DONE]\n\n");
  return out;
}

std::string AnthropicEvent(std::string_view type, std::string_view rest) {
  return fmt::format("event: {0}\ndata: {{\"type\":\"{0}\"{1}}}\n\n", type, rest);
}

Pieces AnthropicPieces(Says says, size_t count) {
  Pieces out{"text/event-stream"};
  const auto add = [&](std::string_view type, std::string_view rest) {
    out.pieces.push_back(AnthropicEvent(type, rest));
  };
  const auto piece = [&](size_t index, std::string_view json) {
    add("content_block_delta",
        fmt::format(R"(,"index":{},"delta":{{"type":"input_json_delta","partial_json":"{}"}})",
                    index, json));
  };
  const auto begin = [&](size_t index) {
    add("content_block_start",
        fmt::format(R"(,"index":{},"content_block":{{"type":"tool_use","id":"call_{}",)"
                    R"("name":"tool_0","input":{{}}}})",
                    index, index));
  };
  const auto end = [&](size_t index) {
    add("content_block_stop", fmt::format(R"(,"index":{})", index));
  };
  add("message_start",
      R"(,"message":{"id":"m","type":"message","role":"assistant","model":"c","content":[],)"
      R"("stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":9,"output_tokens":1}})");
  if (says == Says::kCalls) {
    for (size_t i = 0; i < count; ++i) {
      begin(i);
      piece(i, R"({\"city\":\"Bern\"})");
      end(i);
    }
  } else if (says == Says::kArguments) {
    begin(0);
    piece(0, R"({\"city\":\")");
    for (size_t i = 0; i < count; ++i) piece(0, " word");
    piece(0, R"(\"})");
    end(0);
  } else {
    add("content_block_start", R"(,"index":0,"content_block":{"type":"text","text":""})");
    for (size_t i = 0; i < count; ++i)
      add("content_block_delta", R"(,"index":0,"delta":{"type":"text_delta","text":" word"})");
    end(0);
  }
  add("message_delta", fmt::format(R"(,"delta":{{"stop_reason":"{}","stop_sequence":null}},)"
                                   R"("usage":{{"output_tokens":5}})",
                                   says == Says::kText ? "end_turn" : "tool_use"));
  add("message_stop", "");
  return out;
}

Pieces GeminiPieces(Says says, size_t count) {
  Pieces out{"text/event-stream"};
  if (says == Says::kArguments) return out;
  const std::string_view part =
      says == Says::kText
          ? std::string_view(R"({"text":" word"})")
          : std::string_view(R"({"functionCall":{"name":"tool_0","args":{"city":"Bern"}}})");
  for (size_t i = 0; i <= count; ++i) {
    const bool last = i == count;
    out.pieces.push_back(fmt::format(
        R"(data: {{"candidates":[{{"content":{{"parts":[{}],"role":"model"}},"index":0{}}}],)"
        R"("usageMetadata":{{"promptTokenCount":9,"candidatesTokenCount":5,"totalTokenCount":14}},)"
        R"("modelVersion":"g","responseId":"r"}})"
        "\n\n",
        last ? std::string_view() : part,
        last ? std::string_view(R"(,"finishReason":"STOP")") : std::string_view()));
  }
  return out;
}

Pieces OllamaPieces(Says says, size_t count) {
  Pieces out{"application/x-ndjson"};
  if (says == Says::kArguments) return out;
  const std::string_view rest =
      says == Says::kText
          ? std::string_view(R"("content":" word")")
          : std::string_view(R"("content":"","tool_calls":[{"function":{"name":"tool_0",)"
                             R"("arguments":{"city":"Bern"}}}])");
  for (size_t i = 0; i < count; ++i) {
    out.pieces.push_back(fmt::format(R"({{"model":"m","created_at":"2026-01-01T00:00:00Z",)"
                                     R"("message":{{"role":"assistant",{}}},"done":false}})"
                                     "\n",
                                     rest));
  }
  out.pieces.emplace_back(
      R"({"model":"m","created_at":"2026-01-01T00:00:00Z","message":{"role":"assistant",)"
      R"("content":""},"done":true,"done_reason":"stop","total_duration":9,"load_duration":1,)"
      R"("prompt_eval_count":9,"prompt_eval_duration":3,"eval_count":5,"eval_duration":5})"
      "\n");
  return out;
}

Pieces EnginePieces(Says says, size_t count) {
  Pieces out;
  const auto add = [&](const chat::Event& event) {
    out.pieces.push_back(wire::EncodeFrame(static_cast<uint16_t>(wire::EngineFrame::kEvent), 1,
                                           wire::Encode(event)));
  };
  const auto call = [&](size_t index, bool first, std::string arguments) {
    chat::Delta delta;
    delta.tool_calls.push_back({.index = static_cast<int32_t>(index),
                                .id = first ? fmt::format("call_{}", index) : "",
                                .name = first ? "tool_0" : "",
                                .arguments = std::move(arguments)});
    add(delta);
  };
  add(chat::Started{.prompt_tokens = 9});
  if (says == Says::kArguments) call(0, true, R"({"city":")");
  for (size_t i = 0; i < count; ++i) {
    if (says == Says::kText) add(chat::Delta{.text = " word"});
    if (says == Says::kArguments) call(0, false, " word");
    if (says == Says::kCalls) call(i, true, R"({"city":"Bern"})");
  }
  if (says == Says::kArguments) call(0, false, "\"}");
  using Reason = chat::FinishReason;
  add(chat::ChoiceDone{.reason = says == Says::kText ? Reason::kStop : Reason::kToolCalls});
  add(chat::Done{.usage = {.prompt_tokens = 9, .completion_tokens = 5}});
  return out;
}

}  // namespace

std::string RequestBody(std::string_view client, const Asked& asked) {
  if (client == "llamacpp" && asked.bytes == 0) return {};
  std::string body = RequestWriter(client, asked, "Hello").Body();
  if (asked.bytes <= body.size()) return body;
  std::string text = TextOf(asked.bytes - body.size() + 5);
  do {
    body = RequestWriter(client, asked, text).Body();
    if (body.size() > asked.bytes) text.resize(text.size() - (body.size() - asked.bytes));
  } while (body.size() > asked.bytes);
  return body;
}

Pieces AnswerPieces(std::string_view answerer, Says says, size_t count) {
  if (answerer == "engine") return EnginePieces(says, count);
  if (answerer == "openai") return OpenAiPieces(says, count);
  if (answerer == "anthropic") return AnthropicPieces(says, count);
  if (answerer == "gemini") return GeminiPieces(says, count);
  return OllamaPieces(says, count);
}

}  // namespace weir::pairs

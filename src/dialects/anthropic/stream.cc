#include <fmt/core.h>

#include <algorithm>

#include "base/check.h"
#include "dialects/anthropic/answer.h"
#include "dialects/anthropic/error.h"
#include "dialects/anthropic/pieces.h"
#include "json/parse.h"
#include "json/writer.h"

namespace weir::anthropic {
namespace {

std::unexpected<Error> Broken(const char* what) {
  return ::weir::Fail(Code::kBackendFailed, what, {}, "backend_failed");
}

// "event: <type>\ndata: {"type":"<type>",<fields>}\n\n"
template <class Fields>
void AppendEvent(std::string& out, std::string_view type, Fields&& fields) {
  out.append("event: ").append(type).append("\ndata: ");
  json::Writer writer(&out);
  writer.BeginObject().Field("type", type);
  fields(writer);
  writer.EndObject();
  out += "\n\n";
}

bool IsWhole(std::string_view arguments) { return json::Parse(arguments).has_value(); }

}  // namespace

void WriteUsage(json::Writer& writer, const chat::Usage& usage) {
  const int64_t cached = usage.cached_tokens.value_or(0);
  const int64_t written = usage.cache_written_tokens.value_or(0);
  const int64_t fresh = std::max<int64_t>(usage.prompt_tokens.value_or(0) - cached - written, 0);
  writer.BeginObject().Field("input_tokens", fresh);
  writer.Field("cache_creation_input_tokens", written).Field("cache_read_input_tokens", cached);
  writer.Field("output_tokens", usage.completion_tokens.value_or(0));
  if (usage.reasoning_tokens) {
    writer.Key("output_tokens_details").BeginObject();
    writer.Field("thinking_tokens", *usage.reasoning_tokens).EndObject();
  }
  writer.EndObject();
}

void WriteStop(json::Writer& writer, const chat::ChoiceDone& choice) {
  using Reason = chat::FinishReason;
  const bool at_stop = choice.reason == Reason::kStop && !choice.stop_sequence.empty();
  writer.Key("stop_reason");
  switch (choice.reason) {
    case Reason::kStop:
      writer.String(at_stop ? "stop_sequence" : "end_turn");
      break;
    case Reason::kLength:
      writer.String("max_tokens");
      break;
    case Reason::kToolCalls:
      writer.String("tool_use");
      break;
    case Reason::kContentFilter:
      writer.String("refusal");
      break;
  }
  writer.Key("stop_sequence");
  if (at_stop) {
    writer.String(choice.stop_sequence);
  } else {
    writer.Null();
  }
}

Result<void> StreamEncoder::Append(const chat::Event& event, std::string& out) {
  CHECK(!over_, "an event after the end of its stream");
  if (done_) return Broken("the backend went on after its end");
  if (const auto* started = std::get_if<chat::Started>(&event)) {
    usage_.prompt_tokens = started->prompt_tokens;
    usage_.cached_tokens = started->cached_tokens;
  } else if (const auto* delta = std::get_if<chat::Delta>(&event)) {
    return Accept(*delta, out);
  } else if (const auto* choice = std::get_if<chat::ChoiceDone>(&event)) {
    if (choice->choice != 0 || ended_) return Broken("the backend ended a choice twice");
    ended_ = true;
    choice_ = *choice;
  } else if (const auto* done = std::get_if<chat::Done>(&event)) {
    usage_ = done->usage;
    done_ = true;
  }
  return {};
}

Result<void> StreamEncoder::Accept(const chat::Delta& delta, std::string& out) {
  if (delta.choice != 0) return Broken("the backend answered a choice that was not asked for");
  if (ended_) return Broken("the backend went on with a choice that had ended");
  Start(out);
  AppendText(Block::kThinking, "thinking", delta.reasoning, out);
  for (const chat::Thought& thought : delta.thoughts) AppendThought(thought, out);
  AppendText(Block::kText, "text", delta.text, out);
  for (const chat::ToolCallDelta& call : delta.tool_calls) {
    if (auto appended = AppendCall(call, out); !appended) return appended;
  }
  return {};
}

void StreamEncoder::Start(std::string& out) {
  if (started_) return;
  started_ = true;
  AppendEvent(out, "message_start", [&](json::Writer& writer) {
    writer.Key("message").BeginObject().Field("id", head_.id).Field("type", "message");
    writer.Field("role", "assistant").Field("model", head_.model);
    writer.Key("content").BeginArray().EndArray();
    writer.Key("stop_reason").Null().Key("stop_sequence").Null().Key("usage");
    WriteUsage(writer, usage_);
    writer.EndObject();
  });
}

void StreamEncoder::Open(Block block, const Call* call, std::string& out) {
  Close(out);
  open_ = block;
  AppendEvent(out, "content_block_start", [&](json::Writer& writer) {
    writer.Field("index", index_).Key("content_block").BeginObject();
    if (block == Block::kThinking) {
      writer.Field("type", "thinking").Field("thinking", "").Field("signature", "");
    } else if (block == Block::kText) {
      writer.Field("type", "text").Field("text", "");
    } else {
      writer.Field("type", "tool_use").Field("id", call->id).Field("name", call->name);
      writer.Key("input").BeginObject().EndObject();
    }
    writer.EndObject();
  });
}

void StreamEncoder::Close(std::string& out) {
  if (open_ == Block::kNone) return;
  AppendEvent(out, "content_block_stop",
              [&](json::Writer& writer) { writer.Field("index", index_); });
  open_ = Block::kNone;
  ++index_;
}

void StreamEncoder::AppendText(Block block, std::string_view key, std::string_view text,
                               std::string& out) {
  if (text.empty()) return;
  if (open_ != block) Open(block, nullptr, out);
  AppendEvent(out, "content_block_delta", [&](json::Writer& writer) {
    writer.Field("index", index_).Key("delta").BeginObject();
    writer.Field("type", block == Block::kText ? "text_delta" : "thinking_delta");
    writer.Field(key, text).EndObject();
  });
}

// Ends the block: what is thought behind it has a signature of its own.
void StreamEncoder::AppendThought(const chat::Thought& thought, std::string& out) {
  if (!thought.hidden.empty()) {
    Close(out);
    AppendEvent(out, "content_block_start", [&](json::Writer& writer) {
      writer.Field("index", index_).Key("content_block").BeginObject();
      writer.Field("type", "redacted_thinking").Field("data", thought.hidden).EndObject();
    });
    open_ = Block::kThinking;
  } else {
    if (open_ != Block::kThinking) Open(Block::kThinking, nullptr, out);
    AppendEvent(out, "content_block_delta", [&](json::Writer& writer) {
      writer.Field("index", index_).Key("delta").BeginObject();
      writer.Field("type", "signature_delta").Field("signature", thought.signature).EndObject();
    });
  }
  Close(out);
}

Result<void> StreamEncoder::AppendCall(const chat::ToolCallDelta& delta, std::string& out) {
  if (delta.index < 0 || static_cast<size_t>(delta.index) > calls_.size())
    return Broken("the backend skipped a tool call");
  const auto index = static_cast<size_t>(delta.index);
  if (index == calls_.size()) {
    if (delta.index >= kCallsMax) return Broken("the backend made over 128 tool calls");
    if (delta.name.empty()) return Broken("the backend made a tool call without a name");
    calls_.push_back({.id = delta.id, .name = delta.name});
    const bool free = open_ != Block::kCall || IsWhole(calls_[call_].arguments);
    if (free) Show(index, out);
  }
  Call& call = calls_[index];
  const bool open = open_ == Block::kCall && call_ == index;
  if (call.shown && !open && !delta.arguments.empty())
    return Broken("the backend went on with a tool call that was complete");
  call.arguments += delta.arguments;
  if (!open || delta.arguments.empty()) return {};
  AppendEvent(out, "content_block_delta", [&](json::Writer& writer) {
    writer.Field("index", index_).Key("delta").BeginObject();
    writer.Field("type", "input_json_delta").Field("partial_json", delta.arguments).EndObject();
  });
  return {};
}

void StreamEncoder::Show(size_t index, std::string& out) {
  call_ = index;
  calls_[index].shown = true;
  Open(Block::kCall, &calls_[index], out);
}

void StreamEncoder::End(std::string_view weir, std::string& out) {
  CHECK(!over_, "a stream that ends twice");
  if (!ended_ || !done_) {
    return Fail(Broken("the backend stopped before the answer had ended").error(), out);
  }
  over_ = true;
  Start(out);
  for (size_t i = 0; i < calls_.size(); ++i) {
    if (calls_[i].shown) continue;
    Show(i, out);
    AppendEvent(out, "content_block_delta", [&](json::Writer& writer) {
      writer.Field("index", index_).Key("delta").BeginObject();
      writer.Field("type", "input_json_delta").Field("partial_json", calls_[i].arguments);
      writer.EndObject();
    });
  }
  Close(out);
  AppendEvent(out, "message_delta", [&](json::Writer& writer) {
    writer.Key("delta").BeginObject();
    WriteStop(writer, choice_);
    writer.EndObject().Key("usage");
    WriteUsage(writer, usage_);
  });
  AppendEvent(out, "message_stop", [&](json::Writer& writer) {
    if (!weir.empty()) writer.Key("weir").Raw(weir);
  });
}

void StreamEncoder::Fail(const Error& error, std::string& out) {
  CHECK(!over_, "a stream that fails after its end");
  over_ = true;
  out += "event: error\ndata: ";
  out += RenderError(error);
  out += "\n\n";
}

void StreamEncoder::Progress(const chat::Progress& progress, std::string& out) {
  Start(out);
  out += fmt::format(": progress {}/{}\n", progress.processed_tokens, progress.total_tokens);
  AppendEvent(out, "ping", [](json::Writer&) {});
}

void StreamEncoder::Heartbeat(std::string& out) {
  Start(out);
  AppendEvent(out, "ping", [](json::Writer&) {});
}

}  // namespace weir::anthropic

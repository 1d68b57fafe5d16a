#include "dialects/responses/answer.h"

#include <fmt/format.h>

#include <utility>

#include "base/check.h"
#include "dialects/openai/pieces.h"
#include "dialects/responses/error.h"
#include "json/parse.h"
#include "json/writer.h"

namespace weir::responses {
namespace {

std::unexpected<Error> Broken(const char* what) {
  return weir::Fail(Code::kBackendFailed, what, {}, "backend_failed");
}

bool IsWhole(const std::string& arguments) {
  // What is far from whole is not read anew with each item that follows.
  const size_t last = arguments.find_last_not_of(" \t\r\n");
  if (last == std::string::npos || arguments[last] != '}') return false;
  const auto parsed = json::Parse(arguments);
  return parsed && parsed->AsObject() != nullptr;
}

// The number in "[12]" that begins at `at`; 0 where none does.
size_t CitedAt(std::string_view text, size_t at) {
  size_t number = 0;
  size_t end = at + 1;
  while (end < text.size() && end < at + 4 && text[end] >= '0' && text[end] <= '9')
    number = number * 10 + static_cast<size_t>(text[end++] - '0');
  return end < text.size() && text[end] == ']' ? number : 0;
}

// `index` is where the citation stands, in characters.
void WriteCitations(json::Writer& writer, std::string_view text,
                    const std::vector<Source>& sources) {
  int64_t index = 0;
  for (size_t at = 0; at < text.size() && !sources.empty(); ++at) {
    const size_t number = text[at] == '[' ? CitedAt(text, at) : 0;
    if (number >= 1 && number <= sources.size()) {
      const Source& source = sources[number - 1];
      writer.BeginObject().Field("type", "file_citation").Field("index", index);
      writer.Field("file_id", source.file_id).Field("filename", source.filename).EndObject();
    }
    if ((static_cast<unsigned char>(text[at]) & 0xC0) != 0x80) ++index;
  }
}

void WriteTextPart(json::Writer& writer, const std::string& text,
                   const std::vector<chat::TokenLogprob>& logprobs,
                   const std::vector<Source>& sources = {}) {
  writer.BeginObject().Field("type", "output_text").Field("text", text);
  writer.Key("annotations").BeginArray();
  WriteCitations(writer, text, sources);
  writer.EndArray().Key("logprobs");
  openai::WriteTokens(writer, logprobs);
  writer.EndObject();
}

void WriteReasoningPart(json::Writer& writer, const std::string& text) {
  writer.BeginObject().Field("type", "reasoning_text").Field("text", text).EndObject();
}

void WriteCount(json::Writer& writer, std::string_view key, std::optional<int64_t> count) {
  writer.Key(key);
  count ? writer.Int(*count) : writer.Null();
}

// Absent unless both counts are known; a part that is not known is null, because null is not zero.
// Nothing is charged for writing to a cache.
void WriteUsage(json::Writer& writer, const chat::Usage& usage, bool reasoned) {
  if (!usage.prompt_tokens || !usage.completion_tokens) return;
  writer.Key("usage").BeginObject().Field("input_tokens", *usage.prompt_tokens);
  writer.Key("input_tokens_details").BeginObject();
  WriteCount(writer, "cached_tokens", usage.cached_tokens);
  writer.Field("cache_write_tokens", 0).EndObject();
  writer.Field("output_tokens", *usage.completion_tokens);
  writer.Key("output_tokens_details").BeginObject();
  const std::optional<int64_t> none = reasoned ? std::nullopt : std::optional<int64_t>(0);
  WriteCount(writer, "reasoning_tokens", usage.reasoning_tokens ? usage.reasoning_tokens : none);
  writer.EndObject();
  writer.Field("total_tokens", *usage.prompt_tokens + *usage.completion_tokens).EndObject();
}

// The words that OpenAI's object knows; the event before it says it in ours.
std::string_view ErrorWord(Code code) {
  switch (code) {
    case Code::kRateLimited:
      return "rate_limit_exceeded";
    case Code::kInvalidArgument:
    case Code::kTooLarge:
    case Code::kUnprocessable:
      return "invalid_prompt";
    default:
      return "server_error";
  }
}

void WriteFieldUnlessEmpty(json::Writer& writer, std::string_view key, const std::string& text) {
  if (!text.empty()) writer.Field(key, text);
}

}  // namespace

Encoder::Encoder(AnswerHead head, Echo echo, const AnswerForm& form,
                 std::optional<Searched> searched)
    : head_(std::move(head)), echo_(std::move(echo)), form_(form), searched_(std::move(searched)) {
  id_base_ = head_.id.substr(head_.id.find('_') + 1);
}

template <class Write>
void Encoder::Event(std::string_view type, std::string& out, Write write) {
  if (!form_.stream) return;
  out += "event: ";
  out += type;
  out += "\ndata: ";
  json::Writer writer(&out);
  writer.BeginObject().Field("type", type).Field("sequence_number", sequence_++);
  write(writer);
  writer.EndObject();
  out += "\n\n";
}

void Encoder::WriteSearch(json::Writer& writer, bool begun) const {
  writer.Field("type", "file_search_call").Key("queries").BeginArray();
  writer.String(searched_->query).EndArray().Key("results");
  if (begun || !searched_->results) {
    writer.Null();
    return;
  }
  writer.BeginArray();
  for (const Source& source : searched_->sources) {
    writer.BeginObject().Field("file_id", source.file_id).Field("filename", source.filename);
    writer.Key("score").Float(source.score).Field("text", source.text);
    writer.Key("attributes");
    if (source.attributes.is_null()) {
      writer.BeginObject().EndObject();
    } else {
      writer.Tree(source.attributes);
    }
    writer.EndObject();
  }
  writer.EndArray();
}

void Encoder::WriteText(json::Writer& writer, const Item& item) const {
  static const std::vector<Source> kNone;
  WriteTextPart(writer, item.text, item.logprobs, searched_ ? searched_->sources : kNone);
}

void Encoder::WriteItem(std::string& out, const Item& item, std::string_view status) const {
  const bool begun = status == "in_progress";
  json::Writer writer(&out);
  writer.BeginObject().Field("id", item.id);
  switch (item.kind) {
    case Kind::kReasoning:
      writer.Field("type", "reasoning").Key("summary").BeginArray().EndArray();
      writer.Key("content").BeginArray();
      if (!begun) WriteReasoningPart(writer, item.text);
      writer.EndArray();
      break;
    case Kind::kMessage:
      writer.Field("type", "message").Field("role", "assistant").Key("content").BeginArray();
      if (!begun) WriteText(writer, item);
      writer.EndArray();
      break;
    case Kind::kCall:
      writer.Field("type", "function_call").Field("call_id", item.call_id);
      writer.Field("name", item.name).Field("arguments", begun ? "" : item.text);
      break;
    case Kind::kSearch:
      WriteSearch(writer, begun);
      break;
  }
  writer.Field("status", status).EndObject();
}

std::string Encoder::Response(Status status, const Error* error, std::string_view weir,
                              int64_t completed_s, bool kept) const {
  constexpr std::string_view kWords[] = {"in_progress", "completed", "incomplete", "failed"};
  std::string out;
  json::Writer writer(&out);
  writer.BeginObject().Field("id", head_.id).Field("object", "response");
  writer.Field("created_at", head_.created_s);
  writer.Field("status", kWords[static_cast<size_t>(status)]).Field("background", false);
  writer.Key("completed_at");
  status == Status::kCompleted ? writer.Int(completed_s) : writer.Null();
  writer.Key("error");
  if (error == nullptr) {
    writer.Null();
  } else {
    writer.BeginObject().Field("code", ErrorWord(error->code)).Field("message", error->message);
    writer.EndObject();
  }
  writer.Key("incomplete_details");
  if (status == Status::kIncomplete) {
    const bool filtered = reason_ == chat::FinishReason::kContentFilter;
    writer.BeginObject().Field("reason", filtered ? "content_filter" : "max_output_tokens");
    writer.EndObject();
  } else {
    writer.Null();
  }
  writer.Key("instructions").Raw(echo_.instructions_json);
  writer.Key("max_output_tokens").Raw(echo_.max_output_tokens_json);
  writer.Field("model", head_.model).Key("output").BeginArray();
  bool reasoned = false;
  for (size_t i = 0; i < items_.size(); ++i) {
    // Only the last one can have been cut off.
    const bool cut = status != Status::kCompleted && i + 1 == items_.size();
    std::string item;
    WriteItem(item, items_[i], cut ? "incomplete" : "completed");
    writer.Raw(item);
    reasoned |= items_[i].kind == Kind::kReasoning;
  }
  writer.EndArray().Field("parallel_tool_calls", echo_.parallel_tool_calls);
  writer.Key("previous_response_id");
  echo_.previous_id.empty() ? writer.Null() : writer.String(echo_.previous_id);
  WriteFieldUnlessEmpty(writer, "prompt_cache_key", echo_.prompt_cache_key);
  WriteFieldUnlessEmpty(writer, "safety_identifier", echo_.safety_identifier);
  WriteFieldUnlessEmpty(writer, "user", echo_.user);
  writer.Key("reasoning").Raw(echo_.reasoning_json).Field("store", kept);
  writer.Key("temperature").Raw(echo_.temperature_json);
  writer.Key("text").Raw(echo_.text_json).Key("tool_choice").Raw(echo_.tool_choice_json);
  writer.Key("tools").Raw(echo_.tools_json).Field("top_logprobs", echo_.top_logprobs);
  writer.Key("top_p").Raw(echo_.top_p_json).Field("truncation", "disabled");
  WriteUsage(writer, usage_, reasoned);
  writer.Key("metadata").Raw(echo_.metadata_json);
  if (!weir.empty()) writer.Key("weir").Raw(weir);
  writer.EndObject();
  return out;
}

void Encoder::Start(std::string& out) {
  if (std::exchange(started_, true)) return;
  if (form_.stream) {
    const std::string response = Response(Status::kInProgress, nullptr, {}, 0, echo_.store);
    const auto write = [&](json::Writer& writer) { writer.Key("response").Raw(response); };
    Event("response.created", out, write);
    Event("response.in_progress", out, write);
  }
  if (!searched_) return;
  Add({.kind = Kind::kSearch}, out);
  Close(true, out);
}

Result<void> Encoder::Append(const chat::Event& event, std::string& out) {
  CHECK(!over_, "an event after the end of its answer");
  if (auto accepted = choices_.Accept(event); !accepted) return accepted;
  Start(out);
  if (const auto* done = std::get_if<chat::ChoiceDone>(&event)) reason_ = done->reason;
  if (const auto* done = std::get_if<chat::Done>(&event)) usage_ = done->usage;
  const auto* delta = std::get_if<chat::Delta>(&event);
  return delta == nullptr ? Result<void>() : Take(*delta, out);
}

Result<void> Encoder::Take(const chat::Delta& delta, std::string& out) {
  bytes_ += BytesOf(delta);
  if (bytes_ > kBytesMax) {
    return weir::Fail(Code::kBackendFailed, fmt::format("the answer is over {} bytes", kBytesMax),
                      {}, "answer_too_large");
  }
  if (!delta.reasoning.empty()) AddText(Kind::kReasoning, delta.reasoning, {}, out);
  const bool tokens = form_.logprobs && !delta.logprobs.empty() && delta.reasoning.empty() &&
                      delta.tool_calls.empty();
  if (!delta.text.empty() || tokens) {
    AddText(Kind::kMessage, delta.text,
            form_.logprobs ? delta.logprobs : std::vector<chat::TokenLogprob>(), out);
  }
  for (const chat::ToolCallDelta& call : delta.tool_calls) {
    if (auto taken = TakeCall(call, out); !taken) return taken;
  }
  return {};
}

size_t Encoder::Add(Item item, std::string& out) {
  Close(false, out);
  constexpr std::string_view kPrefixes[] = {"rs_", "msg_", "fc_", "fs_"};
  const size_t index = items_.size();
  item.id = fmt::format("{}{}_{}", kPrefixes[static_cast<size_t>(item.kind)], id_base_, index);
  items_.push_back(std::move(item));
  open_.push_back(index);
  Event("response.output_item.added", out, [&](json::Writer& writer) {
    std::string text;
    WriteItem(text, items_[index], "in_progress");
    writer.Field("output_index", index).Key("item").Raw(text);
  });
  if (items_[index].kind == Kind::kCall || items_[index].kind == Kind::kSearch) return index;
  Event("response.content_part.added", out, [&](json::Writer& writer) {
    writer.Field("item_id", items_[index].id).Field("output_index", index);
    writer.Field("content_index", 0).Key("part");
    items_[index].kind == Kind::kMessage ? WriteTextPart(writer, {}, {})
                                         : WriteReasoningPart(writer, {});
  });
  return index;
}

size_t Encoder::Open(Kind kind, std::string& out) {
  if (!items_.empty() && items_.back().kind == kind && !items_.back().done)
    return items_.size() - 1;
  return Add({.kind = kind}, out);
}

void Encoder::AddText(Kind kind, const std::string& text,
                      const std::vector<chat::TokenLogprob>& logprobs, std::string& out) {
  const size_t index = Open(kind, out);
  Item& item = items_[index];
  item.text += text;
  item.logprobs.insert(item.logprobs.end(), logprobs.begin(), logprobs.end());
  const bool message = kind == Kind::kMessage;
  Event(message ? "response.output_text.delta" : "response.reasoning_text.delta", out,
        [&](json::Writer& writer) {
          writer.Field("item_id", item.id).Field("output_index", index);
          writer.Field("content_index", 0).Field("delta", text);
          if (!message) return;
          writer.Key("logprobs");
          openai::WriteTokens(writer, logprobs);
        });
}

Result<void> Encoder::TakeCall(const chat::ToolCallDelta& delta, std::string& out) {
  if (static_cast<size_t>(delta.index) == calls_.size()) {
    calls_.push_back(Add({.kind = Kind::kCall, .call_id = delta.id, .name = delta.name}, out));
  }
  const size_t index = calls_[static_cast<size_t>(delta.index)];
  Item& item = items_[index];
  if (delta.arguments.empty()) return {};
  if (item.done) return Broken("the backend went on with a tool call that was complete");
  item.text += delta.arguments;
  Event("response.function_call_arguments.delta", out, [&](json::Writer& writer) {
    writer.Field("item_id", item.id).Field("output_index", index);
    writer.Field("delta", delta.arguments);
  });
  return {};
}

void Encoder::Close(bool all, std::string& out) {
  std::erase_if(open_, [&](size_t index) {
    const Item& item = items_[index];
    if (item.kind == Kind::kCall && !all && !IsWhole(item.text)) return false;
    CloseItem(index, out);
    return true;
  });
}

void Encoder::CloseItem(size_t index, std::string& out) {
  Item& item = items_[index];
  item.done = true;
  if (!form_.stream) return;
  const auto place = [&](json::Writer& writer) -> json::Writer& {
    return writer.Field("item_id", item.id).Field("output_index", index);
  };
  if (item.kind == Kind::kSearch) {
    for (const char* type :
         {"response.file_search_call.in_progress", "response.file_search_call.searching",
          "response.file_search_call.completed"}) {
      Event(type, out, [&](json::Writer& writer) { place(writer); });
    }
  } else if (item.kind == Kind::kCall) {
    Event("response.function_call_arguments.done", out, [&](json::Writer& writer) {
      place(writer).Field("name", item.name).Field("arguments", item.text);
    });
  } else {
    const bool message = item.kind == Kind::kMessage;
    Event(message ? "response.output_text.done" : "response.reasoning_text.done", out,
          [&](json::Writer& writer) {
            place(writer).Field("content_index", 0).Field("text", item.text);
            if (!message) return;
            writer.Key("logprobs");
            openai::WriteTokens(writer, item.logprobs);
          });
    Event("response.content_part.done", out, [&](json::Writer& writer) {
      place(writer).Field("content_index", 0).Key("part");
      message ? WriteText(writer, item) : WriteReasoningPart(writer, item.text);
    });
  }
  const bool last = cut() && index + 1 == items_.size();
  Event("response.output_item.done", out, [&](json::Writer& writer) {
    std::string text;
    WriteItem(text, item, last ? "incomplete" : "completed");
    writer.Field("output_index", index).Key("item").Raw(text);
  });
}

Result<std::string> Encoder::Object(std::string_view weir, int64_t now_s, bool kept) const {
  if (const auto ended = choices_.CheckEnded(); !ended) return weir::Fail(ended.error());
  return Response(cut() ? Status::kIncomplete : Status::kCompleted, nullptr, weir, now_s, kept);
}

std::vector<KeptItem> Encoder::Items() const {
  std::vector<KeptItem> out;
  for (size_t i = 0; i < items_.size(); ++i) {
    // A call that was cut off is none: nobody can answer it, or read its arguments.
    if (items_[i].kind == Kind::kCall && cut() && !IsWhole(items_[i].text)) continue;
    KeptItem item{.id = items_[i].id};
    WriteItem(item.json, items_[i], cut() && i + 1 == items_.size() ? "incomplete" : "completed");
    out.push_back(std::move(item));
  }
  return out;
}

void Encoder::End(std::string_view object, std::string& out) {
  CHECK(!over_, "an answer that ends twice");
  over_ = true;
  if (!form_.stream) {
    out = object;
    return;
  }
  Close(true, out);
  Event(cut() ? "response.incomplete" : "response.completed", out,
        [&](json::Writer& writer) { writer.Key("response").Raw(object); });
}

void Encoder::Fail(const Error& error, std::string& out) {
  CHECK(!over_, "an answer that fails after its end");
  Start(out);
  over_ = true;
  Event("error", out, [&](json::Writer& writer) {
    writer.Field("code", error.reason.empty() ? CodeName(error.code) : error.reason);
    writer.Field("message", error.message).Key("param");
    error.param.empty() ? writer.Null() : writer.String(FieldOf(error.param));
  });
  const std::string response = Response(Status::kFailed, &error, {}, 0, false);
  Event("response.failed", out,
        [&](json::Writer& writer) { writer.Key("response").Raw(response); });
}

void Encoder::Progress(const chat::Progress& progress, std::string& out) {
  Start(out);
  if (!form_.stream) return;
  out += fmt::format(": progress {}/{}\n\n", progress.processed_tokens, progress.total_tokens);
}

void Encoder::Heartbeat(std::string& out) {
  Start(out);
  if (form_.stream) out += ": waiting\n\n";
}

std::string RenderDeleted(std::string_view id) {
  std::string out;
  json::Writer(&out)
      .BeginObject()
      .Field("id", id)
      .Field("object", "response")
      .Field("deleted", true)
      .EndObject();
  return out;
}

std::string RenderItems(const Page& page) {
  std::string out;
  json::Writer writer(&out);
  writer.BeginObject().Field("object", "list").Key("data").BeginArray();
  for (const KeptItem& item : page.items) writer.Raw(item.json);
  writer.EndArray();
  writer.Field("first_id", page.items.empty() ? std::string_view() : page.items.front().id);
  writer.Field("last_id", page.items.empty() ? std::string_view() : page.items.back().id);
  writer.Field("has_more", page.has_more).EndObject();
  return out;
}

std::string RenderInputTokens(int64_t tokens) {
  return fmt::format(R"({{"object":"response.input_tokens","input_tokens":{}}})", tokens);
}

}  // namespace weir::responses

#include "llama/answer_parser.h"

#include <algorithm>
#include <exception>
#include <optional>

#include "base/check.h"
#include "llama/answer_format.h"
#include "llama/json_calls.h"

namespace weir::llama {
namespace {

using Data = AnswerFormat::Data;

// llama-common's parser reads the whole text; it is asked again when the text has grown by a
// sixteenth, so that all its runs together read 16 times the answer.
constexpr size_t kGrowthDivisor = 16;
constexpr size_t kGrowthLeast = 8;

bool IsSpace(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

std::string_view TrimLeft(std::string_view text) {
  while (!text.empty() && IsSpace(text.front())) text.remove_prefix(1);
  return text;
}

std::string_view Trim(std::string_view text) {
  text = TrimLeft(text);
  while (!text.empty() && IsSpace(text.back())) text.remove_suffix(1);
  return text;
}

// How much of the end of `text` may be the beginning of `marker`.
size_t Possible(std::string_view text, std::string_view marker) {
  if (marker.empty()) return 0;
  for (size_t length = std::min(text.size(), marker.size() - 1); length > 0; --length) {
    if (text.ends_with(marker.substr(0, length))) return length;
  }
  return 0;
}

// Follows a JSON object or array byte by byte, loosely about scalars, so that what is none is known
// as soon as it stops being one.
struct JsonScan {
  enum class Want : uint8_t { kValue, kValueOrEnd, kKey, kKeyOrEnd, kColon, kCommaOrEnd };
  enum class Found : uint8_t { kMore, kEnd, kNoJson };

  size_t at = 0;  // of the next byte, or of the one that is wrong
  Want want = Want::kValue;
  std::string open = {};
  bool quoted = false;
  bool key = false;
  bool escaped = false;

  Found Advance(std::string_view text) {
    for (; at < text.size(); ++at) {
      if (!Take(text[at])) return Found::kNoJson;
      if (open.empty() && !quoted) {
        ++at;
        return Found::kEnd;
      }
    }
    return Found::kMore;
  }

 private:
  bool Take(char c) {
    if (quoted) return TakeQuoted(c);
    if (IsSpace(c)) return true;
    const bool value = want == Want::kValue || want == Want::kValueOrEnd;
    switch (c) {
      case '{':
      case '[':
        if (!value || open.size() > 64) return false;
        open += c;
        want = c == '{' ? Want::kKeyOrEnd : Want::kValueOrEnd;
        return true;
      case '}':
      case ']': {
        const Want empty = c == '}' ? Want::kKeyOrEnd : Want::kValueOrEnd;
        if (want != Want::kCommaOrEnd && want != empty) return false;
        if (open.empty() || open.back() != (c == '}' ? '{' : '[')) return false;
        open.pop_back();
        want = Want::kCommaOrEnd;
        return true;
      }
      case '"':
        key = want == Want::kKey || want == Want::kKeyOrEnd;
        if (!key && !value) return false;
        quoted = true;
        return true;
      case ':':
        if (want != Want::kColon) return false;
        want = Want::kValue;
        return true;
      case ',':
        if (want != Want::kCommaOrEnd) return false;
        want = open.back() == '{' ? Want::kKey : Want::kValue;
        return true;
      default:
        return TakeScalar(c, value);
    }
  }

  bool TakeQuoted(char c) {
    if (escaped) {
      escaped = false;
    } else if (c == '\\') {
      escaped = true;
    } else if (c == '"') {
      quoted = false;
      want = key ? Want::kColon : Want::kCommaOrEnd;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      return false;
    }
    return true;
  }

  bool TakeScalar(char c, bool value) {
    if (value) {
      want = Want::kCommaOrEnd;
      return std::string_view("-0123456789tfn").find(c) != std::string_view::npos;
    }
    // The rest of a number, true, false or null.
    return want == Want::kCommaOrEnd && !open.empty() &&
           std::string_view("0123456789.eE+-rualsn").find(c) != std::string_view::npos;
  }
};

// With its newline; all of a text that has none.
size_t FirstLine(std::string_view text) {
  const size_t newline = text.find('\n');
  return newline == std::string_view::npos ? text.size() : newline + 1;
}

}  // namespace

struct AnswerParser::State {
  enum class Phase : uint8_t {
    kThinking,  // until think_end
    kContent,   // text; looks for markers
    kJson,      // a candidate for a call, from `pending`'s start
    kFormat,    // llama-common reads everything
  };

  State(const AnswerFormat& answer_format, uint64_t seed) : format(answer_format), ids(seed) {
    if (const Data* data = format.get()) {
      if (!data->simple) {
        phase = Phase::kFormat;
      } else if (data->json_only && !data->starts_thinking) {
        phase = Phase::kJson;
      } else if (data->starts_thinking) {
        phase = Phase::kThinking;
      }
    }
    fresh_thought = phase == Phase::kThinking;
  }

  const Data* data() const { return format.get(); }
  bool looks_for_json() const { return data() != nullptr && !data()->json_functions.empty(); }

  void Read(std::string_view text);
  void Run(bool last);
  bool RunThinking(bool last);
  bool RunContent(bool last);
  bool RunJson(bool last);
  void RunFormat(bool last);
  size_t JsonStart() const;
  bool TakeCalls(std::string_view json);
  bool PassCloser(bool last);

  void Content(std::string_view text);
  void Thought(std::string_view text);
  void Call(chat::ToolCall call);
  void Emit(const common_chat_msg& now, bool last);
  std::string NewCallId();

  AnswerFormat format;
  uint64_t ids;
  Phase phase = Phase::kContent;
  chat::Delta delta;
  chat::Message answer{.role = chat::Role::kAssistant};
  std::string content;  // all that was emitted as content
  std::string pending;  // read, not yet emitted
  std::string all;      // the whole answer, where llama-common may have to read it
  size_t parsed_size = 0;
  bool format_broken = false;
  bool at_line_start = true;
  bool fresh_thought = false;  // white space at its start is not part of it
  bool fresh_content = false;  // the same after a thought
  std::string closer;          // of the fence or tag around the last call
  JsonScan scan;
  size_t json_from = 0;  // where in pending the JSON value starts
  int64_t parsed = 0;
  bool finished = false;
};

AnswerParser::AnswerParser(const AnswerFormat& format, uint64_t id_seed)
    : state_(std::make_unique<State>(format, id_seed)) {}
AnswerParser::~AnswerParser() = default;
AnswerParser::AnswerParser(AnswerParser&&) noexcept = default;
AnswerParser& AnswerParser::operator=(AnswerParser&&) noexcept = default;

chat::Delta AnswerParser::Push(std::string_view text) {
  state_->delta = {};
  state_->Read(text);
  state_->Run(/*last=*/false);
  return std::move(state_->delta);
}

chat::Delta AnswerParser::Finish() {
  CHECK(!state_->finished, "an answer ends once");
  state_->delta = {};
  state_->Run(/*last=*/true);
  state_->finished = true;
  state_->answer.parts.clear();
  if (!state_->content.empty()) state_->answer.parts.push_back({.text = state_->content});
  return std::move(state_->delta);
}

bool AnswerParser::has_tool_calls() const { return !state_->answer.tool_calls.empty(); }
bool AnswerParser::reasoning() const {
  return state_->phase == State::Phase::kThinking ||
         (state_->phase == State::Phase::kFormat && !state_->answer.reasoning.empty() &&
          state_->content.empty() && state_->answer.tool_calls.empty());
}
chat::Message AnswerParser::message() const { return state_->answer; }
int64_t AnswerParser::parsed_bytes() const { return state_->parsed; }

void AnswerParser::State::Read(std::string_view text) {
  pending += text;
  if (data() != nullptr && data()->has_parser) all += text;
}

void AnswerParser::State::Run(bool last) {
  bool again = true;
  while (again) {
    switch (phase) {
      case Phase::kThinking:
        again = RunThinking(last);
        break;
      case Phase::kContent:
        again = RunContent(last);
        break;
      case Phase::kJson:
        again = RunJson(last);
        break;
      case Phase::kFormat:
        RunFormat(last);
        again = false;
        break;
    }
  }
}

bool AnswerParser::State::RunThinking(bool last) {
  parsed += static_cast<int64_t>(pending.size());
  if (fresh_thought) {
    const std::string_view rest = TrimLeft(pending);
    pending.erase(0, pending.size() - rest.size());
    if (pending.empty()) return false;
    fresh_thought = false;
  }
  const size_t at = pending.find(data()->think_end);
  if (at != std::string::npos) {
    std::string_view thought(pending.data(), at);
    while (!thought.empty() && IsSpace(thought.back())) thought.remove_suffix(1);
    Thought(thought);
    pending.erase(0, at + data()->think_end.size());
    phase = data()->json_only ? Phase::kJson : Phase::kContent;
    fresh_content = true;
    at_line_start = true;
    return true;
  }
  // White space at the end may be that before the end tag.
  size_t hold = last ? 0 : Possible(pending, data()->think_end);
  size_t keep = pending.size() - hold;
  while (!last && keep > 0 && IsSpace(pending[keep - 1])) --keep;
  Thought(std::string_view(pending).substr(0, keep));
  pending.erase(0, keep);
  return false;
}

// Where in `pending` something starts that may be a call in JSON: a fence, or a brace at the start
// of a line; npos: nowhere.
size_t AnswerParser::State::JsonStart() const {
  bool start = at_line_start;
  for (size_t i = 0; i < pending.size(); ++i) {
    const char c = pending[i];
    const std::string_view rest = std::string_view(pending).substr(i);
    if (start && (c == '{' || c == '[' || c == '`')) {
      if (c != '`' || rest.starts_with("```") || std::string_view("```").starts_with(rest))
        return i;
    }
    if (c == '<' &&
        (rest.starts_with("<tool_call>") || std::string_view("<tool_call>").starts_with(rest))) {
      return i;
    }
    start = c == '\n' || (start && IsSpace(c));
  }
  return std::string::npos;
}

bool AnswerParser::State::RunContent(bool last) {
  parsed += static_cast<int64_t>(pending.size());
  if (!PassCloser(last)) return false;
  if (fresh_content) {
    const std::string_view rest = TrimLeft(pending);
    pending.erase(0, pending.size() - rest.size());
    if (pending.empty()) return false;
    fresh_content = false;
  }
  size_t hold = 0;
  if (data() != nullptr) {
    for (const std::string& marker : data()->tool_markers) {
      if (pending.find(marker) != std::string::npos) {
        phase = Phase::kFormat;
        return true;
      }
      hold = std::max(hold, Possible(pending, marker));
    }
    // A thought can only open the answer.
    if (!data()->think_start.empty() && content.empty() && answer.reasoning.empty()) {
      const std::string_view rest = TrimLeft(pending);
      if (rest.starts_with(data()->think_start)) {
        pending.erase(0, pending.size() - rest.size() + data()->think_start.size());
        phase = Phase::kThinking;
        fresh_thought = true;
        return true;
      }
      if (!last && std::string_view(data()->think_start).starts_with(rest)) return false;
    }
  }
  if (looks_for_json()) {
    const size_t at = JsonStart();
    if (at != std::string::npos) {
      Content(std::string_view(pending).substr(0, at));
      pending.erase(0, at);
      phase = Phase::kJson;
      scan = {};
      json_from = 0;
      return true;
    }
  }
  if (last) hold = 0;
  Content(std::string_view(pending).substr(0, pending.size() - hold));
  pending.erase(0, pending.size() - hold);
  return false;
}

// `pending` starts with what may be a call. Decided as soon as its JSON value is complete.
bool AnswerParser::State::RunJson(bool last) {
  // The first `count` bytes are content; what follows is looked at again.
  const auto give_up = [&](size_t count) {
    Content(std::string_view(pending).substr(0, count));
    pending.erase(0, count);
    phase = Phase::kContent;
    scan = {};
    json_from = 0;
    return !pending.empty();
  };
  if (scan.at == 0) {
    // Over a fence or a tag to the brace.
    const size_t brace = pending.find_first_of("{[");
    const std::string_view before = std::string_view(pending).substr(0, brace);
    const std::string_view opening = Trim(before);
    const bool plain = opening.empty() || opening == "```" || opening == "```json" ||
                       opening == "<tool_call>" || opening == "```tool_call" ||
                       opening == "```xml\n<tool_call>";
    bool becoming = false;
    for (const std::string_view whole :
         {"```json", "```tool_call", "<tool_call>", "```xml\n<tool_call>"}) {
      becoming = becoming || whole.starts_with(opening);
    }
    if (brace == std::string::npos) {
      if (!last && (plain || becoming) && pending.size() <= 64) return false;
      return pending.empty() ? false : give_up(FirstLine(pending));
    }
    if (!plain) return give_up(FirstLine(std::string_view(pending).substr(0, brace)));
    json_from = brace;
    scan.at = brace;
  }
  const size_t before = scan.at;
  const JsonScan::Found found = scan.Advance(pending);
  parsed += static_cast<int64_t>(scan.at - before);
  const size_t end = scan.at;
  switch (found) {
    case JsonScan::Found::kMore:
      // What a limit cut off is no call and shown as it is, unless it can only have become one.
      if (last && data()->json_only) {
        auto call = CutCallIn(std::string_view(pending).substr(json_from));
        if (call) Call(std::move(*call));
        pending.clear();
        return false;
      }
      if (last || pending.size() > kJsonCallBytesMax) return give_up(pending.size());
      return false;
    case JsonScan::Found::kNoJson:
      return give_up(std::max<size_t>(end, 1));
    case JsonScan::Found::kEnd:
      break;
  }
  parsed += static_cast<int64_t>(end - json_from);
  if (!TakeCalls(std::string_view(pending).substr(json_from, end - json_from))) {
    return give_up(end);
  }
  const std::string_view opened = std::string_view(pending).substr(0, json_from);
  closer = opened.starts_with("```") ? "```" : opened.starts_with("<") ? "</tool_call>" : "";
  pending.erase(0, end);
  phase = Phase::kContent;
  fresh_content = true;
  at_line_start = true;
  scan = {};
  json_from = 0;
  return !pending.empty();
}

// The end of a fence or tag belongs to the call before it. False: it may still be on its way.
bool AnswerParser::State::PassCloser(bool last) {
  if (closer.empty()) return true;
  const std::string_view rest = TrimLeft(pending);
  if (!last && closer.size() > rest.size() && closer.starts_with(rest)) return false;
  if (rest.starts_with(closer)) {
    pending.erase(0, pending.size() - rest.size() + closer.size());
  } else if (last && closer.starts_with(rest)) {
    pending.clear();
  }
  closer.clear();
  return true;
}

bool AnswerParser::State::TakeCalls(std::string_view json) {
  auto calls = CallsIn(json, data()->json_functions);
  if (!calls) return false;
  // Where one call was asked for, what the model calls beyond it is left out.
  const size_t room = answer.tool_calls.empty() ? 1 : 0;
  if (!data()->parallel && calls->size() > room) calls->resize(room);
  for (chat::ToolCall& call : *calls) Call(std::move(call));
  return true;
}

void AnswerParser::State::RunFormat(bool last) {
  if (format_broken) {
    Content(pending);
    pending.clear();
    return;
  }
  const size_t due = parsed_size + std::max(kGrowthLeast, parsed_size / kGrowthDivisor);
  if (!last && all.size() < due) return;
  parsed_size = all.size();
  parsed += static_cast<int64_t>(all.size());
  try {
    Emit(common_chat_parse(all, /*is_partial=*/!last, data()->parser), last);
    pending.clear();
  } catch (const std::exception&) {
    // In the middle the next bytes may put it right; at the end it is text.
    if (!last) return;
    if (answer.tool_calls.empty()) {
      std::string rest = all;
      if (rest.starts_with(content)) rest.erase(0, content.size());
      if (answer.reasoning.empty()) {
        if (looks_for_json() && TakeCalls(Trim(rest))) return;
        Content(rest);
      } else {
        Content(pending);
      }
    }
    pending.clear();
  }
}

// What `now` has that was not emitted. A parse that takes something back is ignored: what was sent
// was sent.
void AnswerParser::State::Emit(const common_chat_msg& now, bool last) {
  if (now.reasoning_content.starts_with(answer.reasoning)) {
    Thought(std::string_view(now.reasoning_content).substr(answer.reasoning.size()));
  }
  if (now.content.starts_with(content)) {
    // Half a marker at the end would be content now and a call later.
    std::string_view fresh = std::string_view(now.content).substr(content.size());
    size_t hold = 0;
    if (!last) {
      for (const std::string& marker : data()->tool_markers) {
        hold = std::max(hold, Possible(fresh, marker));
      }
    }
    fresh.remove_suffix(hold);
    Content(fresh);
  }
  for (size_t i = 0; i < now.tool_calls.size(); ++i) {
    const common_chat_tool_call& call = now.tool_calls[i];
    if (!data()->parallel && i > 0) break;
    const bool complete = last || i + 1 < now.tool_calls.size();
    if (i >= answer.tool_calls.size()) {
      // A name may still grow; it is certain when arguments follow.
      if (call.name.empty() || (!complete && call.arguments.empty())) break;
      Call({.id = call.id, .name = call.name});
    }
    chat::ToolCall& ours = answer.tool_calls[i];
    if (!call.arguments.starts_with(ours.arguments)) continue;
    std::string fresh = call.arguments.substr(ours.arguments.size());
    if (last && ours.arguments.empty() && fresh.empty()) fresh = "{}";
    if (fresh.empty()) continue;
    ours.arguments += fresh;
    auto& deltas = delta.tool_calls;
    if (!deltas.empty() && deltas.back().index == static_cast<int32_t>(i)) {
      deltas.back().arguments += fresh;
    } else {
      deltas.push_back({.index = static_cast<int32_t>(i), .arguments = std::move(fresh)});
    }
  }
}

void AnswerParser::State::Content(std::string_view text) {
  if (text.empty()) return;
  content += text;
  delta.text += text;
  at_line_start =
      text.back() == '\n' || (IsSpace(text.back()) && at_line_start && Trim(text).empty());
}

void AnswerParser::State::Thought(std::string_view text) {
  answer.reasoning += text;
  delta.reasoning += text;
}

void AnswerParser::State::Call(chat::ToolCall call) {
  if (call.id.empty()) call.id = NewCallId();
  delta.tool_calls.push_back({.index = static_cast<int32_t>(answer.tool_calls.size()),
                              .id = call.id,
                              .name = call.name,
                              .arguments = call.arguments});
  answer.tool_calls.push_back(std::move(call));
}

std::string AnswerParser::State::NewCallId() {
  constexpr std::string_view kLetters =
      "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  std::string id = "call_";
  for (int i = 0; i < 24; ++i) {
    ids += 0x9E3779B97F4A7C15u;
    uint64_t z = ids;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    id += kLetters[static_cast<size_t>((z ^ (z >> 31)) % kLetters.size())];
  }
  return id;
}

}  // namespace weir::llama

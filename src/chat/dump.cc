#include "chat/dump.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/check.h"

namespace weir::chat {
namespace {

// On one line, with what is not printable written as an escape.
std::string Quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (byte < 0x20 || byte == 0x7f) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
  return out + '"';
}

template <class T>
void Put(std::string& out, std::string_view name, const std::optional<T>& value) {
  if (value) out += fmt::format("{}: {}\n", name, *value);
}
void Put(std::string& out, std::string_view name, const std::string& text) {
  if (!text.empty()) out += fmt::format("{}: {}\n", name, Quoted(text));
}
void Put(std::string& out, std::string_view name, const std::vector<std::string>& texts) {
  if (texts.empty()) return;
  std::vector<std::string> quoted;
  for (const std::string& text : texts) quoted.push_back(Quoted(text));
  out += fmt::format("{}: {}\n", name, fmt::join(quoted, ", "));
}
void Put(std::string& out, std::string_view name, bool flag) {
  if (flag) out += fmt::format("{}\n", name);
}

std::string_view KindName(Part::Kind kind) {
  switch (kind) {
    case Part::Kind::kText:
      return "text";
    case Part::Kind::kImage:
      return "image";
    case Part::Kind::kAudio:
      return "audio";
    case Part::Kind::kFile:
      return "file";
  }
  CHECK(false, "part kind out of range");
}

std::string_view MarkName(CacheMark mark) {
  if (mark == CacheMark::kNone) return "";
  return mark == CacheMark::kHour ? " (cache for an hour)" : " (cache)";
}

void Put(std::string& out, const Part& part) {
  if (part.kind == Part::Kind::kText) {
    out += fmt::format("  text: {}{}\n", Quoted(part.text), MarkName(part.cache));
    return;
  }
  out += fmt::format("  {}: {} bytes", KindName(part.kind), part.data.size());
  for (const auto& [name, text] :
       {std::pair<std::string_view, const std::string&>{"media_type", part.media_type},
        {"url", part.url},
        {"name", part.name},
        {"detail", part.detail}}) {
    if (!text.empty()) out += fmt::format(", {} {}", name, text);
  }
  out += fmt::format("{}\n", MarkName(part.cache));
}

void Put(std::string& out, const Message& message) {
  out += fmt::format("{}\n", RoleName(message.role));
  Put(out, "  name", message.name);
  Put(out, "  tool_call_id", message.tool_call_id);
  Put(out, "  reasoning", message.reasoning);
  if (message.failed) out += "  failed\n";
  if (message.cache != CacheMark::kNone) out += fmt::format(" {}\n", MarkName(message.cache));
  for (const Thought& thought : message.thoughts) {
    if (thought.signature.empty() && thought.hidden.empty()) continue;
    out += fmt::format("  thought of {} bytes before {}", thought.text_bytes, thought.at);
    if (!thought.signature.empty()) out += ", signed " + thought.signature;
    if (!thought.hidden.empty()) out += ", hidden " + thought.hidden;
    out += '\n';
  }
  for (const Part& part : message.parts) Put(out, part);
  for (const ToolCall& call : message.tool_calls) {
    out += fmt::format("  tool_call: {} {}({}){}\n", call.id, call.name, call.arguments,
                       MarkName(call.cache));
  }
}

void Put(std::string& out, std::string_view name, const Prompt& prompt) {
  if (prompt.tokens.empty()) {
    out += fmt::format("{}: {}\n", name, Quoted(prompt.text));
  } else {
    out += fmt::format("{}: tokens {}\n", name, fmt::join(prompt.tokens, " "));
  }
}

void Put(std::string& out, const Sampling& sampling) {
  Put(out, "temperature", sampling.temperature);
  Put(out, "top_k", sampling.top_k);
  Put(out, "top_p", sampling.top_p);
  Put(out, "min_p", sampling.min_p);
  Put(out, "typical_p", sampling.typical_p);
  Put(out, "repeat_penalty", sampling.repeat_penalty);
  Put(out, "frequency_penalty", sampling.frequency_penalty);
  Put(out, "presence_penalty", sampling.presence_penalty);
  Put(out, "penalty_last_n", sampling.penalty_last_n);
  Put(out, "dry_multiplier", sampling.dry_multiplier);
  Put(out, "dry_base", sampling.dry_base);
  Put(out, "dry_allowed_length", sampling.dry_allowed_length);
  Put(out, "dry_penalty_last_n", sampling.dry_penalty_last_n);
  Put(out, "dry_sequence_breakers", sampling.dry_sequence_breakers);
  Put(out, "xtc_probability", sampling.xtc_probability);
  Put(out, "xtc_threshold", sampling.xtc_threshold);
  Put(out, "mirostat", sampling.mirostat);
  Put(out, "mirostat_tau", sampling.mirostat_tau);
  Put(out, "mirostat_eta", sampling.mirostat_eta);
  Put(out, "seed", sampling.seed);
  for (const auto& [token, bias] : sampling.logit_bias)
    out += fmt::format("logit_bias: {} {}\n", token, bias);
  for (const auto& [text, bias] : sampling.text_bias)
    out += fmt::format("text_bias: {} {}\n", Quoted(text), bias);
  Put(out, "ignore_eos", sampling.ignore_eos);
}

void Put(std::string& out, const ResponseFormat& format) {
  switch (format.kind) {
    case ResponseFormat::Kind::kText:
      return;
    case ResponseFormat::Kind::kJsonObject:
      out += "response_format: a JSON object\n";
      return;
    case ResponseFormat::Kind::kGrammar:
      out += fmt::format("response_format: grammar {}\n", Quoted(format.grammar));
      return;
    case ResponseFormat::Kind::kJsonSchema:
      out += fmt::format("response_format: schema {}{} {}\n", Quoted(format.name),
                         format.strict ? " strict" : "", format.schema);
      return;
  }
}

std::string_view EffortName(Reasoning::Effort effort) {
  switch (effort) {
    case Reasoning::Effort::kDefault:
      return "default";
    case Reasoning::Effort::kNone:
      return "none";
    case Reasoning::Effort::kMinimal:
      return "minimal";
    case Reasoning::Effort::kLow:
      return "low";
    case Reasoning::Effort::kMedium:
      return "medium";
    case Reasoning::Effort::kHigh:
      return "high";
    case Reasoning::Effort::kXHigh:
      return "xhigh";
    case Reasoning::Effort::kMax:
      return "max";
  }
  CHECK(false, "effort out of range");
}

void PutTools(std::string& out, const GenerateRequest& request) {
  for (const Tool& tool : request.tools) {
    out += fmt::format("tool: {}{}", tool.name, tool.strict ? " strict" : "");
    if (!tool.description.empty()) out += fmt::format(" {}", Quoted(tool.description));
    out += fmt::format(" {}{}\n", tool.parameters.empty() ? "no parameters" : tool.parameters,
                       MarkName(tool.cache));
  }
  using Mode = ToolChoice::Mode;
  const ToolChoice& choice = request.tool_choice;
  if (choice.mode != Mode::kAuto || !choice.names.empty()) {
    out += fmt::format("tool_choice: {}{}{}\n",
                       choice.mode == Mode::kAuto   ? "auto"
                       : choice.mode == Mode::kNone ? "none"
                                                    : "required",
                       choice.names.empty() ? "" : " of ", fmt::join(choice.names, ", "));
  }
  if (!request.parallel_tool_calls) out += "parallel_tool_calls: false\n";
}

}  // namespace

std::string Dump(const GenerateRequest& request) {
  std::string out = fmt::format("model: {}\n", request.model);
  for (const Message& message : request.messages) Put(out, message);
  if (!request.context.empty())
    out += fmt::format("context: {}\n", fmt::join(request.context, " "));
  for (const Prompt& prompt : request.prompts) Put(out, "prompt", prompt);
  if (request.has_suffix) out += fmt::format("suffix: {}\n", Quoted(request.suffix));
  for (const ContextFile& file : request.files)
    out += fmt::format("file {}: {}\n", Quoted(file.name), Quoted(file.text));
  PutTools(out, request);
  Put(out, request.response_format);
  if (request.reasoning.effort != Reasoning::Effort::kDefault) {
    out += fmt::format("reasoning_effort: {}\n", EffortName(request.reasoning.effort));
  }
  if (request.reasoning.thinking != Reasoning::Thinking::kByEffort) {
    const bool asked = request.reasoning.thinking == Reasoning::Thinking::kAsked;
    out += asked ? "thinking: asked\n" : "thinking: unasked\n";
  }
  Put(out, "reasoning_budget", request.reasoning.budget_tokens);
  if (request.verbosity != Verbosity::kDefault) {
    out += fmt::format("verbosity: {}\n", request.verbosity == Verbosity::kLow      ? "low"
                                          : request.verbosity == Verbosity::kMedium ? "medium"
                                                                                    : "high");
  }
  for (const auto& [name, json] : request.template_arguments) {
    out += fmt::format("template_argument: {} = {}\n", name, json);
  }
  Put(out, request.sampling);
  if (request.n != 1) out += fmt::format("n: {}\n", request.n);
  Put(out, "max_tokens", request.max_tokens);
  Put(out, "stop", request.stop);
  if (!request.prediction.empty())
    out += fmt::format("prediction: {}\n", Quoted(request.prediction));
  if (request.logprobs) out += fmt::format("logprobs: top {}\n", request.top_logprobs);
  Put(out, "echo", request.echo);
  Put(out, "return_tokens", request.return_tokens);
  if (request.priority == Priority::kBatch) out += "priority: batch\n";
  if (request.priority == Priority::kBackground) out += "priority: background\n";
  Put(out, "keep_alive_ms", request.keep_alive_ms);
  for (const auto& [name, json] : request.provider_fields)
    out += fmt::format("for providers: {} = {}\n", name, json);
  return out;
}

std::string Dump(const EmbedRequest& request) {
  std::string out = fmt::format("model: {}\n", request.model);
  for (const Prompt& input : request.inputs) Put(out, "input", input);
  Put(out, "input_tokens_max", request.input_tokens_max);
  Put(out, "dimensions", request.dimensions);
  Put(out, "keep_alive_ms", request.keep_alive_ms);
  return out;
}

}  // namespace weir::chat

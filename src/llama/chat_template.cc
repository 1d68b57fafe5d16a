#include "llama/chat_template.h"

#include <chat.h>
#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <optional>
#include <utility>

#include "base/check.h"
#include "llama/answer_format.h"
#include "llama/chat_check.h"
#include "llama/grammar_gate.h"
#include "llama/json_calls.h"
#include "llama/marks.h"
#include "llama/schema_work.h"

namespace weir::llama {
namespace {

using Data = AnswerFormat::Data;

struct Capabilities {
  bool tools = false;
  bool tool_calls = false;
};

Capabilities CapabilitiesOf(const common_chat_templates* templates) {
  const auto map = common_chat_templates_get_caps(templates);
  const auto has = [&](const char* name) {
    const auto it = map.find(name);
    return it != map.end() && it->second;
  };
  return {.tools = has("supports_tools"), .tool_calls = has("supports_tool_calls")};
}

std::string_view RoleText(chat::Role role) { return chat::RoleName(role); }

// `images`: how many there were in the messages before.
common_chat_msg MessageOf(const chat::Message& message, const Marks& marks, size_t& images) {
  common_chat_msg msg;
  msg.role = RoleText(message.role);
  if (message.parts.size() == 1 && !IsImage(message.parts.front())) {
    msg.content = marks.Guarded(message.parts.front().text);
  } else {
    for (const chat::Part& part : message.parts) {
      if (IsImage(part)) {
        msg.content_parts.push_back({.type = "media_marker", .text = marks.Image(images++)});
      } else {
        msg.content_parts.push_back({.type = "text", .text = marks.Guarded(part.text)});
      }
    }
  }
  for (const chat::ToolCall& call : message.tool_calls) {
    msg.tool_calls.push_back(
        {.name = marks.Guarded(call.name),
         .arguments = marks.GuardedJson(call.arguments.empty() ? "{}" : call.arguments),
         .id = marks.Guarded(call.id)});
  }
  msg.reasoning_content = marks.Guarded(message.reasoning);
  msg.tool_name = marks.Guarded(message.name);
  msg.tool_call_id = marks.Guarded(message.tool_call_id);
  return msg;
}

// For a template that knows no tools: what was a call or a result becomes text.
chat::Message AsPlainMessage(const chat::Message& message) {
  chat::Message plain{.role = message.role};
  std::string text;
  if (message.role == chat::Role::kTool) {
    plain.role = chat::Role::kUser;
    text = "The function returned:\n";
  }
  for (const chat::Part& part : message.parts) {
    text += part.text;
    if (!IsImage(part)) continue;
    if (!text.empty()) plain.parts.push_back({.text = std::exchange(text, {})});
    plain.parts.push_back({.kind = chat::Part::Kind::kImage});
  }
  for (const chat::ToolCall& call : message.tool_calls) {
    if (!text.empty()) text += "\n";
    text += CallText(call);
  }
  if (!text.empty() || plain.parts.empty()) plain.parts.push_back({.text = std::move(text)});
  return plain;
}

std::vector<chat::Message> WithToolPrompt(const chat::GenerateRequest& request,
                                          const std::vector<chat::Tool>& tools) {
  std::vector<chat::Message> messages;
  for (const chat::Message& message : request.messages) messages.push_back(AsPlainMessage(message));
  if (tools.empty()) return messages;
  const bool required = request.tool_choice.mode == chat::ToolChoice::Mode::kRequired;
  const std::string prompt = ToolPrompt(tools, required);
  const chat::Role first = messages.front().role;
  if (first == chat::Role::kSystem || first == chat::Role::kDeveloper) {
    messages.front().parts.front().text += "\n\n" + prompt;
  } else {
    messages.insert(messages.begin(),
                    chat::Message{.role = chat::Role::kSystem, .parts = {{.text = prompt}}});
  }
  return messages;
}

std::string_view EffortName(chat::Reasoning::Effort effort) {
  switch (effort) {
    case chat::Reasoning::Effort::kMinimal:
      return "minimal";
    case chat::Reasoning::Effort::kLow:
      return "low";
    case chat::Reasoning::Effort::kMedium:
      return "medium";
    case chat::Reasoning::Effort::kHigh:
    case chat::Reasoning::Effort::kXHigh:
    case chat::Reasoning::Effort::kMax:
      return "high";
    case chat::Reasoning::Effort::kDefault:
    case chat::Reasoning::Effort::kNone:
      return "";
  }
  return "";
}

common_chat_templates_inputs InputsOf(const chat::GenerateRequest& request,
                                      const std::vector<chat::Message>& messages,
                                      const std::vector<chat::Tool>& tools, const Marks& marks,
                                      bool required = false) {
  common_chat_templates_inputs inputs;
  size_t images = 0;
  for (const chat::Message& message : messages) {
    inputs.messages.push_back(MessageOf(message, marks, images));
  }
  for (const chat::Tool& tool : tools) {
    inputs.tools.push_back({.name = tool.name,
                            .description = marks.Guarded(tool.description),
                            .parameters = tool.parameters.empty()
                                              ? R"({"type":"object","properties":{}})"
                                              : marks.GuardedJson(tool.parameters)});
  }
  inputs.tool_choice = required ? COMMON_CHAT_TOOL_CHOICE_REQUIRED : COMMON_CHAT_TOOL_CHOICE_AUTO;
  inputs.parallel_tool_calls = request.parallel_tool_calls;
  inputs.reasoning_format = COMMON_REASONING_FORMAT_DEEPSEEK;
  inputs.enable_thinking = request.reasoning.effort != chat::Reasoning::Effort::kNone;
  for (const auto& [name, value] : request.template_arguments) {
    inputs.chat_template_kwargs[name] = marks.GuardedJson(value);
  }
  if (const std::string_view effort = EffortName(request.reasoning.effort); !effort.empty()) {
    inputs.chat_template_kwargs["reasoning_effort"] = fmt::format("\"{}\"", effort);
  }
  return inputs;
}

// Of these llama-common makes a grammar and a parser. A schema of which it cannot is what the model
// is told, and any object may be what it answers.
std::vector<chat::Tool> WithGrammars(std::vector<chat::Tool> tools) {
  SchemaWork work;
  for (chat::Tool& tool : tools) {
    if (!tool.parameters.empty() && !HasGrammar(tool.parameters, work)) {
      tool.parameters = R"({"type":"object"})";
    }
  }
  return tools;
}

// The text of the answer that the conversation has begun, if its last message is one.
const chat::Message* BegunIn(const chat::GenerateRequest& request) {
  if (request.messages.size() < 2) return nullptr;
  const chat::Message& last = request.messages.back();
  if (last.role != chat::Role::kAssistant || !last.tool_calls.empty()) return nullptr;
  return last.parts.empty() ? nullptr : &last;
}

Result<void> CheckBegun(const chat::GenerateRequest& request, bool reasons) {
  const auto wrong = [](const char* what, const char* param) {
    return Fail(
        Code::kInvalidArgument,
        fmt::format("{} when the last message is the assistant's: that begins the answer", what),
        param);
  };
  if (request.tool_choice.mode == chat::ToolChoice::Mode::kRequired)
    return wrong("no call can be required", "tool_choice");
  using Effort = chat::Reasoning::Effort;
  const chat::Reasoning& reasoning = request.reasoning;
  if (!reasons || reasoning.thinking == chat::Reasoning::Thinking::kUnasked) return {};
  if (reasoning.budget_tokens) return wrong("there is no thinking", "reasoning_budget");
  if (reasoning.thinking == chat::Reasoning::Thinking::kAsked)
    return wrong("there is no thinking", "thinking");
  if (reasoning.effort != Effort::kDefault && reasoning.effort != Effort::kNone)
    return wrong("there is no thinking", "reasoning_effort");
  return {};
}

// What a client sent is never repeated in an error, and templates' messages may hold it.
std::unexpected<Error> Refused() {
  return Fail(Code::kUnprocessable,
              "the model's chat template refuses this conversation; it may not know these roles in "
              "this order, or need other fields",
              "messages", "template_refused");
}

std::string WithoutEnds(std::string text) {
  const auto space = [](char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; };
  while (!text.empty() && space(text.back())) text.pop_back();
  size_t start = 0;
  while (start < text.size() && space(text[start])) ++start;
  return text.substr(start);
}

// Whether the state machine of AnswerParser and llama-common's parser agree on this format.
bool IsSimple(const Data& data) {
  const auto parse = [&](const std::string& text) {
    common_chat_msg msg = common_chat_parse(text, /*is_partial=*/false, data.parser);
    return std::pair(WithoutEnds(msg.reasoning_content), WithoutEnds(msg.content));
  };
  try {
    if (data.starts_thinking) {
      return parse("because" + data.think_end + "Hello [1] {x} there.") ==
             std::pair<std::string, std::string>("because", "Hello [1] {x} there.");
    }
    if (parse("Hello [1] {x} there.") !=
        std::pair<std::string, std::string>("", "Hello [1] {x} there.")) {
      return false;
    }
    return data.think_start.empty() ||
           parse(data.think_start + "because" + data.think_end + "Hello") ==
               std::pair<std::string, std::string>("because", "Hello");
  } catch (const std::exception&) {
    return false;
  }
}

void ReadThinking(const common_chat_params& params, Data& data) {
  if (!params.supports_thinking || params.thinking_end_tags.empty()) return;
  data.think_start = WithoutEnds(params.thinking_start_tag);
  data.think_end = WithoutEnds(params.thinking_end_tags.front());
  if (data.think_end.empty()) data.think_start.clear();
  if (data.think_start.empty()) {
    data.think_end.clear();
    return;
  }
  const size_t opened = params.generation_prompt.rfind(data.think_start);
  const size_t closed = params.generation_prompt.rfind(data.think_end);
  data.starts_thinking =
      opened != std::string::npos && (closed == std::string::npos || closed < opened);
}

Grammar GrammarOf(const common_chat_params& params) {
  Grammar grammar{.gbnf = params.grammar, .lazy = params.grammar_lazy, .trusted = true};
  for (const common_grammar_trigger& trigger : params.grammar_triggers) {
    GrammarTrigger ours{.value = trigger.value, .token = trigger.token};
    switch (trigger.type) {
      case COMMON_GRAMMAR_TRIGGER_TYPE_TOKEN:
        ours.kind = GrammarTrigger::Kind::kToken;
        break;
      case COMMON_GRAMMAR_TRIGGER_TYPE_WORD:
        ours.kind = GrammarTrigger::Kind::kWord;
        break;
      case COMMON_GRAMMAR_TRIGGER_TYPE_PATTERN:
        ours.kind = GrammarTrigger::Kind::kPattern;
        break;
      case COMMON_GRAMMAR_TRIGGER_TYPE_PATTERN_FULL:
        ours.kind = GrammarTrigger::Kind::kPatternFull;
        break;
    }
    grammar.triggers.push_back(std::move(ours));
  }
  if (!grammar.lazy) grammar.prefill = params.generation_prompt;
  return grammar;
}

Result<std::optional<Grammar>> FormatGrammar(const chat::ResponseFormat& format) {
  using Kind = chat::ResponseFormat::Kind;
  switch (format.kind) {
    case Kind::kText:
      return std::nullopt;
    case Kind::kJsonObject:
      return Grammar{.gbnf = JsonObjectGrammar()};
    case Kind::kJsonSchema: {
      auto gbnf = GrammarFromSchema(format.schema, "response_format.json_schema.schema");
      if (!gbnf) return Fail(gbnf.error());
      return Grammar{.gbnf = std::move(*gbnf)};
    }
    case Kind::kGrammar: {
      if (auto checked = CheckGrammar(format.grammar); !checked) return Fail(checked.error());
      return Grammar{.gbnf = format.grammar};
    }
  }
  return std::nullopt;
}

}  // namespace

struct ChatTemplate::State {
  common_chat_params Apply(const common_chat_templates_inputs& inputs, const chat::Message* begun,
                           const Marks& marks) const;
  // The grammar of an answer takes what has been written of it.
  Result<void> BeginAnswer(const chat::Message& begun, RenderedPrompt& prompt) const;

  State(const Model& owner, common_chat_templates_ptr parsed)
      : model(owner),
        templates(std::move(parsed)),
        source(common_chat_templates_source(templates.get())),
        guard(owner.vocabulary(),
              source + common_chat_templates_source(templates.get(), "tool_use")),
        capabilities(CapabilitiesOf(templates.get())) {}

  // The prompt's tokens, text and places of images.
  Result<void> ReadPrompt(std::string_view rendered, const Marks& marks,
                          RenderedPrompt& prompt) const;
  // Everything of a rendered prompt that is not the prompt.
  Result<void> ReadFormat(const common_chat_params& params, const chat::GenerateRequest& request,
                          const std::vector<chat::Tool>& tools, bool native_tools,
                          RenderedPrompt& prompt) const;

  // Renders one message, to see what kind of template this is. Throws as llama-common does.
  void Learn();

  const Model& model;
  common_chat_templates_ptr templates;
  std::string source;
  Guard guard;
  Capabilities capabilities;
  bool reasons = false;
  std::string think_start = {};
  std::string think_end = {};
  // Answers are plain text, so that without tools nothing has to be found out about the template
  // again with every request (llama-common renders it dozens of times for that).
  bool plain = false;
  std::vector<std::string> plain_stops;
};

void ChatTemplate::State::Learn() {
  common_chat_templates_inputs inputs;
  inputs.messages.push_back({.role = "user", .content = "test"});
  inputs.reasoning_format = COMMON_REASONING_FORMAT_DEEPSEEK;
  const common_chat_params params = common_chat_templates_apply(templates.get(), inputs);
  reasons = params.supports_thinking;
  Data data;
  ReadThinking(params, data);
  think_start = data.think_start;
  think_end = data.think_end;
  data.parser = common_chat_parser_params(params);
  data.parser.parser.load(params.parser);
  inputs.force_pure_content = true;
  const common_chat_params pure = common_chat_templates_apply(templates.get(), inputs);
  plain = !reasons && pure.prompt == params.prompt && params.grammar.empty() &&
          params.preserved_tokens.empty() && IsSimple(data);
  plain_stops = params.additional_stops;
}

// Behind the place where the assistant speaks stands what it has said. A thought that the template
// opens there is over.
common_chat_params ChatTemplate::State::Apply(const common_chat_templates_inputs& inputs,
                                              const chat::Message* begun,
                                              const Marks& marks) const {
  common_chat_params params = common_chat_templates_apply(templates.get(), inputs);
  if (begun == nullptr) return params;
  std::string closing;
  if (const std::string& opening = params.generation_prompt; !think_start.empty()) {
    const size_t opened = opening.rfind(think_start);
    const size_t closed = opening.rfind(think_end);
    if (opened != std::string::npos && (closed == std::string::npos || closed < opened))
      closing = think_end + "\n\n";
  }
  params.generation_prompt += closing;
  params.prompt += closing + marks.Guarded(chat::TextOf(*begun));
  return params;
}

Result<void> ChatTemplate::State::BeginAnswer(const chat::Message& begun,
                                              RenderedPrompt& prompt) const {
  const Data& data = *prompt.format.get();
  if (!data.simple) {
    return Fail(Code::kUnprocessable,
                "this model's answers have a form of their own, and none can be begun for it; end "
                "with a message of the user or of a tool",
                "messages", "begun_answer_unsupported");
  }
  if (!prompt.has_grammar || prompt.grammar.lazy) return {};
  prompt.grammar.prefill = chat::TextOf(begun);
  if (GrammarGate::Create(model.vocabulary(), prompt.grammar)) return {};
  return Fail(Code::kInvalidArgument,
              "the last message begins an answer that the response_format does not allow",
              "messages");
}

ChatTemplate::ChatTemplate(std::unique_ptr<State> state) : state_(std::move(state)) {}
ChatTemplate::~ChatTemplate() = default;

Result<std::unique_ptr<ChatTemplate>> ChatTemplate::Create(const Model& model,
                                                           std::string_view source) {
  const size_t bytes = source.empty() ? model.facts().chat_template.size() : source.size();
  if (bytes > kTemplateBytesMax) {
    return Fail(Code::kInvalidArgument,
                fmt::format("the chat template is over {} bytes", kTemplateBytesMax));
  }
  try {
    auto state = std::make_unique<State>(
        model, common_chat_templates_init(model.raw(), std::string(source)));
    state->Learn();
    return std::unique_ptr<ChatTemplate>(new ChatTemplate(std::move(state)));
  } catch (const std::exception&) {
    return Fail(Code::kInvalidArgument,
                "the model's chat template does not work: it cannot render a single message", {},
                "template_invalid");
  }
}

bool ChatTemplate::supports_tools() const { return state_->capabilities.tools; }
bool ChatTemplate::supports_reasoning() const { return state_->reasons; }
std::string_view ChatTemplate::source() const { return state_->source; }

Result<void> ChatTemplate::State::ReadPrompt(std::string_view rendered, const Marks& marks,
                                             RenderedPrompt& prompt) const {
  const Vocabulary& vocabulary = model.vocabulary();
  bool first = true;
  bool begins = true;  // a text: at the start, and behind an image as behind a control token
  for (const Marks::Piece& piece : marks.Split(rendered)) {
    auto part = begins ? vocabulary.Tokenize(piece.text, /*parse_special=*/true,
                                             /*add_special=*/false)
                       : vocabulary.TokenizeMiddle(piece.text, /*parse_special=*/true);
    if (!part) return Fail(part.error());
    const bool missing = part->empty() || part->front() != vocabulary.beginning();
    if (first && vocabulary.adds_beginning() && vocabulary.beginning() != kNoToken && missing) {
      prompt.tokens.push_back(vocabulary.beginning());
    }
    if (piece.image) prompt.images.push_back({prompt.tokens.size(), *piece.image});
    prompt.tokens.insert(prompt.tokens.end(), part->begin(), part->end());
    prompt.text += piece.image ? kImageText : piece.text;
    begins = piece.image.has_value();
    first = false;
  }
  return {};
}

Result<void> ChatTemplate::State::ReadFormat(const common_chat_params& params,
                                             const chat::GenerateRequest& request,
                                             const std::vector<chat::Tool>& tools,
                                             bool native_tools, RenderedPrompt& prompt) const {
  auto data = std::make_shared<Data>();
  const bool required = request.tool_choice.mode == chat::ToolChoice::Mode::kRequired;
  data->parallel = request.parallel_tool_calls;
  if (!params.parser.empty()) {
    data->parser = common_chat_parser_params(params);
    data->parser.reasoning_format = COMMON_REASONING_FORMAT_DEEPSEEK;
    data->parser.parser.load(params.parser);
    data->has_parser = true;
  }
  ReadThinking(params, *data);
  if (BegunIn(request) != nullptr) {  // what comes is the answer, whatever it looks like
    data->think_start.clear();
    data->think_end.clear();
  }
  if (!tools.empty()) data->json_functions = FunctionsOf(tools);

  auto format = FormatGrammar(request.response_format);
  if (!format) return Fail(format.error());
  // Triggers that are not plain words: llama-common's parser reads all of the answer.
  const bool lazy_words =
      params.grammar.empty() ||
      (params.grammar_lazy &&
       std::all_of(params.grammar_triggers.begin(), params.grammar_triggers.end(),
                   [](const common_grammar_trigger& trigger) {
                     return trigger.type == COMMON_GRAMMAR_TRIGGER_TYPE_WORD;
                   }));
  data->simple = !data->has_parser || (lazy_words && IsSimple(*data));
  // Where a call is required, that is the whole answer.
  const bool formatted = *format && !(required && !tools.empty());
  if (formatted && !tools.empty()) {
    using Kind = chat::ResponseFormat::Kind;
    if (!data->simple || request.response_format.kind == Kind::kGrammar) {
      return Fail(Code::kUnprocessable,
                  data->simple
                      ? "a grammar cannot be combined with tools that may be called; set "
                        "tool_choice to none, or leave one of the two out"
                      : "this model's calls cannot be combined with a response_format; set "
                        "tool_choice to none or required, or leave one of the two out",
                  "response_format");
    }
    auto gbnf = CallOrAnswerGrammar(request.tools, request.tool_choice, (*format)->gbnf);
    if (!gbnf) return Fail(gbnf.error());
    (*format)->gbnf = std::move(*gbnf);
    data->has_parser = false;
  }
  if (formatted) {
    prompt.has_grammar = true;
    prompt.grammar = std::move(**format);
    if (data->starts_thinking) prompt.grammar.starts_after = data->think_end;
  } else if (required && !tools.empty() && data->simple) {
    // The grammars of llama-common let a small model write white space without end here.
    auto gbnf = CallGrammar(request.tools, request.tool_choice);
    if (!gbnf) return Fail(gbnf.error());
    prompt.has_grammar = true;
    prompt.grammar = {.gbnf = std::move(*gbnf)};
    if (data->starts_thinking) prompt.grammar.starts_after = data->think_end;
    data->json_only = true;
    data->has_parser = false;
  } else if (native_tools && !params.grammar.empty()) {
    prompt.has_grammar = true;
    prompt.grammar = GrammarOf(params);
    for (const GrammarTrigger& trigger : prompt.grammar.triggers) {
      if (trigger.kind == GrammarTrigger::Kind::kWord) data->tool_markers.push_back(trigger.value);
    }
  }
  prompt.format = AnswerFormat(std::move(data));
  return {};
}

Result<RenderedPrompt> ChatTemplate::Render(const chat::GenerateRequest& request,
                                            bool images) const {
  const State& state = *state_;
  if (auto checked = CheckChat(request, images); !checked) return Fail(checked.error());
  auto tools = OfferedTools(request);
  if (!tools) return Fail(tools.error());
  const chat::Message* begun = BegunIn(request);
  if (begun != nullptr) {
    if (auto may = CheckBegun(request, state.reasons); !may) return Fail(may.error());
  }
  const bool native_tools = state.capabilities.tools;
  std::vector<chat::Message> messages =
      native_tools ? request.messages : WithToolPrompt(request, *tools);
  if (begun != nullptr) messages.pop_back();
  const Marks marks(state.guard);
  RenderedPrompt prompt;
  try {
    const std::vector<chat::Tool> native = native_tools ? *tools : std::vector<chat::Tool>{};
    common_chat_templates_inputs inputs = InputsOf(request, messages, native, marks);
    const std::vector<chat::Tool> readable = WithGrammars(native);
    const bool plain = state.plain && native.empty();
    inputs.force_pure_content = plain || readable != native;
    if (begun != nullptr) inputs.enable_thinking = false;
    common_chat_params params = state.Apply(inputs, begun, marks);
    if (plain) {
      params.parser.clear();
      params.additional_stops = state.plain_stops;
    }
    if (params.prompt.size() > kPromptBytesMax) {
      return Fail(Code::kTooLarge,
                  fmt::format("the rendered chat is over {} bytes", kPromptBytesMax), "messages");
    }
    if (auto read = state.ReadPrompt(params.prompt, marks, prompt); !read)
      return Fail(read.error());
    if (auto all = CheckPlaces(request.messages, prompt); !all) return Fail(all.error());
    if ((marks.used() && !plain) || readable != native) {
      // Grammars and parsers are made from the functions as they are, without marks.
      const Guard nothing_to_guard;
      const Marks unmarked(nothing_to_guard);
      inputs = InputsOf(request, messages, readable, unmarked);
      if (begun != nullptr) inputs.enable_thinking = false;
      params = state.Apply(inputs, begun, unmarked);
    }
    const bool required = request.tool_choice.mode == chat::ToolChoice::Mode::kRequired;
    if (auto read = state.ReadFormat(params, request, *tools, native_tools, prompt); !read) {
      return Fail(read.error());
    }
    if (required && !native.empty() && !prompt.format.get()->simple) {
      // A format of its own kind (channels, recipients): the model would not know plain JSON.
      const Guard nothing_to_guard;
      params = common_chat_templates_apply(
          state.templates.get(),
          InputsOf(request, messages, native, Marks(nothing_to_guard), /*required=*/true));
      if (auto read = state.ReadFormat(params, request, *tools, native_tools, prompt); !read) {
        return Fail(read.error());
      }
    }
    if (begun != nullptr) {
      if (auto taken = state.BeginAnswer(*begun, prompt); !taken) return Fail(taken.error());
    }
    const Data* data = prompt.format.get();
    prompt.stops = params.additional_stops;
    if (!data->think_end.empty()) {
      auto end = state.model.vocabulary().TokenizeMiddle(data->think_end, /*parse_special=*/true);
      if (end) prompt.reasoning_end = std::move(*end);
    }
    for (const std::string& text : params.preserved_tokens) {
      auto token = state.model.vocabulary().TokenizeMiddle(text, /*parse_special=*/true);
      if (token && token->size() == 1) prompt.visible_tokens.push_back(token->front());
    }
  } catch (const std::exception&) {
    return Refused();
  }
  return prompt;
}

}  // namespace weir::llama

#include "dialects/responses/request.h"

#include <fmt/format.h>

#include <algorithm>

#include "dialects/openai/attributes.h"
#include "dialects/openai/common_fields.h"
#include "dialects/openai/file_search.h"
#include "dialects/openai/tools.h"
#include "dialects/responses/items.h"
#include "json/fields.h"
#include "json/parse.h"
#include "json/writer.h"

namespace weir::responses {
namespace {

using Mode = chat::ToolChoice::Mode;
using openai::kNameBytesMax;
using openai::RefuseUnsupported;

constexpr size_t kTextBytesMax = size_t{32} << 20;
constexpr size_t kMessagesMax = 4096;

// They speak of billing, of caching at OpenAI, or of tools that nobody here has.
constexpr std::string_view kIgnored[] = {"prompt_cache_options", "max_tool_calls"};

// Tools that run at OpenAI, and tools that are no functions.
constexpr std::string_view kElsewhere[] = {"apply_patch",
                                           "code_interpreter",
                                           "computer",
                                           "computer_use",
                                           "computer_use_preview",
                                           "custom",
                                           "file_search",
                                           "image_generation",
                                           "local_shell",
                                           "mcp",
                                           "namespace",
                                           "programmatic_tool_calling",
                                           "shell",
                                           "tool_search",
                                           "web_search",
                                           "web_search_2025_08_26",
                                           "web_search_preview",
                                           "web_search_preview_2025_03_11"};

bool IsFunction(json::Fields& tool) {
  const json::Value* type = tool.Take("type");
  const std::string* word = type == nullptr ? nullptr : type->AsString();
  if (word != nullptr && std::ranges::find(kElsewhere, *word) != std::end(kElsewhere)) {
    RefuseUnsupported(tool, "type", "only functions are, which the client runs itself");
    return false;
  }
  constexpr std::string_view kFunctionOnly[] = {"function"};
  return tool.Require().WordIndex("type", kFunctionOnly).has_value();
}

bool IsFileSearch(const json::Value& tool) {
  const json::Value* type = tool.Find("type");
  return type != nullptr && type->AsString() != nullptr && *type->AsString() == "file_search";
}

void ReadTools(json::Fields& fields, CreateCall& call) {
  const json::Array* tools = fields.List("tools", openai::kToolsMax);
  if (tools == nullptr) return;
  std::string& echo = call.echo.tools_json;
  echo.clear();
  json::Writer writer(&echo);
  writer.BeginArray();
  for (size_t i = 0; i < tools->size() && !fields.problem(); ++i) {
    json::Fields function(fields.problem(), (*tools)[i], fields.PathOf("tools", i));
    if (IsFileSearch((*tools)[i])) {
      if (call.file_search) return function.Refuse("type", "file_search stands twice");
      function.Take("type");
      call.file_search = openai::ReadFileSearch(function);
      writer.Tree((*tools)[i]);
      continue;
    }
    if (!IsFunction(function)) return;
    if (function.Bool("defer_loading") == true)
      return RefuseUnsupported(function, "defer_loading", "there is no search for tools");
    chat::Tool tool = openai::ReadFunction(function, call.request.tools);
    writer.BeginObject().Field("type", "function").Field("name", tool.name);
    if (!tool.description.empty()) writer.Field("description", tool.description);
    writer.Key("parameters");
    tool.parameters.empty() ? writer.Null() : writer.Raw(tool.parameters);
    writer.Field("strict", tool.strict).EndObject();
    call.request.tools.push_back(std::move(tool));
  }
  if (!fields.problem()) writer.EndArray();
}

// {"type": "function", "name": ...}
std::string ReadNamed(json::Fields& named, const std::vector<chat::Tool>& tools) {
  if (!IsFunction(named)) return {};
  std::string name = named.Require().String("name", openai::kToolNameMax).value_or("");
  if (!openai::Offers(tools, name)) named.Refuse("name", "is not among the tools of this request");
  named.RefuseUnread();
  return name;
}

void ReadAllowed(json::Fields& choice, const std::vector<chat::Tool>& tools,
                 chat::ToolChoice& out) {
  choice.Take("type");
  out.mode = choice.Require()
                 .Word<Mode>("mode", {{"auto", Mode::kAuto}, {"required", Mode::kRequired}})
                 .value_or(Mode::kAuto);
  const json::Array* named = choice.Require().List("tools", openai::kToolsMax);
  choice.RefuseUnread();
  if (named == nullptr) return;
  if (named->empty()) return choice.Refuse("tools", "is empty");
  for (size_t i = 0; i < named->size() && !choice.problem(); ++i) {
    json::Fields one(choice.problem(), (*named)[i], choice.PathOf("tools", i));
    out.names.push_back(ReadNamed(one, tools));
  }
}

void ReadToolChoice(json::Fields& fields, CreateCall& call) {
  const json::Value* choice = fields.Take("tool_choice");
  if (choice == nullptr) return;
  call.echo.tool_choice_json = json::Print(*choice);
  const std::vector<chat::Tool>& tools = call.request.tools;
  chat::ToolChoice& out = call.request.tool_choice;
  if (choice->AsString() != nullptr) {
    out.mode = fields
                   .Word<Mode>("tool_choice", {{"none", Mode::kNone},
                                               {"auto", Mode::kAuto},
                                               {"required", Mode::kRequired}})
                   .value_or(Mode::kAuto);
    if (out.mode == Mode::kRequired && tools.empty())
      fields.Refuse("tool_choice", "is required, but there are no tools");
    return;
  }
  json::Fields form(fields.problem(), *choice, fields.PathOf("tool_choice"));
  const json::Value* type = form.Take("type");
  if (type != nullptr && *type == json::Value("allowed_tools"))
    return ReadAllowed(form, tools, out);
  // It searches in any case.
  if (type != nullptr && *type == json::Value("file_search") && call.file_search) return;
  out.mode = Mode::kRequired;
  out.names = {ReadNamed(form, tools)};
}

void ReadJsonSchema(json::Fields& format, chat::ResponseFormat& out) {
  out.name = format.Require().String("name", kNameBytesMax).value_or("");
  out.strict = format.Bool("strict").value_or(false);
  format.Require();
  out.schema = openai::ReadSchema(format, "schema");
  format.String("description", size_t{64} << 10);  // words for the model; the grammar says it
}

void ReadText(json::Fields& fields, CreateCall& call) {
  using Kind = chat::ResponseFormat::Kind;
  auto text = fields.Nested("text");
  if (!text) return;
  chat::ResponseFormat& out = call.request.response_format;
  const json::Value* said = text->Take("format");
  const std::string format_json = said == nullptr ? R"({"type":"text"})" : json::Print(*said);
  if (auto format = text->Nested("format")) {
    out.kind = format->Require()
                   .Word<Kind>("type", {{"text", Kind::kText},
                                        {"json_object", Kind::kJsonObject},
                                        {"json_schema", Kind::kJsonSchema}})
                   .value_or(Kind::kText);
    if (out.kind == Kind::kJsonSchema) ReadJsonSchema(*format, out);
    format->RefuseUnread();
  }
  const auto verbosity = text->Word<const char*>(
      "verbosity", {{"low", "low"}, {"medium", "medium"}, {"high", "high"}});
  call.request.verbosity = openai::ReadVerbosity(*text).value_or(chat::Verbosity::kDefault);
  text->RefuseUnread();
  call.echo.text_json.clear();
  json::Writer writer(&call.echo.text_json);
  writer.BeginObject().Key("format").Raw(format_json);
  if (verbosity) writer.Field("verbosity", *verbosity);
  writer.EndObject();
}

// A summary is a shorter form of what is not shown; here the reasoning itself is.
void ReadReasoning(json::Fields& fields, CreateCall& call) {
  auto reasoning = fields.Nested("reasoning");
  if (!reasoning) return;
  if (const auto effort = openai::ReadEffort(*reasoning, "effort"))
    call.request.reasoning.effort = *effort;
  constexpr std::string_view kSummaries[] = {"auto", "concise", "detailed"};
  reasoning->WordIndex("summary", kSummaries);
  reasoning->WordIndex("generate_summary", kSummaries);
  constexpr std::string_view kContexts[] = {"auto"};
  reasoning->WordIndex("context", kContexts);
  reasoning->RefuseUnread();
  const json::Value* effort = reasoning->Take("effort");
  const json::Value* summary = reasoning->Take("summary");
  call.echo.reasoning_json.clear();
  json::Writer writer(&call.echo.reasoning_json);
  writer.BeginObject().Key("effort").Tree(effort == nullptr ? json::Value() : *effort);
  writer.Key("summary").Tree(summary == nullptr ? json::Value() : *summary).EndObject();
}

void ReadInclude(json::Fields& fields, CreateCall& call) {
  // What is not honoured speaks of tools that nobody here has, or of what is always there: images
  // in listed input, and reasoning, which comes as text and not sealed.
  constexpr std::string_view kKnown[] = {
      "message.output_text.logprobs",  "reasoning.encrypted_content",
      "message.input_image.image_url", "file_search_call.results",
      "web_search_call.results",       "web_search_call.action.sources",
      "code_interpreter_call.outputs", "computer_call_output.output.image_url"};
  for (const std::string& word : fields.Strings("include", 16, kNameBytesMax)) {
    if (std::ranges::find(kKnown, word) == std::end(kKnown))
      return fields.Refuse("include", "has a word that is not known");
    if (word == kKnown[0]) call.logprobs = call.request.logprobs = true;
    if (word == kKnown[3]) call.results = true;
  }
}

void ReadLogprobs(json::Fields& fields, CreateCall& call) {
  ReadInclude(fields, call);
  const auto top = fields.Int("top_logprobs", 0, 20);
  if (!top || *top == 0) return;
  if (!call.logprobs)
    return fields.Refuse("top_logprobs",
                         "is only allowed with include: [\"message.output_text.logprobs\"]");
  call.request.top_logprobs = call.echo.top_logprobs = static_cast<int32_t>(*top);
}

void ReadStream(json::Fields& fields, CreateCall& call) {
  call.stream = fields.Bool("stream").value_or(false);
  auto options = fields.Nested("stream_options");
  if (!options) return;
  if (!call.stream) return fields.Refuse("stream_options", "is only allowed with stream: true");
  options->Bool("include_obfuscation");  // pads events at OpenAI; nothing here is padded
  options->RefuseUnread();
}

void RefuseWhatNobodyDoes(json::Fields& fields) {
  if (fields.Bool("background") == true) {
    RefuseUnsupported(fields, "background", "an answer comes to the request that asks for it");
  }
  const json::Value* truncation = fields.Take("truncation");
  if (truncation != nullptr && *truncation == json::Value("auto")) {
    RefuseUnsupported(fields, "truncation",
                      "nothing is left out of a conversation; it fits, or is refused");
  }
  constexpr std::string_view kTruncations[] = {"disabled"};
  fields.WordIndex("truncation", kTruncations);
  for (const auto& [key, why] :
       {std::pair<std::string_view, std::string_view>{"conversation", "use previous_response_id"},
        {"prompt", "prompts are not kept here"},
        {"context_management", "nothing is left out of a conversation"},
        {"moderation", "there is no moderation inside an answer"}}) {
    if (fields.Take(key) != nullptr) RefuseUnsupported(fields, key, why);
  }
}

void CheckInput(json::Fields& fields) {
  const json::Value* input = fields.Require().Take("input");
  if (input == nullptr) return;
  if (input->AsString() != nullptr) return;
  if (input->AsArray() == nullptr) {
    return fields.Refuse("input", "must be a string or an array of items", Code::kInvalidArgument,
                         "invalid_type");
  }
  const json::Array* items = fields.List("input", kItemsMax);
  if (items == nullptr) return;
  if (items->empty()) fields.Refuse("input", "is empty; at least one item is needed");
}

// The items, out of a document that CheckInput has found good.
json::Array TakeInput(json::Value& document) {
  const auto input = std::ranges::find(*document.AsObject(), "input", &json::Member::key);
  if (json::Array* items = input->value.AsArray()) return std::move(*items);
  json::Array items;
  items.push_back(json::Object{{"role", "user"}, {"content", std::move(input->value)}});
  return items;
}

std::string NumberOrNull(json::Fields& fields, std::string_view key) {
  const json::Value* value = fields.Take(key);
  return value == nullptr ? "null" : json::Print(*value);
}

// What asks something, and what an estimate of its tokens takes too.
void ReadAsked(json::Fields& fields, CreateCall& call) {
  call.request.model = openai::ReadModel(fields);
  CheckInput(fields);
  if (auto instructions = fields.String("instructions", kTextBytesMax)) {
    call.has_instructions = true;
    call.echo.instructions_json = json::Print(json::Value(*instructions));
    call.instructions = std::move(*instructions);
  }
  call.echo.previous_id = fields.String("previous_response_id", kNameBytesMax).value_or("");
  ReadTools(fields, call);
  ReadToolChoice(fields, call);
  call.echo.parallel_tool_calls = call.request.parallel_tool_calls =
      fields.Bool("parallel_tool_calls").value_or(true);
  ReadText(fields, call);
  ReadReasoning(fields, call);
  RefuseWhatNobodyDoes(fields);
}

void ReadRest(json::Fields& fields, CreateCall& call) {
  Echo& echo = call.echo;
  ReadStream(fields, call);
  openai::ReadSampling(fields, call.request.sampling);
  echo.temperature_json = NumberOrNull(fields, "temperature");
  echo.top_p_json = NumberOrNull(fields, "top_p");
  if (const auto tokens = fields.Int("max_output_tokens", 1, openai::kTokensMax)) {
    call.request.max_tokens = static_cast<int32_t>(*tokens);
    echo.max_output_tokens_json = fmt::format("{}", *tokens);
  }
  const auto store = fields.Bool("store");
  echo.store = store.value_or(true);
  call.store_asked = store == true;
  ReadLogprobs(fields, call);
  if (auto metadata = openai::ReadMetadata(fields)) echo.metadata_json = std::move(*metadata);
  echo.user = fields.String("user", size_t{4} << 10).value_or("");
  echo.safety_identifier = fields.String("safety_identifier", size_t{4} << 10).value_or("");
  echo.prompt_cache_key = fields.String("prompt_cache_key", size_t{4} << 10).value_or("");
  openai::ReadProviderFields(fields, call.request.provider_fields);
  openai::ReadKeepAlive(fields, call.request.keep_alive_ms);
  openai::ReadWeir(fields, call.request.priority);
}

// Items that are kept take the place of those that refer to them.
Result<void> Resolve(json::Array& input, const Referenced& referenced) {
  for (size_t i = 0; i < input.size(); ++i) {
    const std::string id = ReferenceOf(input[i]);
    if (id.empty()) continue;
    const auto found = referenced.find(id);
    if (found == referenced.end()) {
      return Fail(Code::kNotFound, "there is no such item here", fmt::format("input[{}].id", i),
                  "item_not_found");
    }
    auto item = json::Parse(found->second);
    if (!item) return Fail(Code::kInternal, "a kept item cannot be read", "", "storage_damaged");
    input[i] = std::move(*item);
  }
  return {};
}

Result<void> ReadEarlier(std::span<const std::string> earlier, Conversation& conversation) {
  for (const std::string& text : earlier) {
    const auto value = json::Parse(text);
    json::Problem problem;
    if (value) {
      json::Fields item(problem, *value);
      conversation.Read(item);
    }
    if (problem && problem.error().message.contains("too many")) {
      Error error = problem.Take();
      error.param = "previous_response_id";
      return Fail(std::move(error));
    }
    if (!value || problem)
      return Fail(Code::kInternal, "a kept item cannot be read", "", "storage_damaged");
  }
  return {};
}

std::string_view IdPrefixOf(const json::Value& item) {
  const json::Value* type = item.Find("type");
  const std::string* word = type == nullptr ? nullptr : type->AsString();
  if (word == nullptr || *word == "message") return "msg_";
  if (*word == "function_call") return "fc_";
  return *word == "reasoning" ? "rs_" : "fco_";
}

KeptItem Kept(json::Value item, std::string_view id_base, size_t index) {
  const std::string id = fmt::format("{}{}_i{}", IdPrefixOf(item), id_base, index);
  const json::Value form = KeptFormOf(std::move(item), id);
  return {.id = *form.Find("id")->AsString(), .json = json::Print(form)};
}

}  // namespace

Result<CreateCall> ReadCreate(std::string_view body) {
  auto document = json::Parse(body);
  if (!document) return Fail(document.error());
  json::Problem problem;
  json::Fields fields(problem, *document);
  CreateCall call;
  ReadAsked(fields, call);
  ReadRest(fields, call);
  fields.RefuseUnread(kIgnored);
  if (problem) return Fail(problem.Take());
  call.input = TakeInput(*document);
  return call;
}

Result<CreateCall> ReadInputTokens(std::string_view body) {
  auto document = json::Parse(body);
  if (!document) return Fail(document.error());
  json::Problem problem;
  json::Fields fields(problem, *document);
  CreateCall call;
  ReadAsked(fields, call);
  fields.RefuseUnread();
  if (problem) return Fail(problem.Take());
  call.input = TakeInput(*document);
  return call;
}

std::vector<std::string> ReferencesOf(const CreateCall& call) {
  std::vector<std::string> ids;
  for (const json::Value& item : call.input) {
    if (std::string id = ReferenceOf(item); !id.empty()) ids.push_back(std::move(id));
  }
  return ids;
}

Result<void> Converse(CreateCall& call, std::span<const std::string> earlier,
                      const Referenced& referenced, std::string_view id_base) {
  if (earlier.size() + call.input.size() > kConversationItemsMax) {
    return Fail(Code::kInvalidArgument,
                fmt::format("the conversation has {} items; the most is {}",
                            earlier.size() + call.input.size(), kConversationItemsMax),
                "input", "invalid_value");
  }
  json::Array input = std::exchange(call.input, {});
  if (auto resolved = Resolve(input, referenced); !resolved) return resolved;
  Conversation conversation;
  if (auto read = ReadEarlier(earlier, conversation); !read) return read;
  json::Problem problem;
  for (size_t i = 0; i < input.size() && !problem; ++i) {
    json::Fields item(problem, input[i], fmt::format("input[{}]", i));
    conversation.Read(item);
    if (!problem) call.items.push_back(Kept(std::move(input[i]), id_base, i));
  }
  if (problem) return Fail(problem.Take());
  call.request.messages = conversation.Take();
  if (call.request.messages.empty())
    return Fail(Code::kInvalidArgument, "input says nothing", "input", "invalid_value");
  if (call.has_instructions) {
    call.request.messages.insert(
        call.request.messages.begin(),
        chat::Message{.role = chat::Role::kSystem, .parts = {{.text = call.instructions}}});
  }
  if (call.request.messages.size() > kMessagesMax) {
    return Fail(Code::kInvalidArgument,
                fmt::format("the conversation has {} messages; the most is {}",
                            call.request.messages.size(), kMessagesMax),
                "input", "invalid_value");
  }
  return {};
}

}  // namespace weir::responses

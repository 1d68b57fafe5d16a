#include "dialects/provider/canonical_for_test.h"

#include <fmt/format.h>

#include <functional>
#include <map>

#include "base/check.h"
#include "json/fields.h"
#include "json/writer.h"

namespace weir::provider {
namespace {

using chat::GenerateRequest;
using chat::Part;
using chat::Role;

constexpr size_t kTextMax = 1 << 20;
constexpr int64_t kAny = int64_t{1} << 40;

std::string Text(json::Fields& fields, std::string_view key) {
  return fields.String(key, kTextMax).value_or("");
}

// An object as its text.
std::string Json(json::Fields& fields, std::string_view key) {
  const json::Value* value = fields.Take(key);
  return value == nullptr ? std::string() : json::Print(*value);
}

Part ReadPart(json::Fields& fields) {
  Part part;
  part.kind = fields
                  .Word<Part::Kind>("kind", {{"text", Part::Kind::kText},
                                             {"image", Part::Kind::kImage},
                                             {"audio", Part::Kind::kAudio},
                                             {"file", Part::Kind::kFile}})
                  .value_or(Part::Kind::kText);
  part.text = Text(fields, "text");
  part.media_type = Text(fields, "media_type");
  part.data = Text(fields, "data");
  part.url = Text(fields, "url");
  part.name = Text(fields, "name");
  part.detail = Text(fields, "detail");
  fields.RefuseUnread();
  return part;
}

chat::Message ReadMessage(json::Fields& fields) {
  chat::Message message;
  message.role = fields.Require()
                     .Word<Role>("role", {{"system", Role::kSystem},
                                          {"developer", Role::kDeveloper},
                                          {"user", Role::kUser},
                                          {"assistant", Role::kAssistant},
                                          {"tool", Role::kTool}})
                     .value_or(Role::kUser);
  if (auto text = fields.String("text", kTextMax)) message.parts.push_back({.text = *text});
  const json::Array* parts = fields.List("parts", 100);
  for (size_t i = 0; parts != nullptr && i < parts->size(); ++i) {
    json::Fields part(fields.problem(), (*parts)[i], fields.PathOf("parts", i));
    message.parts.push_back(ReadPart(part));
  }
  const json::Array* calls = fields.List("calls", 100);
  for (size_t i = 0; calls != nullptr && i < calls->size(); ++i) {
    json::Fields call(fields.problem(), (*calls)[i], fields.PathOf("calls", i));
    message.tool_calls.push_back({Text(call, "id"), Text(call, "name"), Text(call, "arguments")});
    call.RefuseUnread();
  }
  message.reasoning = Text(fields, "reasoning");
  message.tool_call_id = Text(fields, "call_id");
  message.name = Text(fields, "name");
  fields.RefuseUnread();
  return message;
}

void ReadTools(json::Fields& fields, GenerateRequest& request) {
  const json::Array* tools = fields.List("tools", 100);
  for (size_t i = 0; tools != nullptr && i < tools->size(); ++i) {
    json::Fields tool(fields.problem(), (*tools)[i], fields.PathOf("tools", i));
    request.tools.push_back({Text(tool, "name"), Text(tool, "description"),
                             Json(tool, "parameters"), tool.Bool("strict").value_or(false)});
    tool.RefuseUnread();
  }
  using Mode = chat::ToolChoice::Mode;
  if (auto choice = fields.Nested("tool_choice")) {
    request.tool_choice.mode = choice
                                   ->Word<Mode>("mode", {{"auto", Mode::kAuto},
                                                         {"none", Mode::kNone},
                                                         {"required", Mode::kRequired}})
                                   .value_or(Mode::kAuto);
    request.tool_choice.names = choice->Strings("names", 100, 100);
  }
  request.parallel_tool_calls = fields.Bool("parallel_tool_calls").value_or(true);
}

void ReadFormat(json::Fields& fields, chat::ResponseFormat& out) {
  using Kind = chat::ResponseFormat::Kind;
  auto format = fields.Nested("format");
  if (!format) return;
  out.kind = format->Require()
                 .Word<Kind>("kind", {{"json_object", Kind::kJsonObject},
                                      {"json_schema", Kind::kJsonSchema},
                                      {"grammar", Kind::kGrammar}})
                 .value_or(Kind::kText);
  out.name = Text(*format, "name");
  out.schema = Json(*format, "schema");
  out.grammar = Text(*format, "grammar");
  out.strict = format->Bool("strict").value_or(false);
  format->RefuseUnread();
}

void ReadReasoning(json::Fields& fields, chat::Reasoning& out) {
  using Effort = chat::Reasoning::Effort;
  auto reasoning = fields.Nested("reasoning");
  if (!reasoning) return;
  out.effort = reasoning
                   ->Word<Effort>("effort", {{"none", Effort::kNone},
                                             {"minimal", Effort::kMinimal},
                                             {"low", Effort::kLow},
                                             {"medium", Effort::kMedium},
                                             {"high", Effort::kHigh},
                                             {"xhigh", Effort::kXHigh},
                                             {"max", Effort::kMax}})
                   .value_or(Effort::kDefault);
  if (auto budget = reasoning->Int("budget", 0, kAny))
    out.budget_tokens = static_cast<int32_t>(*budget);
  reasoning->RefuseUnread();
}

void Read(json::Fields& fields, std::string_view key, std::optional<float>& out) {
  if (auto number = fields.Number(key, -1e9, 1e9)) out = static_cast<float>(*number);
}
void Read(json::Fields& fields, std::string_view key, std::optional<int32_t>& out) {
  if (auto number = fields.Int(key, -kAny, kAny)) out = static_cast<int32_t>(*number);
}

void ReadSampling(json::Fields& fields, chat::Sampling& out) {
  auto sampling = fields.Nested("sampling");
  if (!sampling) return;
  Read(*sampling, "temperature", out.temperature);
  Read(*sampling, "top_p", out.top_p);
  Read(*sampling, "top_k", out.top_k);
  Read(*sampling, "min_p", out.min_p);
  Read(*sampling, "typical_p", out.typical_p);
  Read(*sampling, "repeat_penalty", out.repeat_penalty);
  Read(*sampling, "frequency_penalty", out.frequency_penalty);
  Read(*sampling, "presence_penalty", out.presence_penalty);
  Read(*sampling, "penalty_last_n", out.penalty_last_n);
  Read(*sampling, "dry_multiplier", out.dry_multiplier);
  out.dry_sequence_breakers = sampling->Strings("dry_sequence_breakers", 10, 10);
  Read(*sampling, "xtc_probability", out.xtc_probability);
  Read(*sampling, "mirostat", out.mirostat);
  if (auto seed = sampling->Int("seed", 0, UINT32_MAX)) out.seed = static_cast<uint32_t>(*seed);
  out.ignore_eos = sampling->Bool("ignore_eos").value_or(false);
  if (auto bias = sampling->Int("bias_of_7", -100, 100))
    out.logit_bias = {{7, static_cast<float>(*bias)}};
  sampling->RefuseUnread();
}

void ReadTarget(json::Fields& fields, chat::ProviderModel& out) {
  auto target = fields.Nested("target");
  if (!target) return;
  out.name = Text(*target, "name");
  out.context_tokens = target->Int("context", 1, kAny);
  out.max_output_tokens = target->Int("max_output", 1, kAny);
  target->RefuseUnread();
}

void ReadQuirks(json::Fields& fields, chat::Quirks& out) {
  using chat::SamplingNames;
  auto quirks = fields.Nested("quirks");
  if (!quirks) return;
  const auto flag = [&](std::string_view key, bool& value) {
    value = quirks->Bool(key).value_or(value);
  };
  flag("stream_usage", out.stream_usage);
  flag("max_completion_tokens", out.max_completion_tokens);
  flag("developer_role", out.developer_role);
  flag("grammar", out.grammar);
  flag("short_call_ids", out.short_call_ids);
  flag("random_seed", out.random_seed);
  flag("any_tool", out.any_tool);
  flag("reasoning_object", out.reasoning_object);
  flag("azure", out.azure);
  flag("provider_fields", out.provider_fields);
  out.sampling =
      quirks
          ->Word<SamplingNames>("sampling", {{"vllm", SamplingNames::kVllm},
                                             {"llama_server", SamplingNames::kLlamaServer}})
          .value_or(SamplingNames::kNone);
  if (auto most = quirks->Int("stop_max", 0, 100)) out.stop_max = static_cast<size_t>(*most);
  out.refuses = quirks->Strings("refuses", 100, 100);
  out.reasoning_history = Text(*quirks, "reasoning_history");
  out.api_version = Text(*quirks, "api_version");
  out.deployment = Text(*quirks, "deployment");
  quirks->RefuseUnread();
}

void ReadRest(json::Fields& fields, GenerateRequest& request) {
  if (auto n = fields.Int("n", 1, 128)) request.n = static_cast<int32_t>(*n);
  Read(fields, "max_tokens", request.max_tokens);
  request.stop = fields.Strings("stop", 100, 100);
  request.prediction = Text(fields, "prediction");
  if (auto top = fields.Int("logprobs", 0, 20)) {
    request.logprobs = true;
    request.top_logprobs = static_cast<int32_t>(*top);
  }
  if (auto text = fields.String("prompt", kTextMax)) request.prompts = {{.text = *text}};
  request.keep_alive_ms = fields.Int("keep_alive_ms", -1, kAny);
  if (const json::Object* given = fields.Map("provider_fields", 10)) {
    for (const json::Member& member : *given)
      request.provider_fields[member.key] = json::Print(member.value);
  }
  if (const json::Object* arguments = fields.Map("template_arguments", 10)) {
    for (const json::Member& member : *arguments)
      request.template_arguments[member.key] = json::Print(member.value);
  }
}

// A chat that every dialect takes.
GenerateRequest PlainChat() {
  GenerateRequest request;
  request.messages = {{.role = Role::kUser, .parts = {{.text = "Hi"}}},
                      {.role = Role::kAssistant, .parts = {{.text = "Hello"}}},
                      {.role = Role::kUser, .parts = {{.text = "Bye"}}}};
  return request;
}

GenerateRequest WithTools() {
  GenerateRequest request = PlainChat();
  request.tools = {{.name = "weather", .description = "", .parameters = R"({"type":"object"})"},
                   {.name = "time", .description = "", .parameters = R"({"type":"object"})"}};
  return request;
}

using Change = std::function<void(GenerateRequest&)>;

Change AddMessage(Role role, Part part) {
  return [=](GenerateRequest& r) {
    r.messages.insert(r.messages.begin() + 2, {.role = role, .parts = {part}});
  };
}
Change AddPart(Part part) {
  return [=](GenerateRequest& r) { r.messages[0].parts.push_back(part); };
}
Change Choose(chat::ToolChoice choice) {
  return [=](GenerateRequest& r) { r.tool_choice = choice; };
}
Change Format(chat::ResponseFormat format) {
  return [=](GenerateRequest& r) { r.response_format = format; };
}
template <class T>
Change Sample(std::optional<T> chat::Sampling::* field, T value) {
  return [=](GenerateRequest& r) { r.sampling.*field = value; };
}

void AddToolTurn(GenerateRequest& r) {
  r.messages.push_back({.role = Role::kAssistant, .tool_calls = {{"c1", "weather", "{}"}}});
  r.messages.push_back(
      {.role = Role::kTool, .parts = {{.text = "sunny"}}, .tool_call_id = "c1", .name = "weather"});
}

const std::map<std::string_view, Change>& Changes() {
  using Mode = chat::ToolChoice::Mode;
  using Kind = Part::Kind;
  using FormatKind = chat::ResponseFormat::Kind;
  using S = chat::Sampling;
  const Part image = {.kind = Kind::kImage, .media_type = "image/png", .data = "png"};
  static const std::map<std::string_view, Change> changes = {
      {"prompt", [](GenerateRequest& r) { r.prompts = {{.text = "Once"}}; }},
      {"suffix", [](GenerateRequest& r) { r.has_suffix = true; }},
      {"echo", [](GenerateRequest& r) { r.echo = true; }},
      {"context", [](GenerateRequest& r) { r.context = {1, 2, 3}; }},
      {"return_tokens", [](GenerateRequest& r) { r.return_tokens = true; }},
      {"messages.system",
       [](GenerateRequest& r) {
         r.messages.insert(r.messages.begin(),
                           {.role = Role::kSystem, .parts = {{.text = "Be brief"}}});
       }},
      {"messages.later_system", AddMessage(Role::kSystem, {.text = "Be brief"})},
      {"messages.developer",
       [](GenerateRequest& r) {
         r.messages.insert(r.messages.begin(),
                           {.role = Role::kDeveloper, .parts = {{.text = "Be brief"}}});
       }},
      {"messages.name", [](GenerateRequest& r) { r.messages[0].name = "ann"; }},
      {"messages.reasoning", [](GenerateRequest& r) { r.messages[1].reasoning = "hm"; }},
      {"messages.images", AddPart(image)},
      {"messages.image_urls",
       AddPart({.kind = Kind::kImage, .url = "https://example.org/cat.png"})},
      {"messages.image_detail",
       [](GenerateRequest& r) { r.messages[0].parts.back().detail = "high"; }},
      {"messages.audio", AddPart({.kind = Kind::kAudio, .media_type = "audio/wav", .data = "wav"})},
      {"messages.files",
       AddPart({.kind = Kind::kFile, .media_type = "application/pdf", .data = "pdf"})},
      {"messages.tool_images",
       [=](GenerateRequest& r) { r.messages.back().parts.push_back(image); }},
      {"messages.prefill",
       [](GenerateRequest& r) {
         r.messages.push_back({.role = Role::kAssistant, .parts = {{.text = "Once"}}});
       }},
      {"tools", [](GenerateRequest& r) { r.tools = WithTools().tools; }},
      {"tools.strict", [](GenerateRequest& r) { r.tools[0].strict = true; }},
      {"tool_choice.none", Choose({Mode::kNone, {}})},
      {"tool_choice.required", Choose({Mode::kRequired, {}})},
      {"tool_choice.named", Choose({Mode::kRequired, {"time"}})},
      {"tool_choice.allowed", Choose({Mode::kAuto, {"time"}})},
      {"parallel_tool_calls", [](GenerateRequest& r) { r.parallel_tool_calls = false; }},
      {"response_format.json_object", Format({.kind = FormatKind::kJsonObject})},
      {"response_format.json_schema",
       Format({.kind = FormatKind::kJsonSchema, .schema = R"({"type":"object"})"})},
      {"grammar", Format({.kind = FormatKind::kGrammar, .grammar = "root ::= \"a\""})},
      {"reasoning_effort",
       [](GenerateRequest& r) { r.reasoning.effort = chat::Reasoning::Effort::kHigh; }},
      {"reasoning_budget", [](GenerateRequest& r) { r.reasoning.budget_tokens = 2000; }},
      {"verbosity", [](GenerateRequest& r) { r.verbosity = chat::Verbosity::kLow; }},
      {"chat_template_kwargs", [](GenerateRequest& r) { r.template_arguments = {{"a", "1"}}; }},
      {"temperature", Sample(&S::temperature, 0.5f)},
      {"top_p", Sample(&S::top_p, 0.5f)},
      {"top_k", Sample(&S::top_k, 5)},
      {"min_p", Sample(&S::min_p, 0.5f)},
      {"typical_p", Sample(&S::typical_p, 0.5f)},
      {"repeat_penalty", Sample(&S::repeat_penalty, 1.5f)},
      {"frequency_penalty", Sample(&S::frequency_penalty, 0.5f)},
      {"presence_penalty", Sample(&S::presence_penalty, 0.5f)},
      {"repeat_last_n", Sample(&S::penalty_last_n, 64)},
      {"dry", Sample(&S::dry_multiplier, 0.5f)},
      {"xtc", Sample(&S::xtc_probability, 0.5f)},
      {"mirostat", Sample(&S::mirostat, 2)},
      {"seed", [](GenerateRequest& r) { r.sampling.seed = 7; }},
      {"logit_bias", [](GenerateRequest& r) { r.sampling.logit_bias = {{7, -100.0f}}; }},
      {"logit_bias.texts", [](GenerateRequest& r) { r.sampling.text_bias = {{"no", -100.0f}}; }},
      {"ignore_eos", [](GenerateRequest& r) { r.sampling.ignore_eos = true; }},
      {"n", [](GenerateRequest& r) { r.n = 2; }},
      {"max_tokens", [](GenerateRequest& r) { r.max_tokens = 99; }},
      {"stop", [](GenerateRequest& r) { r.stop = {"END"}; }},
      {"prediction", [](GenerateRequest& r) { r.prediction = "Once \"upon\""; }},
      {"logprobs", [](GenerateRequest& r) { r.logprobs = true; }},
      {"priority", [](GenerateRequest& r) { r.priority = chat::Priority::kBatch; }},
      {"keep_alive", [](GenerateRequest& r) { r.keep_alive_ms = 60'000; }},
  };
  return changes;
}

std::string LogprobsText(const std::vector<chat::TokenLogprob>& tokens) {
  std::string out;
  for (const chat::TokenLogprob& token : tokens) {
    out +=
        fmt::format(" {}={:.3f}", json::Print(json::Value(token.bytes)), token.logprob.value_or(0));
    for (const auto& other : token.top)
      out += fmt::format("/{}={:.3f}", json::Print(json::Value(other.bytes)), other.logprob);
  }
  return out;
}

std::string DeltaText(const chat::Delta& delta) {
  std::string out = fmt::format("delta {}:", delta.choice);
  if (!delta.reasoning.empty()) out += " reasoning " + json::Print(json::Value(delta.reasoning));
  for (const chat::Thought& thought : delta.thoughts)
    out += fmt::format(" {} {}", thought.hidden.empty() ? "signature" : "hidden",
                       thought.hidden.empty() ? thought.signature : thought.hidden);
  if (!delta.text.empty()) out += " text " + json::Print(json::Value(delta.text));
  for (const chat::ToolCallDelta& call : delta.tool_calls) {
    out += fmt::format(" call {} id={} name={} {}", call.index, call.id, call.name,
                       json::Print(json::Value(call.arguments)));
  }
  if (!delta.logprobs.empty()) out += " logprobs" + LogprobsText(delta.logprobs);
  return out + "\n";
}

std::string CountText(const std::optional<int64_t>& count) {
  return count ? std::to_string(*count) : "?";
}

}  // namespace

Asked ReadCanonical(const json::Value& document) {
  json::Problem problem;
  json::Fields fields(problem, document);
  Asked asked;
  GenerateRequest& request = asked.request;
  const json::Array* messages = fields.List("messages", 100);
  for (size_t i = 0; messages != nullptr && i < messages->size(); ++i) {
    json::Fields message(problem, (*messages)[i], fields.PathOf("messages", i));
    request.messages.push_back(ReadMessage(message));
  }
  ReadTools(fields, request);
  ReadFormat(fields, request.response_format);
  ReadReasoning(fields, request.reasoning);
  ReadSampling(fields, request.sampling);
  ReadRest(fields, request);
  ReadTarget(fields, asked.target);
  ReadQuirks(fields, asked.quirks);
  asked.stream = fields.Bool("stream").value_or(false);
  fields.RefuseUnread();
  if (problem) fmt::print(stderr, "canonical: {}\n", problem.error().message);
  CHECK(!problem, "a malformed canonical request");
  return asked;
}

void SampleOf(std::string_view field, GenerateRequest& without, GenerateRequest& with) {
  const auto change = Changes().find(field);
  CHECK(change != Changes().end(), "a field without a sample");
  const bool needs_tools = field.starts_with("tools.") || field.starts_with("tool_choice") ||
                           field == "parallel_tool_calls" || field == "messages.tool_images";
  without = needs_tools ? WithTools() : PlainChat();
  if (field == "messages.tool_images") AddToolTurn(without);
  // Budgets must fit below the bound of the answer.
  if (field == "reasoning_budget") without.max_tokens = 4000;
  if (field == "messages.image_detail") Changes().at("messages.images")(without);
  with = without;
  change->second(with);
}

std::string EventText(const chat::Event& event) {
  if (std::holds_alternative<chat::Started>(event)) return "started\n";
  if (const auto* delta = std::get_if<chat::Delta>(&event)) return DeltaText(*delta);
  if (const auto* done = std::get_if<chat::ChoiceDone>(&event)) {
    return fmt::format("choice {} done: {}{}\n", done->choice, chat::FinishReasonName(done->reason),
                       done->stop_sequence.empty() ? "" : " at " + done->stop_sequence);
  }
  if (const auto* done = std::get_if<chat::Done>(&event)) {
    const chat::Usage& usage = done->usage;
    const bool predicted = usage.accepted_prediction_tokens || usage.rejected_prediction_tokens;
    return fmt::format("done: prompt {} cached {} completion {} reasoning {}{}\n",
                       CountText(usage.prompt_tokens), CountText(usage.cached_tokens),
                       CountText(usage.completion_tokens), CountText(usage.reasoning_tokens),
                       predicted ? fmt::format(" predicted {} rejected {}",
                                               CountText(usage.accepted_prediction_tokens),
                                               CountText(usage.rejected_prediction_tokens))
                                 : "");
  }
  return "progress\n";
}

}  // namespace weir::provider

#include "dialects/openai/common_fields.h"

#include <fmt/format.h>

#include "base/duration.h"
#include "dialects/openai/attributes.h"
#include "json/writer.h"

namespace weir::openai {
namespace {

constexpr size_t kStopsMax = 16;
constexpr size_t kStopBytesMax = 1024;
constexpr size_t kPredictionBytesMax = size_t{1} << 20;
constexpr size_t kGrammarBytesMax = size_t{256} << 10;
constexpr size_t kSchemaBytesMax = size_t{256} << 10;
constexpr size_t kTemplateArgumentsMax = 64;
constexpr size_t kTemplateArgumentBytesMax = size_t{16} << 10;
constexpr size_t kPromptTokensMax = 300'000;

// Accepted and without effect here: they speak of billing, caching at OpenAI, or hints that change
// no result.
constexpr std::string_view kIgnored[] = {"prompt_cache_options"};

void ReadStop(json::Fields& fields, std::vector<std::string>& out) {
  const json::Value* stop = fields.Take("stop");
  if (stop == nullptr) return;
  if (const std::string* one = stop->AsString()) {
    if (one->size() > kStopBytesMax) {
      return fields.Refuse("stop",
                           fmt::format("has {} bytes; the most is {}", one->size(), kStopBytesMax));
    }
    out = {*one};
  } else if (stop->AsArray() != nullptr) {
    out = fields.Strings("stop", kStopsMax, kStopBytesMax);
  } else {
    return fields.Refuse("stop", "must be a string or an array of strings");
  }
  for (size_t i = 0; i < out.size(); ++i) {
    if (out[i].empty())
      return fields.Refuse(stop->AsArray() ? fmt::format("stop[{}]", i) : "stop", "is empty");
  }
}

// What much of the answer is likely to be: a text, or one in parts.
void ReadPrediction(json::Fields& fields, std::string& out) {
  auto prediction = fields.Nested("prediction");
  if (!prediction) return;
  prediction->Require().Word<bool>("type", {{"content", true}});
  const json::Value* content = prediction->Require().Take("content");
  if (const json::Array* parts = content == nullptr ? nullptr : content->AsArray()) {
    for (size_t i = 0; i < parts->size() && !fields.problem(); ++i) {
      json::Fields part(fields.problem(), (*parts)[i], prediction->PathOf("content", i));
      part.Require().Word<bool>("type", {{"text", true}});
      out += part.Require().String("text", kPredictionBytesMax).value_or("");
      part.RefuseUnread({});
    }
  } else {
    out = prediction->String("content", kPredictionBytesMax).value_or("");
  }
  if (out.size() > kPredictionBytesMax)
    prediction->Refuse("content", fmt::format("has over {} bytes", kPredictionBytesMax));
  prediction->RefuseUnread({});
}

// OpenAI's older and newer names of the same. -1 (LM Studio, llama-server) is the same as nothing.
// None at all makes sense only where the prompt is echoed.
void ReadMaxTokens(json::Fields& fields, bool zero_allowed, std::optional<int32_t>& out) {
  for (const char* key : {"max_tokens", "max_completion_tokens"}) {
    const auto tokens = fields.Int(key, -1, kTokensMax);
    if (!tokens || *tokens == -1) continue;
    if (*tokens == 0 && !zero_allowed)
      return fields.Refuse(key,
                           fmt::format("is out of range; it must be from 1 to {}", kTokensMax));
    if (out && *out != *tokens)
      return fields.Refuse(key, "differs from max_tokens; give one of them");
    out = static_cast<int32_t>(*tokens);
  }
}

void ReadStream(json::Fields& fields, GenerateCall& call) {
  call.stream = fields.Bool("stream").value_or(false);
  auto options = fields.Nested("stream_options");
  if (!options) return;
  if (!call.stream) return fields.Refuse("stream_options", "is only allowed with stream: true");
  call.include_usage = options->Bool("include_usage").value_or(false);
  options->Bool("include_obfuscation");  // pads chunks at OpenAI; nothing here is padded
  options->RefuseUnread();
}

using Effort = chat::Reasoning::Effort;
constexpr std::initializer_list<std::pair<std::string_view, Effort>> kEfforts = {
    {"none", Effort::kNone},     {"minimal", Effort::kMinimal}, {"low", Effort::kLow},
    {"medium", Effort::kMedium}, {"high", Effort::kHigh},       {"xhigh", Effort::kXHigh},
    {"max", Effort::kMax}};

void ReadReasoning(json::Fields& fields, chat::Reasoning& out) {
  if (const auto effort = ReadEffort(fields, "reasoning_effort")) out.effort = *effort;
  if (const auto budget = fields.Int("reasoning_budget", -1, kTokensMax); budget && *budget >= 0) {
    out.budget_tokens = static_cast<int32_t>(*budget);
  }
  auto nested = fields.Nested("reasoning");  // OpenRouter's
  if (!nested) return;
  if (const auto effort = ReadEffort(*nested, "effort")) out.effort = *effort;
  if (const auto budget = nested->Int("max_tokens", 1, kTokensMax))
    out.budget_tokens = static_cast<int32_t>(*budget);
  if (nested->Bool("enabled") == false) out.effort = Effort::kNone;
  if (nested->Bool("exclude") == true)
    RefuseUnsupported(*nested, "exclude", "reasoning is always shown");
  nested->RefuseUnread();
}

void ReadJsonSchema(json::Fields& format, chat::ResponseFormat& out) {
  auto inner = format.Require().Nested("json_schema");
  if (!inner) return;
  out.kind = chat::ResponseFormat::Kind::kJsonSchema;
  out.name = inner->Require().String("name", kNameBytesMax).value_or("");
  out.strict = inner->Bool("strict").value_or(false);
  out.schema = ReadSchema(*inner, "schema");
  if (out.schema.empty()) out.schema = R"({"type":"object"})";  // OpenAI asks for a name alone
  inner->String("description",
                size_t{64} << 10);  // words for the model; the grammar says it better
  inner->RefuseUnread();
}

void ReadResponseFormat(json::Fields& fields, chat::ResponseFormat& out) {
  using Kind = chat::ResponseFormat::Kind;
  auto format = fields.Nested("response_format");
  if (!format) return;
  const auto kind = format->Require().Word<Kind>("type", {{"text", Kind::kText},
                                                          {"json_object", Kind::kJsonObject},
                                                          {"json_schema", Kind::kJsonSchema}});
  if (!kind) return;
  out.kind = *kind;
  if (*kind == Kind::kJsonSchema) ReadJsonSchema(*format, out);
  if (*kind == Kind::kJsonObject) {
    out.schema = ReadSchema(*format, "schema");  // llama-server's way
    if (!out.schema.empty()) out.kind = Kind::kJsonSchema;
  }
  format->RefuseUnread();
}

// llama-server's top-level fields; at most one thing may constrain the answer.
void ReadConstraints(json::Fields& fields, chat::ResponseFormat& out) {
  using Kind = chat::ResponseFormat::Kind;
  std::string schema = ReadSchema(fields, "json_schema");
  if (!schema.empty()) {
    if (out.kind != Kind::kText)
      return fields.Refuse("json_schema", "cannot be given together with response_format");
    out.kind = Kind::kJsonSchema;
    out.schema = std::move(schema);
  }
  std::string grammar = fields.String("grammar", kGrammarBytesMax).value_or("");
  if (grammar.empty()) return;
  if (out.kind != Kind::kText)
    return fields.Refuse("grammar", "cannot be given together with a JSON format");
  out.kind = Kind::kGrammar;
  out.grammar = std::move(grammar);
}

void ReadTemplateArguments(json::Fields& fields, std::map<std::string, std::string>& out) {
  const json::Object* arguments = fields.Map("chat_template_kwargs", kTemplateArgumentsMax);
  if (arguments == nullptr) return;
  for (const json::Member& member : *arguments) {
    std::string text = json::Print(member.value);
    if (member.key.empty() || member.key.size() > kNameBytesMax ||
        text.size() > kTemplateArgumentBytesMax) {
      return fields.Refuse(
          "chat_template_kwargs",
          fmt::format("has a name over {} bytes or empty, or a value over {} bytes", kNameBytesMax,
                      kTemplateArgumentBytesMax));
    }
    out.emplace(member.key, std::move(text));
  }
}

void RefuseWhatNobodyDoes(json::Fields& fields) {
  if (fields.Bool("store") == true) RefuseUnsupported(fields, "store", "answers are not stored");
  if (fields.Bool("cache_prompt") == false) {
    RefuseUnsupported(fields, "cache_prompt", "prefixes are always reused where they can be");
  }
  for (const auto& [key, why] :
       {std::pair<std::string_view, std::string_view>{"audio", "answers are text"},
        {"web_search_options", "there is no web search"},
        {"moderation", "there is no moderation inside an answer"}}) {
    if (fields.Take(key) != nullptr) RefuseUnsupported(fields, key, why);
  }
  for (const std::string& modality : fields.Strings("modalities", 8, kNameBytesMax)) {
    if (modality != "text") RefuseUnsupported(fields, "modalities", "answers are text");
  }
}

std::optional<std::vector<int32_t>> TokensOf(const json::Array& items) {
  std::vector<int32_t> tokens;
  for (const json::Value& item : items) {
    const int64_t* token = item.AsInt();
    if (token == nullptr || *token < 0 || *token > INT32_MAX) return std::nullopt;
    tokens.push_back(static_cast<int32_t>(*token));
  }
  return tokens;
}

void RefuseTheRest(json::Fields& fields) {
  fields.Bool("timings_per_token");  // the numbers are in the `weir` object
  fields.RefuseUnread(kIgnored);
}

bool AddPrompt(const json::Value& item, std::vector<chat::Prompt>& out) {
  if (const std::string* text = item.AsString()) {
    out.push_back({.text = *text});
    return true;
  }
  const json::Array* items = item.AsArray();
  auto tokens = items != nullptr && !items->empty() ? TokensOf(*items) : std::nullopt;
  if (!tokens) return false;
  out.push_back({.tokens = std::move(*tokens)});
  return true;
}

}  // namespace

std::string ReadSchema(json::Fields& fields, std::string_view key) {
  const json::Object* schema = fields.Map(key, json::Fields::kMembersMax);
  if (schema == nullptr) return {};
  std::string text = json::Print(json::Value(*schema));
  if (text.size() > kSchemaBytesMax) {
    fields.Refuse(key, fmt::format("has {} bytes; the most is {}", text.size(), kSchemaBytesMax));
  }
  return text;
}

std::optional<chat::Verbosity> ReadVerbosity(json::Fields& fields) {
  using chat::Verbosity;
  return fields.Word<Verbosity>(
      "verbosity",
      {{"low", Verbosity::kLow}, {"medium", Verbosity::kMedium}, {"high", Verbosity::kHigh}});
}

void ReadProviderFields(json::Fields& fields, std::map<std::string, std::string>& out) {
  for (const char* key : {"user", "safety_identifier", "prompt_cache_key"}) {
    if (auto text = fields.String(key, size_t{4} << 10))
      out[fmt::format("openai.{}", key)] = json::Print(json::Value(std::move(*text)));
  }
  using Word = const char*;
  if (auto tier = fields.Word<Word>("service_tier", {{"auto", "auto"},
                                                     {"default", "default"},
                                                     {"flex", "flex"},
                                                     {"scale", "scale"},
                                                     {"priority", "priority"}}))
    out["openai.service_tier"] = json::Print(json::Value(std::string(*tier)));
  if (auto kept = fields.Word<Word>(
          "prompt_cache_retention",
          {{"in_memory", "in_memory"}, {"in-memory", "in-memory"}, {"24h", "24h"}}))
    out["openai.prompt_cache_retention"] = json::Print(json::Value(std::string(*kept)));
  if (auto metadata = ReadMetadata(fields)) out["openai.metadata"] = std::move(*metadata);
}

std::string ReadModel(json::Fields& fields) {
  const std::string model = fields.String("model", kNameBytesMax).value_or("auto");
  if (model.empty()) fields.Refuse("model", "is empty");
  return model;
}

std::optional<Effort> ReadEffort(json::Fields& fields, std::string_view key) {
  return fields.Word(key, kEfforts);
}

void ReadWeir(json::Fields& fields, chat::Priority& priority) {
  using chat::Priority;
  auto weir = fields.Nested("weir");
  if (!weir) return;
  priority = weir->Word<Priority>("priority", {{"interactive", Priority::kInteractive},
                                               {"batch", Priority::kBatch},
                                               {"background", Priority::kBackground}})
                 .value_or(Priority::kInteractive);
  weir->RefuseUnread();
}

std::vector<chat::Prompt> ReadPrompts(json::Fields& fields, std::string_view key,
                                      size_t count_max) {
  constexpr std::string_view kForms =
      "must be a string, an array of strings, or token ids (whole numbers from 0)";
  std::vector<chat::Prompt> out;
  const json::Value* value = fields.Require().Take(key);
  if (value == nullptr) return out;
  const json::Array* items = value->AsArray();
  const bool one = items == nullptr || (!items->empty() && (*items)[0].AsInt() != nullptr);
  if (one) {
    if (!AddPrompt(*value, out)) fields.Refuse(key, kForms);
  } else if (items->empty()) {
    fields.Refuse(key, "is empty");
  } else if (items->size() > count_max) {
    fields.Refuse(key, fmt::format("has {} elements; the most is {}", items->size(), count_max));
  } else {
    for (size_t i = 0; i < items->size(); ++i) {
      if (!AddPrompt((*items)[i], out)) fields.Refuse(fmt::format("{}[{}]", key, i), kForms);
    }
  }
  size_t tokens = 0;
  for (const chat::Prompt& prompt : out) tokens += prompt.tokens.size();
  if (tokens > kPromptTokensMax) {
    fields.Refuse(key,
                  fmt::format("has {} token ids in all; the most is {}", tokens, kPromptTokensMax));
  }
  return out;
}

void RefuseUnsupported(json::Fields& fields, std::string_view key, std::string_view why) {
  fields.Refuse(key, fmt::format("is not supported: {}", why), Code::kInvalidArgument,
                "unsupported_parameter");
}

// A number of seconds, or a duration; negative keeps the model for ever.
void ReadKeepAlive(json::Fields& fields, std::optional<int64_t>& keep_alive_ms) {
  const json::Value* value = fields.Take("keep_alive");
  if (value == nullptr) return;
  if (const std::string* text = value->AsString()) {
    keep_alive_ms = DurationMs(*text);
    if (!keep_alive_ms)
      fields.Refuse("keep_alive", "must be seconds, or a duration like \"5m\" or \"1h30m\"");
    return;
  }
  constexpr int64_t kYearS = 366 * 24 * 3600;
  if (const auto seconds = fields.Int("keep_alive", -kYearS, kYearS))
    keep_alive_ms = *seconds * 1000;
}

void ReadRest(json::Fields& fields) {
  std::map<std::string, std::string> checked;
  ReadProviderFields(fields, checked);
  RefuseTheRest(fields);
}

void ReadCommon(json::Fields& fields, const Limits& limits, GenerateCall& call) {
  chat::GenerateRequest& request = call.request;
  request.model = ReadModel(fields);
  ReadStream(fields, call);
  ReadSampling(fields, request.sampling);
  request.n = static_cast<int32_t>(fields.Int("n", 1, limits.choices_max).value_or(1));
  ReadMaxTokens(fields, request.echo, request.max_tokens);
  ReadStop(fields, request.stop);
  ReadPrediction(fields, request.prediction);
  ReadResponseFormat(fields, request.response_format);
  ReadConstraints(fields, request.response_format);
  ReadReasoning(fields, request.reasoning);
  ReadTemplateArguments(fields, request.template_arguments);
  ReadKeepAlive(fields, request.keep_alive_ms);
  ReadWeir(fields, request.priority);
  ReadProviderFields(fields, request.provider_fields);
  request.verbosity = ReadVerbosity(fields).value_or(chat::Verbosity::kDefault);
  RefuseWhatNobodyDoes(fields);
  RefuseTheRest(fields);
}

}  // namespace weir::openai

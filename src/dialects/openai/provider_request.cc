#include <fmt/format.h>

#include "dialects/openai/provider.h"
#include "dialects/openai/provider_messages.h"
#include "dialects/provider/malformed.h"
#include "dialects/provider/request_pieces.h"
#include "dialects/provider/transcriptions.h"
#include "json/writer.h"

namespace weir::openai {
namespace {

using chat::GenerateRequest;
using chat::Quirks;
using chat::SamplingNames;
using Effort = chat::Reasoning::Effort;
using Mode = chat::ToolChoice::Mode;

constexpr std::string_view kDefaultAzureVersion = "2024-10-21";

constexpr std::string_view kVllmFields[] = {"prompt",         "top_k",      "min_p",
                                            "repeat_penalty", "ignore_eos", "chat_template_kwargs"};
constexpr std::string_view kLlamaServerFields[] = {
    "prompt", "top_k", "min_p",    "typical_p",  "repeat_penalty",       "repeat_last_n",
    "dry",    "xtc",   "mirostat", "ignore_eos", "chat_template_kwargs", "grammar"};

std::span<const std::string_view> FieldsBeyondOpenAi(const Quirks& quirks) {
  switch (quirks.sampling) {
    case SamplingNames::kNone:
      return {};
    case SamplingNames::kVllm:
      return kVllmFields;
    case SamplingNames::kLlamaServer:
      return std::span(kLlamaServerFields).first(std::size(kLlamaServerFields) - !quirks.grammar);
  }
  return {};
}

Result<void> WriteTools(json::Writer& writer, const GenerateRequest& request) {
  if (request.tools.empty()) return {};
  writer.Key("tools").BeginArray();
  for (size_t i = 0; i < request.tools.size(); ++i) {
    const chat::Tool& tool = request.tools[i];
    writer.BeginObject().Field("type", "function").Key("function").BeginObject();
    writer.Field("name", tool.name);
    if (!tool.description.empty()) writer.Field("description", tool.description);
    if (!tool.parameters.empty()) {
      const auto schema = provider::SchemaOf(tool, i);
      if (!schema) return Fail(schema.error());
      writer.Key("parameters").Tree(*schema);
    }
    if (tool.strict) writer.Field("strict", true);
    writer.EndObject().EndObject();
  }
  writer.EndArray();
  return {};
}

void WriteNamedTool(json::Writer& writer, std::string_view name) {
  writer.BeginObject().Field("type", "function").Key("function").BeginObject();
  writer.Field("name", name).EndObject().EndObject();
}

void WriteToolChoice(json::Writer& writer, const GenerateRequest& request, const Quirks& quirks) {
  const chat::ToolChoice& choice = request.tool_choice;
  const std::string_view required = quirks.any_tool ? "any" : "required";
  if (choice.mode == Mode::kNone) {
    if (!request.tools.empty()) writer.Field("tool_choice", "none");
  } else if (choice.mode == Mode::kRequired && choice.names.empty()) {
    writer.Field("tool_choice", required);
  } else if (choice.mode == Mode::kRequired && choice.names.size() == 1) {
    writer.Key("tool_choice");
    WriteNamedTool(writer, choice.names[0]);
  } else if (!choice.names.empty()) {
    writer.Key("tool_choice").BeginObject().Field("type", "allowed_tools");
    writer.Key("allowed_tools").BeginObject();
    writer.Field("mode", choice.mode == Mode::kRequired ? "required" : "auto");
    writer.Key("tools").BeginArray();
    for (const std::string& name : choice.names) WriteNamedTool(writer, name);
    writer.EndArray().EndObject().EndObject();
  }
  if (!request.tools.empty() && !request.parallel_tool_calls)
    writer.Field("parallel_tool_calls", false);
}

Result<void> WriteFormat(json::Writer& writer, const chat::ResponseFormat& format) {
  using Kind = chat::ResponseFormat::Kind;
  switch (format.kind) {
    case Kind::kText:
      return {};
    case Kind::kGrammar:
      writer.Field("grammar", format.grammar);
      return {};
    case Kind::kJsonObject:
      writer.Key("response_format").BeginObject().Field("type", "json_object").EndObject();
      return {};
    case Kind::kJsonSchema:
      break;
  }
  const auto schema = provider::ParseText(format.schema, "response_format", true);
  if (!schema) return Fail(schema.error());
  writer.Key("response_format").BeginObject().Field("type", "json_schema");
  writer.Key("json_schema").BeginObject();
  writer.Field("name",
               format.name.empty() ? std::string_view("answer") : std::string_view(format.name));
  writer.Key("schema").Tree(*schema);
  if (format.strict) writer.Field("strict", true);
  writer.EndObject().EndObject();
  return {};
}

std::string_view EffortWord(Effort effort) {
  switch (effort) {
    case Effort::kDefault:
      return "";
    case Effort::kNone:
      return "none";
    case Effort::kMinimal:
      return "minimal";
    case Effort::kLow:
      return "low";
    case Effort::kMedium:
      return "medium";
    case Effort::kHigh:
      return "high";
    case Effort::kXHigh:
      return "xhigh";
    case Effort::kMax:
      return "max";
  }
  return "";
}

std::string_view EffortOfBudget(int32_t tokens) {
  if (tokens == 0) return "none";
  return tokens <= 2048 ? "low" : tokens <= 8192 ? "medium" : "high";
}

void WriteReasoning(json::Writer& writer, const chat::Reasoning& reasoning, const Quirks& quirks) {
  std::string_view effort = EffortWord(reasoning.effort);
  if (quirks.reasoning_object) {
    if (effort.empty() && !reasoning.budget_tokens) return;
    writer.Key("reasoning").BeginObject();
    if (effort == "none") {
      writer.Field("enabled", false);
    } else if (!effort.empty()) {
      writer.Field("effort", effort);
    } else {
      writer.Field("max_tokens", *reasoning.budget_tokens);
    }
    writer.EndObject();
    return;
  }
  if (effort.empty() && reasoning.budget_tokens) effort = EffortOfBudget(*reasoning.budget_tokens);
  if (!effort.empty()) writer.Field("reasoning_effort", effort);
}

void WriteFloat(json::Writer& writer, std::string_view key, const std::optional<float>& value) {
  if (value) writer.Key(key).Float(*value);
}
void WriteInt(json::Writer& writer, std::string_view key, const std::optional<int32_t>& value) {
  if (value) writer.Field(key, *value);
}

void WriteLlamaServerSampling(json::Writer& writer, const chat::Sampling& sampling) {
  WriteFloat(writer, "typical_p", sampling.typical_p);
  WriteInt(writer, "repeat_last_n", sampling.penalty_last_n);
  WriteFloat(writer, "dry_multiplier", sampling.dry_multiplier);
  WriteFloat(writer, "dry_base", sampling.dry_base);
  WriteInt(writer, "dry_allowed_length", sampling.dry_allowed_length);
  WriteInt(writer, "dry_penalty_last_n", sampling.dry_penalty_last_n);
  if (!sampling.dry_sequence_breakers.empty()) {
    writer.Key("dry_sequence_breakers").BeginArray();
    for (const std::string& text : sampling.dry_sequence_breakers) writer.String(text);
    writer.EndArray();
  }
  WriteFloat(writer, "xtc_probability", sampling.xtc_probability);
  WriteFloat(writer, "xtc_threshold", sampling.xtc_threshold);
  WriteInt(writer, "mirostat", sampling.mirostat);
  WriteFloat(writer, "mirostat_tau", sampling.mirostat_tau);
  WriteFloat(writer, "mirostat_eta", sampling.mirostat_eta);
}

void WriteSampling(json::Writer& writer, const chat::Sampling& sampling, const Quirks& quirks) {
  WriteFloat(writer, "temperature", sampling.temperature);
  WriteFloat(writer, "top_p", sampling.top_p);
  // Values that mean "off" pass the check of fields; servers that lack some would refuse even
  // those.
  if (sampling.frequency_penalty.value_or(0) != 0)
    WriteFloat(writer, "frequency_penalty", sampling.frequency_penalty);
  if (sampling.presence_penalty.value_or(0) != 0)
    WriteFloat(writer, "presence_penalty", sampling.presence_penalty);
  if (sampling.seed) writer.Field(quirks.random_seed ? "random_seed" : "seed", *sampling.seed);
  if (!sampling.logit_bias.empty()) {
    writer.Key("logit_bias").BeginObject();
    for (const auto& [token, bias] : sampling.logit_bias)
      writer.Key(std::to_string(token)).Float(bias);
    writer.EndObject();
  }
  if (quirks.sampling == SamplingNames::kNone) return;
  const bool vllm = quirks.sampling == SamplingNames::kVllm;
  WriteInt(writer, "top_k", sampling.top_k);
  WriteFloat(writer, "min_p", sampling.min_p);
  WriteFloat(writer, vllm ? "repetition_penalty" : "repeat_penalty", sampling.repeat_penalty);
  if (sampling.ignore_eos) writer.Field("ignore_eos", true);
  if (!vllm) WriteLlamaServerSampling(writer, sampling);
}

void WriteTemplateArguments(json::Writer& writer, const GenerateRequest& request) {
  if (request.template_arguments.empty()) return;
  writer.Key("chat_template_kwargs").BeginObject();
  for (const auto& [name, text] : request.template_arguments) writer.Key(name).Raw(text);
  writer.EndObject();
}

void WriteVerbosity(json::Writer& writer, chat::Verbosity verbosity, const Quirks& quirks) {
  using chat::Verbosity;
  if (verbosity == Verbosity::kLow) writer.Field("verbosity", "low");
  if (verbosity == Verbosity::kMedium && quirks.provider_fields)
    writer.Field("verbosity", "medium");
  if (verbosity == Verbosity::kHigh) writer.Field("verbosity", "high");
}

Result<void> WriteStop(json::Writer& writer, const GenerateRequest& request, const Quirks& quirks) {
  if (request.stop.empty()) return {};
  if (request.stop.size() > quirks.stop_max) {
    return provider::NotSupported("stop",
                                  fmt::format("takes at most {} stop strings", quirks.stop_max));
  }
  writer.Key("stop").BeginArray();
  for (const std::string& text : request.stop) writer.String(text);
  writer.EndArray();
  return {};
}

Result<std::string> PathOf(std::string_view route, std::string_view model, const Quirks& quirks) {
  if (!quirks.azure) return std::string(route);
  const auto deployment =
      provider::PathSegment(quirks.deployment.empty() ? model : quirks.deployment);
  if (!deployment) return Fail(deployment.error());
  return fmt::format("/openai/deployments/{}{}?api-version={}", *deployment, route,
                     quirks.api_version.empty() ? kDefaultAzureVersion : quirks.api_version);
}

void WriteStream(json::Writer& writer, const Quirks& quirks) {
  writer.Field("stream", true);
  if (!quirks.stream_usage) return;
  writer.Key("stream_options").BeginObject().Field("include_usage", true).EndObject();
}

Result<std::string> WriteBody(const GenerateRequest& request, const chat::ProviderModel& model,
                              const Quirks& quirks, bool stream) {
  std::string body;
  json::Writer writer(&body);
  writer.BeginObject().Field("model", model.name).Key("messages");
  if (auto done = WriteProviderMessages(writer, request, quirks); !done) return Fail(done.error());
  if (auto done = WriteTools(writer, request); !done) return Fail(done.error());
  WriteToolChoice(writer, request, quirks);
  if (auto done = WriteFormat(writer, request.response_format); !done) return Fail(done.error());
  WriteReasoning(writer, request.reasoning, quirks);
  WriteVerbosity(writer, request.verbosity, quirks);
  WriteTemplateArguments(writer, request);
  WriteSampling(writer, request.sampling, quirks);
  if (request.n != 1) writer.Field("n", request.n);
  WriteInt(writer, quirks.max_completion_tokens ? "max_completion_tokens" : "max_tokens",
           request.max_tokens);
  if (auto done = WriteStop(writer, request, quirks); !done) return Fail(done.error());
  if (!request.prediction.empty()) {
    writer.Key("prediction").BeginObject().Field("type", "content");
    writer.Field("content", request.prediction).EndObject();
  }
  if (request.logprobs) {
    writer.Field("logprobs", true);
    if (request.top_logprobs > 0) writer.Field("top_logprobs", request.top_logprobs);
  }
  if (quirks.provider_fields) provider::WriteFieldsOf(writer, "openai.", request);
  if (stream) WriteStream(writer, quirks);
  writer.EndObject();
  return body;
}

// Text that goes on, without a chat around it.
Result<std::string> WriteCompletionBody(const GenerateRequest& request,
                                        const chat::ProviderModel& model, const Quirks& quirks,
                                        bool stream) {
  if (request.prompts.size() != 1)
    return provider::NotSupported("prompt", "takes one prompt in a request");
  if (request.logprobs) return provider::NotSupported("logprobs", "gives them in chats alone");
  std::string body;
  json::Writer writer(&body);
  writer.BeginObject().Field("model", model.name).Key("prompt");
  const chat::Prompt& prompt = request.prompts[0];
  if (prompt.tokens.empty()) {
    writer.String(prompt.text);
  } else {
    writer.BeginArray();
    for (const int32_t token : prompt.tokens) writer.Int(token);
    writer.EndArray();
  }
  WriteSampling(writer, request.sampling, quirks);
  if (request.n != 1) writer.Field("n", request.n);
  WriteInt(writer, "max_tokens", request.max_tokens);
  if (auto done = WriteStop(writer, request, quirks); !done) return Fail(done.error());
  if (stream) WriteStream(writer, quirks);
  writer.EndObject();
  return body;
}

}  // namespace

Result<chat::ProviderCall> WriteProviderChat(const GenerateRequest& request,
                                             const chat::ProviderModel& model, const Quirks& quirks,
                                             bool stream) {
  const auto fits =
      provider::CheckFields(kProviderRules, FieldsBeyondOpenAi(quirks), quirks.refuses, request);
  if (!fits) return Fail(fits.error());
  const bool chats = request.prompts.empty();
  auto body = chats ? WriteBody(request, model, quirks, stream)
                    : WriteCompletionBody(request, model, quirks, stream);
  if (!body) return Fail(body.error());
  auto path = PathOf(chats ? "/chat/completions" : "/completions", model.name, quirks);
  if (!path) return Fail(path.error());
  return provider::JsonCall(std::move(*path), std::move(*body), stream,
                            stream ? "text/event-stream" : "application/json");
}

Result<chat::ProviderCall> WriteProviderEmbeddings(const chat::EmbedRequest& request,
                                                   const chat::ProviderModel& model,
                                                   const Quirks& quirks) {
  std::string body;
  json::Writer writer(&body);
  writer.BeginObject().Field("model", model.name).Key("input").BeginArray();
  const bool tokens = !request.inputs.empty() && !request.inputs[0].tokens.empty();
  for (const chat::Prompt& input : request.inputs) {
    if (input.tokens.empty() == tokens)
      return provider::NotSupported("input", "takes texts or token ids, not both in one request");
    if (!tokens) {
      writer.String(input.text);
      continue;
    }
    writer.BeginArray();
    for (const int32_t token : input.tokens) writer.Int(token);
    writer.EndArray();
  }
  writer.EndArray();
  WriteInt(writer, "dimensions", request.dimensions);
  writer.Field("encoding_format", quirks.base64_embeddings ? "base64" : "float").EndObject();
  auto path = PathOf("/embeddings", model.name, quirks);
  if (!path) return Fail(path.error());
  return provider::JsonCall(std::move(*path), std::move(body), false, "application/json");
}

// What comes with times is asked for as "verbose": the text forms of subtitles are made here, since
// not every server has them. Models that have no times refuse that themselves.
Result<chat::ProviderCall> WriteProviderTranscription(const chat::TranscribeRequest& request,
                                                      const chat::ProviderModel& model,
                                                      const Quirks& quirks,
                                                      std::string_view boundary) {
  const bool timed = request.segments || request.words;
  provider::FormTexts texts = {{"model", model.name},
                               {"response_format", timed ? "verbose_json" : "json"}};
  if (!request.language.empty()) texts.emplace_back("language", request.language);
  if (auto guide = chat::GuideOf(request); !guide.empty())
    texts.emplace_back("prompt", std::move(guide));
  if (request.temperature)
    texts.emplace_back("temperature", fmt::format("{}", *request.temperature));
  // Segments alone are what is given to whom says nothing; translations take no such field.
  if (request.words) {
    texts.emplace_back("timestamp_granularities[]", "word");
    if (request.segments) texts.emplace_back("timestamp_granularities[]", "segment");
  }
  auto path = PathOf(request.translate ? "/audio/translations" : "/audio/transcriptions",
                     model.name, quirks);
  if (!path) return Fail(path.error());
  return provider::FormCall(std::move(*path), request, texts, boundary);
}

chat::ProviderCall ListProviderModels(const Quirks& quirks) {
  const std::string_view version =
      quirks.api_version.empty() ? kDefaultAzureVersion : std::string_view(quirks.api_version);
  return {.method = "GET",
          .path = quirks.azure ? fmt::format("/openai/models?api-version={}", version) : "/models",
          .headers = {{"accept", "application/json"}}};
}

}  // namespace weir::openai

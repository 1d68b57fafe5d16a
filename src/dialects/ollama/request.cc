#include "dialects/ollama/request.h"

#include <fmt/format.h>

#include "base/duration.h"
#include "dialects/ollama/body.h"
#include "dialects/ollama/messages.h"
#include "json/writer.h"

namespace weir::ollama {
namespace {

using Effort = chat::Reasoning::Effort;
using FormatKind = chat::ResponseFormat::Kind;

constexpr size_t kToolsMax = 128;
constexpr size_t kInputsMax = 2048;
constexpr size_t kSchemaBytesMax = size_t{256} << 10;
constexpr size_t kStopsMax = 16;
constexpr size_t kStopBytesMax = 1024;
constexpr int64_t kTokensMax = 10'000'000;
constexpr int64_t kCountMax = 1'000'000;
constexpr size_t kContextMax = size_t{1} << 20;

std::string SchemaText(json::Fields& fields, std::string_view key, const json::Value& schema) {
  std::string text = json::Print(schema);
  if (text.size() > kSchemaBytesMax)
    fields.Refuse(key, fmt::format("has {} bytes; the most is {}", text.size(), kSchemaBytesMax));
  return text;
}

void ReadTools(json::Fields& fields, std::vector<chat::Tool>& out) {
  const json::Array* tools = fields.List("tools", kToolsMax);
  for (size_t i = 0; tools != nullptr && i < tools->size() && !fields.problem(); ++i) {
    json::Fields tool(fields.problem(), (*tools)[i], fields.PathOf("tools", i));
    constexpr std::string_view kFunction[] = {"function"};
    tool.WordIndex("type", kFunction);
    auto function = tool.Require().Nested("function");
    if (!function) return;
    chat::Tool read;
    read.name = function->Require().String("name", kNameBytesMax).value_or("");
    if (read.name.empty()) function->Refuse("name", "is empty");
    read.description = function->String("description", kTextBytesMax).value_or("");
    if (const json::Object* schema = function->Map("parameters", json::Fields::kMembersMax))
      read.parameters = SchemaText(*function, "parameters", json::Value(*schema));
    out.push_back(std::move(read));
  }
}

// "json", a schema, or nothing ("" counts as nothing).
void ReadFormat(json::Fields& fields, chat::ResponseFormat& out) {
  const json::Value* format = fields.Take("format");
  if (format == nullptr) return;
  if (const std::string* word = format->AsString()) {
    if (!word->empty() && *word != "json")
      return fields.Refuse("format", "must be \"json\" or a JSON schema");
    out.kind = word->empty() ? FormatKind::kText : FormatKind::kJsonObject;
    return;
  }
  if (format->AsObject() == nullptr)
    return fields.Refuse("format", "must be \"json\" or a JSON schema");
  out.kind = FormatKind::kJsonSchema;
  out.name = "answer";
  out.strict = true;
  out.schema = SchemaText(fields, "format", *format);
}

void ReadThink(json::Fields& fields, chat::Reasoning& out) {
  const json::Value* think = fields.Take("think");
  if (think == nullptr) return;
  if (const bool* flag = think->AsBool()) {
    out.effort = *flag ? Effort::kMedium : Effort::kNone;
    return;
  }
  out.effort = fields
                   .Word<Effort>("think", {{"low", Effort::kLow},
                                           {"medium", Effort::kMedium},
                                           {"high", Effort::kHigh},
                                           {"max", Effort::kHigh}})
                   .value_or(Effort::kDefault);
}

// Seconds, or a duration; negative keeps the model for ever.
void ReadKeepAlive(json::Fields& fields, std::optional<int64_t>& out) {
  const json::Value* value = fields.Take("keep_alive");
  if (value == nullptr) return;
  if (const std::string* text = value->AsString()) {
    out = DurationMs(*text);
    if (!out) fields.Refuse("keep_alive", "must be seconds, or a duration like \"5m\"");
    return;
  }
  constexpr double kYearS = 366.0 * 24 * 3600;
  if (const auto seconds = fields.Number("keep_alive", -kYearS, kYearS))
    out = static_cast<int64_t>(*seconds * 1000);
}

void Read(json::Fields& fields, std::string_view key, double min, double max,
          std::optional<float>& out) {
  if (const auto number = fields.Number(key, min, max)) out = static_cast<float>(*number);
}
void Read(json::Fields& fields, std::string_view key, int64_t min, std::optional<int32_t>& out) {
  if (const auto count = fields.Int(key, min, kCountMax)) out = static_cast<int32_t>(*count);
}

void ReadStop(json::Fields& options, std::vector<std::string>& out) {
  const json::Value* stop = options.Take("stop");
  if (stop == nullptr) return;
  if (const std::string* one = stop->AsString()) {
    out = {*one};
  } else {
    out = options.Strings("stop", kStopsMax, kStopBytesMax);
  }
  for (const std::string& text : out) {
    if (text.empty() || text.size() > kStopBytesMax)
      options.Refuse("stop", fmt::format("must have from 1 to {} bytes", kStopBytesMax));
  }
}

void ReadNumPredict(json::Fields& options, std::optional<int32_t>& out) {
  const auto most = options.Int("num_predict", -2, kTokensMax);
  if (!most || *most <= 0) return;  // 0 and -1: no bound, -2: what the context holds
  out = static_cast<int32_t>(*most);
}

// What is not read here speaks of the machine (num_ctx, num_gpu, num_thread, ...).
void ReadOptions(json::Fields& fields, chat::GenerateRequest& request) {
  auto options = fields.Nested("options");
  if (!options) return;
  chat::Sampling& sampling = request.sampling;
  Read(*options, "temperature", 0, 100, sampling.temperature);
  Read(*options, "top_k", -1, sampling.top_k);
  if (sampling.top_k == -1) sampling.top_k = 0;  // off, too
  Read(*options, "top_p", 0, 1, sampling.top_p);
  Read(*options, "min_p", 0, 1, sampling.min_p);
  Read(*options, "typical_p", 0, 1, sampling.typical_p);
  Read(*options, "repeat_penalty", 0, 10, sampling.repeat_penalty);
  Read(*options, "repeat_last_n", -1, sampling.penalty_last_n);
  Read(*options, "frequency_penalty", -2, 2, sampling.frequency_penalty);
  Read(*options, "presence_penalty", -2, 2, sampling.presence_penalty);
  Read(*options, "mirostat", 0, sampling.mirostat);
  if (sampling.mirostat.value_or(0) > 2) options->Refuse("mirostat", "must be 0, 1 or 2");
  Read(*options, "mirostat_tau", 0, 100, sampling.mirostat_tau);
  Read(*options, "mirostat_eta", 0, 1, sampling.mirostat_eta);
  const auto seed = options->Int("seed", INT64_MIN, INT64_MAX);
  if (seed && *seed != -1 && *seed != 0) {
    const auto bits = static_cast<uint64_t>(*seed);
    sampling.seed = static_cast<uint32_t>(bits ^ bits >> 32);
  }
  ReadNumPredict(*options, request.max_tokens);
  ReadStop(*options, request.stop);
  if (const auto tfs = options->Number("tfs_z", 0, 1); tfs && *tfs != 1)
    RefuseUnsupported(*options, "tfs_z", "there is no tail-free sampling");
  if (options->Bool("penalize_newline") == false)
    RefuseUnsupported(*options, "penalize_newline", "penalties know no exception");
}

void ReadCommon(json::Fields& fields, GenerateCall& call) {
  chat::GenerateRequest& request = call.request;
  request.model = fields.Require().String("model", kNameBytesMax).value_or("");
  if (request.model.empty()) fields.Refuse("model", "is empty");
  call.stream = fields.Bool("stream").value_or(true);
  ReadFormat(fields, request.response_format);
  ReadThink(fields, request.reasoning);
  ReadKeepAlive(fields, request.keep_alive_ms);
  ReadOptions(fields, request);
  request.logprobs = fields.Bool("logprobs").value_or(false);
  if (const auto top = fields.Int("top_logprobs", 0, 20)) {
    request.top_logprobs = static_cast<int32_t>(*top);
    if (*top > 0 && !request.logprobs)
      fields.Refuse("top_logprobs", "is only allowed with logprobs: true");
  }
}

void ReadPrompt(json::Fields& fields, GenerateCall& call) {
  chat::GenerateRequest& request = call.request;
  std::string prompt = fields.String("prompt", kTextBytesMax).value_or("");
  const std::string system = fields.String("system", kTextBytesMax).value_or("");
  const std::string suffix = fields.String("suffix", kTextBytesMax).value_or("");
  const bool raw = fields.Bool("raw").value_or(false);
  std::vector<chat::Part> images;
  int count = 0;
  ReadImages(fields, count, images);
  call.only_load = prompt.empty() && system.empty() && suffix.empty() && images.empty();
  if (call.only_load) return;
  request.return_tokens = !raw;  // for the answer's context
  if (raw || !suffix.empty()) {
    if (!images.empty()) return RefuseUnsupported(fields, "images", "a raw prompt is text alone");
    if (!system.empty())
      return RefuseUnsupported(fields, "system", "a raw prompt is sent as it is");
    request.prompts = {{.text = std::move(prompt)}};
    request.suffix = suffix;
    request.has_suffix = !suffix.empty();
    return;
  }
  if (!system.empty())
    request.messages.push_back({.role = chat::Role::kSystem, .parts = {{.text = system}}});
  chat::Message user = {.role = chat::Role::kUser, .parts = {{.text = std::move(prompt)}}};
  user.parts.insert(user.parts.end(), images.begin(), images.end());
  request.messages.push_back(std::move(user));
}

// What an earlier answer gave: the tokens that this prompt goes on behind.
void ReadContext(json::Fields& fields, const GenerateCall& call, std::vector<int32_t>& out) {
  const json::Array* tokens = fields.List("context", kContextMax);
  if (tokens == nullptr || tokens->empty() || call.only_load) return;
  if (call.request.messages.empty())
    return RefuseUnsupported(fields, "context", "it goes with neither raw nor suffix");
  for (size_t i = 0; i < tokens->size(); ++i) {
    const int64_t* token = (*tokens)[i].AsInt();
    if (token == nullptr || *token < 0 || *token > INT32_MAX) {
      return fields.Refuse(fmt::format("context[{}]", i),
                           "must be a token id, which is a whole number from 0");
    }
    out.push_back(static_cast<int32_t>(*token));
  }
}

chat::EmbedRequest ReadEmbedFields(json::Fields& fields) {
  chat::EmbedRequest request;
  request.model = fields.Require().String("model", kNameBytesMax).value_or("");
  if (request.model.empty()) fields.Refuse("model", "is empty");
  if (const auto dimensions = fields.Int("dimensions", 1, 65536))
    request.dimensions = static_cast<int32_t>(*dimensions);
  ReadKeepAlive(fields, request.keep_alive_ms);
  return request;
}

}  // namespace

void RefuseUnsupported(json::Fields& fields, std::string_view key, std::string_view why) {
  fields.Refuse(key, fmt::format("is not supported: {}", why), Code::kInvalidArgument,
                "unsupported_parameter");
}

Result<GenerateCall> ReadChat(std::string_view body) {
  return ReadBody<GenerateCall>(body, [](json::Fields& fields) {
    GenerateCall call;
    ReadCommon(fields, call);
    call.request.messages = ReadMessages(fields);
    ReadTools(fields, call.request.tools);
    call.only_load = call.request.messages.empty();
    return call;
  });
}

Result<GenerateCall> ReadGenerate(std::string_view body) {
  return ReadBody<GenerateCall>(body, [](json::Fields& fields) {
    GenerateCall call = {.chat = false};
    ReadCommon(fields, call);
    ReadPrompt(fields, call);
    if (!fields.String("template", kTextBytesMax).value_or("").empty())
      RefuseUnsupported(fields, "template", "the model's own is used; or send a raw prompt");
    ReadContext(fields, call, call.request.context);
    return call;
  });
}

Result<chat::EmbedRequest> ReadEmbed(std::string_view body) {
  return ReadBody<chat::EmbedRequest>(body, [](json::Fields& fields) {
    chat::EmbedRequest request = ReadEmbedFields(fields);
    if (fields.Bool("truncate").value_or(true)) request.input_tokens_max = chat::kModelInput;
    const json::Value* input = fields.Require().Take("input");
    if (input == nullptr) return request;
    if (const std::string* one = input->AsString()) {
      request.inputs = {{.text = *one}};
    } else {
      for (std::string& text : fields.Strings("input", kInputsMax, kTextBytesMax))
        request.inputs.push_back({.text = std::move(text)});
    }
    for (const chat::Prompt& text : request.inputs) {
      if (text.text.empty()) fields.Refuse("input", "has an empty string");
    }
    if (request.inputs.empty()) fields.Refuse("input", "is empty");
    return request;
  });
}

Result<chat::EmbedRequest> ReadEmbeddings(std::string_view body) {
  return ReadBody<chat::EmbedRequest>(body, [](json::Fields& fields) {
    chat::EmbedRequest request = ReadEmbedFields(fields);
    request.inputs = {{.text = fields.Require().String("prompt", kTextBytesMax).value_or("")}};
    if (request.inputs[0].text.empty()) fields.Refuse("prompt", "is empty");
    return request;
  });
}

Result<std::string> ReadShow(std::string_view body) {
  return ReadBody<std::string>(body, [](json::Fields& fields) {
    std::string model = fields.String("model", kNameBytesMax).value_or("");
    if (model.empty()) model = fields.String("name", kNameBytesMax).value_or("");
    if (model.empty()) fields.Refuse("model", "is required");
    return model;
  });
}

}  // namespace weir::ollama

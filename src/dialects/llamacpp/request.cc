#include "dialects/llamacpp/request.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "dialects/openai/common_fields.h"
#include "dialects/openai/request.h"
#include "json/fields.h"
#include "json/parse.h"
#include "json/writer.h"

namespace weir::llamacpp {
namespace {

using openai::kNameBytesMax;
using openai::RefuseUnsupported;

constexpr size_t kPromptsMax = 64;
constexpr size_t kBiasesMax = 1024;
constexpr size_t kBiasTextBytesMax = 1024;
constexpr size_t kStopsMax = 16;
constexpr size_t kStopBytesMax = 1024;
constexpr size_t kFilesMax = 256;
constexpr size_t kFileNameMax = 4096;
constexpr size_t kFileBytesMax = size_t{1} << 20;
constexpr size_t kFilesBytesMax = size_t{32} << 10;  // of those that are read
constexpr size_t kTextBytesMax = size_t{32} << 20;
constexpr size_t kGrammarBytesMax = size_t{256} << 10;
constexpr size_t kFieldsMax = 64;
constexpr size_t kTokenizeBytesMax = size_t{8} << 20;
constexpr size_t kTokensMax = 1'000'000;
constexpr int64_t kAny = int64_t{1} << 40;

// They choose a slot, or bound or shape the work in ways that change no answer here: there are no
// slots, prefixes are reused by themselves, nothing is discarded, and a token is not drawn in
// parts. Times do not cut an answer (docs/llamacpp.md).
constexpr std::string_view kIgnored[] = {"id_slot",          "n_keep",          "n_discard",
                                         "n_cache_reuse",    "t_max_prompt_ms", "t_max_predict_ms",
                                         "sse_ping_interval"};

// [[15043, 1.0], ["no", false]] and {"15043": 1.0, "no": false} as OpenAI has it, {"15043": 1.0},
// and the texts apart. What is of another form is left for the reader of that to refuse.
class Biases {
 public:
  explicit Biases(json::Value& document) {
    json::Object* members = document.AsObject();
    if (members == nullptr) return;
    const auto found = std::ranges::find(*members, "logit_bias", &json::Member::key);
    if (found == members->end()) return;
    const bool taken = found->value.AsArray() != nullptr    ? TakePairs(*found->value.AsArray())
                       : found->value.AsObject() != nullptr ? TakeMembers(*found->value.AsObject())
                                                            : false;
    if (taken) found->value = std::move(tokens_);
  }

  void ReadTexts(json::Fields& fields, std::vector<std::pair<std::string, float>>& out) const {
    if (texts_.size() > kBiasesMax) {
      return fields.Refuse("logit_bias",
                           fmt::format("has {} texts; the most is {}", texts_.size(), kBiasesMax));
    }
    for (const auto& [text, bias] : texts_) {
      const double* number = bias.AsDouble();
      const int64_t* integer = bias.AsInt();
      const double value = number != nullptr    ? *number
                           : integer != nullptr ? static_cast<double>(*integer)
                                                : INFINITY;
      if (!(value >= -100 && value <= 100))
        return fields.Refuse("logit_bias", "takes numbers from -100 to 100, and false");
      if (text.empty() || text.size() > kBiasTextBytesMax) {
        return fields.Refuse("logit_bias",
                             fmt::format("has a text of {} bytes; it has from 1 to {}", text.size(),
                                         kBiasTextBytesMax));
      }
      out.emplace_back(text, static_cast<float>(value));
    }
  }

 private:
  static json::Value StrengthOf(const json::Value& said) {
    const bool* flag = said.AsBool();
    return flag != nullptr && !*flag ? json::Value(-100) : said;
  }

  bool TakePairs(const json::Array& pairs) {
    for (const json::Value& pair : pairs) {
      const json::Array* both = pair.AsArray();
      if (both == nullptr || both->size() != 2) return false;
      const int64_t* token = (*both)[0].AsInt();
      const std::string* text = (*both)[0].AsString();
      if (token == nullptr && text == nullptr) return false;
      if (token != nullptr) tokens_.push_back({std::to_string(*token), StrengthOf((*both)[1])});
      if (text != nullptr) texts_.push_back({*text, StrengthOf((*both)[1])});
    }
    return true;
  }

  bool TakeMembers(const json::Object& members) {
    for (const json::Member& member : members) {
      const bool token = member.key.find_first_not_of("0123456789") == std::string::npos;
      (token ? tokens_ : texts_).push_back({member.key, StrengthOf(member.value)});
    }
    return true;
  }

  json::Object tokens_ = {};
  json::Object texts_ = {};
};

void ReadStop(json::Fields& fields, std::vector<std::string>& out) {
  out = fields.Strings("stop", kStopsMax, kStopBytesMax);
  for (size_t i = 0; i < out.size(); ++i) {
    if (out[i].empty()) fields.Refuse(fmt::format("stop[{}]", i), "is empty");
  }
}

void ReadBound(json::Fields& fields, CompletionCall& call) {
  for (const char* key : {"n_predict", "max_tokens"}) {
    const auto tokens = fields.Int(key, -2, openai::kTokensMax);
    if (!tokens || *tokens < 0) continue;  // -1: no bound; -2: until the context is full
    call.form.only_prompt = *tokens == 0;
    // A prompt is computed to draw from it: the one token is not shown.
    call.request.max_tokens = std::max(static_cast<int32_t>(*tokens), 1);
  }
}

void ReadConstraints(json::Fields& fields, chat::ResponseFormat& out) {
  using Kind = chat::ResponseFormat::Kind;
  out.schema = openai::ReadSchema(fields, "json_schema");
  if (!out.schema.empty()) out.kind = Kind::kJsonSchema;
  std::string grammar = fields.String("grammar", kGrammarBytesMax).value_or("");
  if (grammar.empty()) return;
  if (out.kind != Kind::kText)
    return fields.Refuse("grammar", "cannot be given together with json_schema");
  out.kind = Kind::kGrammar;
  out.grammar = std::move(grammar);
}

void RefuseWhatNobodyDoes(json::Fields& fields) {
  if (const auto n = fields.Int("n_cmpl", 1, kAny); n && *n != 1)
    RefuseUnsupported(fields, "n_cmpl", "ask /v1/completions for several answers");
  if (fields.Bool("post_sampling_probs") == true)
    RefuseUnsupported(fields, "post_sampling_probs", "only the model's own are told");
  if (fields.Bool("cache_prompt") == false) {
    RefuseUnsupported(fields, "cache_prompt", "prefixes are always reused where they can be");
  }
  const json::Array* adapters = fields.List("lora", 64);
  if (adapters != nullptr && !adapters->empty())
    RefuseUnsupported(fields, "lora", "adapters belong to a model; weir create makes one of them");
}

void ReadForm(json::Fields& fields, CompletionForm& form) {
  form.stream = fields.Bool("stream").value_or(false);
  form.timings_per_token = fields.Bool("timings_per_token").value_or(false);
  form.progress = fields.Bool("return_progress").value_or(false);
  form.tokens = fields.Bool("return_tokens").value_or(false) || form.stream;
  form.indent_min = static_cast<int32_t>(fields.Int("n_indent", 0, 10'000).value_or(0));
  form.has_fields = fields.Take("response_fields") != nullptr;
  form.fields = fields.Strings("response_fields", kFieldsMax, kNameBytesMax);
}

// What the request said, less what is long.
std::string SettingsOf(const json::Value& document) {
  constexpr std::string_view kLong[] = {"prompt",  "input_prefix", "input_suffix", "input_extra",
                                        "grammar", "json_schema",  "logit_bias"};
  json::Object said;
  for (const json::Member& member : *document.AsObject()) {
    if (std::ranges::find(kLong, member.key) == std::end(kLong)) said.push_back(member);
  }
  return json::Print(json::Value(std::move(said)));
}

void ReadShared(json::Fields& fields, const Biases& biases, CompletionCall& call) {
  chat::GenerateRequest& request = call.request;
  request.model = fields.String("model", kNameBytesMax).value_or("auto");
  if (request.model.empty()) request.model = "auto";
  ReadForm(fields, call.form);
  ReadBound(fields, call);
  request.return_tokens = call.form.tokens;
  openai::ReadSampling(fields, request.sampling);
  biases.ReadTexts(fields, request.sampling.text_bias);
  ReadStop(fields, request.stop);
  ReadConstraints(fields, request.response_format);
  if (const auto top = fields.Int("n_probs", 0, 20); top && *top > 0 && !call.form.only_prompt) {
    call.form.probabilities = request.logprobs = true;
    request.top_logprobs = static_cast<int32_t>(*top);
  }
  openai::ReadKeepAlive(fields, request.keep_alive_ms);
  RefuseWhatNobodyDoes(fields);
  fields.RefuseUnread(kIgnored);
}

// The files beside the one that is filled in: the last that fit. Editors say more of a file than
// llama-server reads (when it was looked at), which it skips.
std::vector<chat::ContextFile> ReadFiles(json::Fields& fields) {
  const json::Array* listed = fields.List("input_extra", kFilesMax);
  std::vector<chat::ContextFile> files;
  for (size_t i = 0; listed != nullptr && i < listed->size() && !fields.problem(); ++i) {
    json::Fields file(fields.problem(), (*listed)[i], fields.PathOf("input_extra", i));
    files.push_back({.name = file.String("filename", kFileNameMax).value_or(""),
                     .text = file.Require().String("text", kFileBytesMax).value_or("")});
  }
  size_t bytes = 0;
  auto first = files.end();
  while (first != files.begin()) {
    bytes += std::prev(first)->text.size() + std::prev(first)->name.size();
    if (bytes > kFilesBytesMax) break;
    --first;
  }
  files.erase(files.begin(), first);
  return files;
}

// `fill` reads what the call has besides its model; what it leaves unread is refused.
template <class Call, class Fill>
Result<Call> ReadCall(std::string_view body, Fill fill) {
  const auto document = json::Parse(body);
  if (!document) return Fail(document.error());
  json::Problem problem;
  json::Fields fields(problem, *document);
  Call call;
  call.model = fields.String("model", kNameBytesMax).value_or("auto");
  fill(fields, call);
  fields.RefuseUnread();
  if (problem) return Fail(problem.Take());
  return call;
}

}  // namespace

Result<CompletionCall> ReadCompletion(std::string_view body) {
  auto document = json::Parse(body);
  if (!document) return Fail(document.error());
  const Biases biases(*document);
  json::Problem problem;
  json::Fields fields(problem, *document);
  CompletionCall call;
  call.request.prompts = openai::ReadPrompts(fields, "prompt", kPromptsMax);
  ReadShared(fields, biases, call);
  if (problem) return Fail(problem.Take());
  for (const chat::Prompt& prompt : call.request.prompts) call.form.prompts.push_back(prompt.text);
  call.form.settings_json = SettingsOf(*document);
  return call;
}

// What is already written of the middle stands at the end of what is before it.
Result<CompletionCall> ReadInfill(std::string_view body) {
  auto document = json::Parse(body);
  if (!document) return Fail(document.error());
  const Biases biases(*document);
  json::Problem problem;
  json::Fields fields(problem, *document);
  CompletionCall call;
  chat::GenerateRequest& request = call.request;
  request.files = ReadFiles(fields);
  std::string prefix = fields.Require().String("input_prefix", kTextBytesMax).value_or("");
  request.suffix = fields.Require().String("input_suffix", kTextBytesMax).value_or("");
  request.has_suffix = true;
  prefix += fields.String("prompt", kTextBytesMax).value_or("");
  ReadShared(fields, biases, call);
  if (problem) return Fail(problem.Take());
  call.form.prompts = {prefix};
  call.form.settings_json = SettingsOf(*document);
  request.prompts.push_back({.text = std::move(prefix)});
  return call;
}

Result<chat::GenerateRequest> ReadApplyTemplate(std::string_view body) {
  auto call = openai::ReadChat(body);
  if (!call) return Fail(call.error());
  return std::move(call->request);
}

Result<TokenizeCall> ReadTokenize(std::string_view body) {
  return ReadCall<TokenizeCall>(body, [](json::Fields& fields, TokenizeCall& call) {
    call.request.text = fields.Require().String("content", kTokenizeBytesMax).value_or("");
    call.request.add_special = fields.Bool("add_special").value_or(false);
    call.request.parse_special = fields.Bool("parse_special").value_or(true);
    call.request.pieces = fields.Bool("with_pieces").value_or(false);
  });
}

Result<DetokenizeCall> ReadDetokenize(std::string_view body) {
  return ReadCall<DetokenizeCall>(body, [](json::Fields& fields, DetokenizeCall& call) {
    const json::Array* tokens = fields.Require().List("tokens", kTokensMax);
    for (size_t i = 0; tokens != nullptr && i < tokens->size(); ++i) {
      const int64_t* token = (*tokens)[i].AsInt();
      if (token == nullptr || *token < 0 || *token > INT32_MAX) {
        return fields.Refuse("tokens", "takes token ids, which are whole numbers from 0");
      }
      call.request.tokens.push_back(static_cast<int32_t>(*token));
    }
  });
}

}  // namespace weir::llamacpp

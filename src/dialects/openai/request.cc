#include "dialects/openai/request.h"

#include <fmt/format.h>

#include "base/check.h"
#include "dialects/openai/common_fields.h"
#include "dialects/openai/messages.h"
#include "dialects/openai/tools.h"
#include "json/parse.h"

namespace weir::openai {
namespace {

constexpr size_t kInputsMax = 2048;

void ReadChatLogprobs(json::Fields& fields, chat::GenerateRequest& request) {
  request.logprobs = fields.Bool("logprobs").value_or(false);
  const auto top = fields.Int("top_logprobs", 0, 20);
  if (!top) return;
  if (*top > 0 && !request.logprobs)
    return fields.Refuse("top_logprobs", "is only allowed with logprobs: true");
  request.top_logprobs = static_cast<int32_t>(*top);
}

void ReadSuffix(json::Fields& fields, chat::GenerateRequest& request) {
  auto suffix = fields.String("suffix", size_t{32} << 20);
  if (!suffix) return;
  request.has_suffix = true;
  request.suffix = std::move(*suffix);
  for (const chat::Prompt& prompt : request.prompts) {
    if (!prompt.tokens.empty())
      return fields.Refuse("suffix", "is only allowed with prompts that are text");
  }
}

void ReadCompletionOnly(json::Fields& fields, chat::GenerateRequest& request) {
  request.prompts = ReadPrompts(fields, "prompt", kChoicesMax);
  ReadSuffix(fields, request);
  if (const auto top = fields.Int("logprobs", 0, 20)) {
    request.logprobs = true;
    request.top_logprobs = static_cast<int32_t>(*top);
  }
  request.echo = fields.Bool("echo").value_or(false);
  if (request.echo && request.logprobs && request.has_suffix) {
    RefuseUnsupported(fields, "logprobs", "not together with echo and suffix");
  }
}

// OpenAI draws best_of and returns the n best; only the plain case can be honoured.
void ReadBestOf(json::Fields& fields, const Limits& limits, const chat::GenerateRequest& request) {
  const auto best_of = fields.Int("best_of", 1, limits.choices_max);
  const auto n = fields.Int("n", 1, limits.choices_max).value_or(1);
  if (best_of && *best_of != n) RefuseUnsupported(fields, "best_of", "it must equal n");
  const auto choices = n * static_cast<int64_t>(request.prompts.size());
  if (choices > kChoicesMax) {
    fields.Refuse(
        "n", fmt::format("times the prompts is {} choices; the most is {}", choices, kChoicesMax));
  }
}

}  // namespace

Result<GenerateCall> ReadChat(std::string_view body, const Limits& limits) {
  CHECK(limits.choices_max >= 1 && limits.choices_max <= kChoicesMax, "choices_max out of range");
  const auto document = json::Parse(body);
  if (!document) return Fail(document.error());
  json::Problem problem;
  json::Fields fields(problem, *document);
  GenerateCall call;
  call.request.messages = ReadMessages(fields);
  ReadTools(fields, call);
  ReadChatLogprobs(fields, call.request);
  ReadCommon(fields, limits, call);
  if (!call.request.tools.empty() &&
      call.request.response_format.kind == chat::ResponseFormat::Kind::kGrammar) {
    fields.Refuse("grammar", "cannot be given together with tools");
  }
  if (problem) return Fail(problem.Take());
  return call;
}

Result<GenerateCall> ReadCompletion(std::string_view body, const Limits& limits) {
  CHECK(limits.choices_max >= 1 && limits.choices_max <= kChoicesMax, "choices_max out of range");
  const auto document = json::Parse(body);
  if (!document) return Fail(document.error());
  json::Problem problem;
  json::Fields fields(problem, *document);
  GenerateCall call;
  ReadCompletionOnly(fields, call.request);
  ReadBestOf(fields, limits, call.request);
  ReadCommon(fields, limits, call);
  if (problem) return Fail(problem.Take());
  return call;
}

Result<EmbedCall> ReadEmbeddings(std::string_view body) {
  const auto document = json::Parse(body);
  if (!document) return Fail(document.error());
  json::Problem problem;
  json::Fields fields(problem, *document);
  EmbedCall call;
  call.request.model = ReadModel(fields);
  call.request.inputs = ReadPrompts(fields, "input", kInputsMax);
  for (const chat::Prompt& input : call.request.inputs) {
    if (input.tokens.empty() && input.text.empty()) fields.Refuse("input", "has an empty string");
  }
  call.base64 =
      fields.Word<bool>("encoding_format", {{"float", false}, {"base64", true}}).value_or(false);
  if (const auto dimensions = fields.Int("dimensions", 1, 65536)) {
    call.request.dimensions = static_cast<int32_t>(*dimensions);
  }
  ReadKeepAlive(fields, call.request.keep_alive_ms);
  ReadRest(fields);
  if (problem) return Fail(problem.Take());
  return call;
}

}  // namespace weir::openai

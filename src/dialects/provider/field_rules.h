// What becomes of each field of a request at a provider: one table for each dialect, which the code
// obeys, the tests hold it to, and docs/formats/provider-*.md is written from.
//
// The fields, in order (kFields in field_rules.cc says when a request counts as using one; a value
// that means "off" does not count):
//   prompt suffix echo context return_tokens
//   messages.system messages.later_system messages.developer messages.name messages.reasoning
//   messages.images messages.image_urls messages.image_detail messages.audio messages.files
//   messages.tool_images messages.prefill
//   tools tools.strict tool_choice.none tool_choice.required tool_choice.named tool_choice.allowed
//   parallel_tool_calls
//   response_format.json_object response_format.json_schema grammar
//   reasoning_effort reasoning_budget chat_template_kwargs
//   temperature top_p top_k min_p typical_p repeat_penalty frequency_penalty presence_penalty
//   repeat_last_n dry xtc mirostat seed logit_bias logit_bias.texts
//   ignore_eos
//   n max_tokens stop prediction logprobs priority keep_alive
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "chat/request.h"

namespace weir::provider {

enum class Carried : uint8_t {
  kCarried,   // the provider has it
  kEmulated,  // said to the provider in another way; `how` says which
  kRefused,   // the request is refused, and names the field
  kUnsent,    // not sent, because it cannot change the answer there
  kChecked,   // not sent; the answer is held against it, and one that breaks it is an error
};
std::string_view CarriedName(Carried carried);

struct FieldRule {
  std::string_view field;
  Carried carried;
  std::string_view how = {};  // half a sentence
};

std::vector<std::string_view> FieldNames();

// Where the request uses the field ("messages[2].content[0]"), or empty when it does not.
std::string FindField(std::string_view field, const chat::GenerateRequest& request);

// Refuses the first field that is used and cannot be carried: by a rule, unless it is in `also`
// (what this server has beyond its dialect), or because it is in `lacking` (what it has not).
// `rules` has every field, in the order of FieldNames (CHECK).
Result<void> CheckFields(std::span<const FieldRule> rules, std::span<const std::string_view> also,
                         std::span<const std::string> lacking,
                         const chat::GenerateRequest& request);

// The rules as a page of Markdown, the whole file.
std::string RenderRules(std::string_view provider, std::span<const FieldRule> rules);

}  // namespace weir::provider

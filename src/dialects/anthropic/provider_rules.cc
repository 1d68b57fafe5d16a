#include "dialects/anthropic/provider.h"

namespace weir::anthropic {
namespace {

using enum provider::Carried;

constexpr provider::FieldRule kRules[] = {
    {"prompt", kRefused, "only chats are sent to providers"},
    {"suffix", kRefused, "only chats are sent to providers"},
    {"echo", kRefused, "only chats are sent to providers"},
    {"context", kRefused, "token ids mean something to the model that they are of alone"},
    {"return_tokens", kUnsent, "no provider tells them"},
    {"messages.system", kCarried, "those in front as `system`"},
    {"messages.later_system", kEmulated,
     "text of the user's turn in which they stand, between `<system>` and `</system>`"},
    {"messages.developer", kCarried, "as `system`"},
    {"messages.name", kRefused, "Anthropic's messages have no speaker's name"},
    {"messages.reasoning", kUnsent,
     "but what Anthropic signed or hid itself: its own clients' thinking goes back as it came"},
    {"messages.images", kCarried},
    {"messages.image_urls", kCarried, "the provider fetches them"},
    {"messages.image_detail", kRefused, "Anthropic has no level of detail"},
    {"messages.audio", kRefused, "Anthropic takes no audio"},
    {"messages.files", kCarried, "PDF and plain text as `document`; others are refused"},
    {"messages.tool_images", kCarried},
    {"messages.prefill", kCarried, "newer models refuse it themselves"},
    {"tools", kCarried},
    {"tools.strict", kCarried},
    {"tool_choice.none", kCarried},
    {"tool_choice.required", kCarried, "as `any`"},
    {"tool_choice.named", kCarried},
    {"tool_choice.allowed", kEmulated, "only the allowed tools are sent"},
    {"parallel_tool_calls", kCarried, "as `disable_parallel_tool_use`"},
    {"response_format.json_object", kRefused, "Anthropic constrains answers by a schema only"},
    {"response_format.json_schema", kCarried, "as `output_config.format`"},
    {"grammar", kRefused, "Anthropic constrains answers by a schema only"},
    {"reasoning_effort", kCarried,
     "`none` as thinking `disabled`, others as `adaptive` with an effort; `minimal` as `low`"},
    {"reasoning_budget", kCarried,
     "as thinking `enabled`; from 1,024 tokens and below max_tokens; 0 as `disabled`"},
    {"verbosity", kRefused, "Anthropic has no such setting"},
    {"chat_template_kwargs", kRefused, "templates are the provider's own"},
    {"temperature", kCarried, "from 0 to 1; above is refused"},
    {"top_p", kCarried},
    {"top_k", kCarried},
    {"min_p", kRefused, "Anthropic has no such setting"},
    {"typical_p", kRefused, "Anthropic has no such setting"},
    {"repeat_penalty", kRefused, "Anthropic has no such setting"},
    {"frequency_penalty", kRefused, "Anthropic has no such setting"},
    {"presence_penalty", kRefused, "Anthropic has no such setting"},
    {"repeat_last_n", kRefused, "Anthropic has no such setting"},
    {"dry", kRefused, "Anthropic has no such setting"},
    {"xtc", kRefused, "Anthropic has no such setting"},
    {"mirostat", kRefused, "Anthropic has no such setting"},
    {"seed", kRefused, "Anthropic's answers cannot be repeated"},
    {"logit_bias", kRefused, "Anthropic has no such setting"},
    {"logit_bias.texts", kRefused, "a provider reads no texts there"},
    {"ignore_eos", kRefused, "Anthropic has no such setting"},
    {"n", kRefused, "Anthropic gives one answer a request"},
    {"max_tokens", kCarried,
     "required there: without one, the target's `max_output`, or 4,096 where that is not known"},
    {"stop", kCarried},
    {"prediction", kUnsent, "a hint, for speed alone"},
    {"logprobs", kRefused, "Anthropic does not tell them"},
    {"priority", kUnsent, "it orders Weir's own queues"},
    {"keep_alive", kUnsent, "the provider keeps its models as it likes"},
};

}  // namespace

const std::span<const provider::FieldRule> kProviderRules = kRules;

}  // namespace weir::anthropic

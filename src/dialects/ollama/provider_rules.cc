#include "dialects/ollama/provider.h"

namespace weir::ollama {
namespace {

using enum provider::Carried;

constexpr provider::FieldRule kRules[] = {
    {"prompt", kCarried, "one text, `raw` to `/api/generate`"},
    {"suffix", kCarried, "for models whose template fills in a middle"},
    {"echo", kRefused, "only chats are sent to providers"},
    {"context", kRefused, "token ids mean something to the model that they are of alone"},
    {"return_tokens", kUnsent, "no provider tells them"},
    {"messages.system", kCarried},
    {"messages.later_system", kCarried},
    {"messages.developer", kCarried, "as `system`"},
    {"messages.name", kRefused, "Ollama's messages have no speaker's name"},
    {"messages.reasoning", kCarried, "as `thinking`"},
    {"messages.images", kCarried},
    {"messages.image_urls", kRefused, "Ollama fetches nothing; send the image inline"},
    {"messages.image_detail", kRefused, "Ollama has no level of detail"},
    {"messages.audio", kRefused, "Ollama's chats take no audio"},
    {"messages.files", kRefused, "Ollama's chats take no files"},
    {"messages.tool_images", kRefused, "a tool's result is text there"},
    {"messages.prefill", kCarried},
    {"tools", kCarried},
    {"tools.strict", kChecked,
     "a call that does not fit its schema is an error; schemas with "
     "`pattern`, `format` or other keywords that cannot be checked are refused"},
    {"tool_choice.none", kEmulated, "no tools are sent"},
    {"tool_choice.required", kRefused, "Ollama cannot be made to call a tool"},
    {"tool_choice.named", kRefused, "Ollama cannot be made to call a tool"},
    {"tool_choice.allowed", kEmulated,
     "only the allowed tools are sent; not where a call is required"},
    {"parallel_tool_calls", kRefused, "Ollama cannot be kept from several calls at once"},
    {"response_format.json_object", kCarried, "as `format`"},
    {"response_format.json_schema", kCarried, "as `format`"},
    {"grammar", kRefused, "Ollama constrains answers by a schema only"},
    {"reasoning_effort", kCarried, "as `think`: `none` is false, `minimal` is `low`"},
    {"reasoning_budget", kRefused, "Ollama has no budget for thinking"},
    {"verbosity", kRefused, "Ollama has no such setting"},
    {"chat_template_kwargs", kRefused, "Ollama's templates take no arguments"},
    {"temperature", kCarried},
    {"top_p", kCarried},
    {"top_k", kCarried},
    {"min_p", kCarried},
    {"typical_p", kCarried},
    {"repeat_penalty", kCarried},
    {"frequency_penalty", kCarried},
    {"presence_penalty", kCarried},
    {"repeat_last_n", kCarried},
    {"dry", kRefused, "Ollama has no such setting"},
    {"xtc", kRefused, "Ollama has no such setting"},
    {"mirostat", kCarried},
    {"seed", kCarried},
    {"logit_bias", kRefused, "Ollama has no such setting"},
    {"logit_bias.texts", kRefused, "a provider reads no texts there"},
    {"ignore_eos", kRefused, "Ollama has no such setting"},
    {"n", kRefused, "Ollama gives one answer a request"},
    {"max_tokens", kCarried, "as `num_predict`"},
    {"stop", kCarried},
    {"prediction", kUnsent, "a hint, for speed alone"},
    {"logprobs", kCarried},
    {"priority", kUnsent, "it orders Weir's own queues"},
    {"keep_alive", kCarried},
};

}  // namespace

const std::span<const provider::FieldRule> kProviderRules = kRules;

}  // namespace weir::ollama

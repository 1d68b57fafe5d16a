#include "dialects/openai/provider.h"

namespace weir::openai {
namespace {

using enum provider::Carried;

constexpr provider::FieldRule kRules[] = {
    {"prompt", kRefused, "only vLLM and llama-server are sent anything but chats"},
    {"suffix", kRefused, "no provider is asked to fill in"},
    {"echo", kRefused, "no provider is asked for its prompt"},
    {"context", kRefused, "token ids mean something to the model that they are of alone"},
    {"return_tokens", kUnsent, "no provider tells them"},
    {"messages.system", kCarried},
    {"messages.later_system", kCarried},
    {"messages.developer", kCarried, "as `system` where a server does not know the role"},
    {"messages.name", kCarried},
    {"messages.reasoning", kUnsent,
     "OpenAI takes no reasoning of earlier turns; servers that do get it"},
    {"messages.images", kCarried},
    {"messages.image_urls", kCarried, "the provider fetches them"},
    {"messages.image_detail", kCarried},
    {"messages.audio", kCarried, "wav and mp3; others are refused"},
    {"messages.files", kCarried},
    {"messages.tool_images", kRefused, "a tool's result is text there"},
    {"messages.prefill", kCarried, "whether the model goes on with it is the server's affair"},
    {"tools", kCarried},
    {"tools.strict", kCarried},
    {"tool_choice.none", kCarried},
    {"tool_choice.required", kCarried},
    {"tool_choice.named", kCarried},
    {"tool_choice.allowed", kCarried, "as `allowed_tools`"},
    {"parallel_tool_calls", kCarried},
    {"response_format.json_object", kCarried},
    {"response_format.json_schema", kCarried},
    {"grammar", kRefused, "only llama-server takes GBNF"},
    {"reasoning_effort", kCarried},
    {"reasoning_budget", kEmulated,
     "as an effort, unless one is given: up to 2,048 tokens `low`, up to 8,192 `medium`, above "
     "`high`; 0 `none`"},
    {"verbosity", kCarried, "OpenAI's own; presets of other servers refuse it"},
    {"chat_template_kwargs", kRefused, "only vLLM and llama-server take them"},
    {"temperature", kCarried},
    {"top_p", kCarried},
    {"top_k", kRefused, "OpenAI has no such setting"},
    {"min_p", kRefused, "OpenAI has no such setting"},
    {"typical_p", kRefused, "OpenAI has no such setting"},
    {"repeat_penalty", kRefused, "OpenAI has no such setting"},
    {"frequency_penalty", kCarried},
    {"presence_penalty", kCarried},
    {"repeat_last_n", kRefused, "OpenAI has no such setting"},
    {"dry", kRefused, "OpenAI has no such setting"},
    {"xtc", kRefused, "OpenAI has no such setting"},
    {"mirostat", kRefused, "OpenAI has no such setting"},
    {"seed", kCarried},
    {"logit_bias", kCarried, "token ids are the target model's own"},
    {"logit_bias.texts", kRefused, "a provider reads no texts there"},
    {"ignore_eos", kRefused, "OpenAI has no such setting"},
    {"n", kCarried},
    {"max_tokens", kCarried, "as `max_completion_tokens` where it is known"},
    {"stop", kCarried, "at most 4 strings at OpenAI"},
    {"prediction", kCarried, "in chats"},
    {"logprobs", kCarried},
    {"priority", kUnsent, "it orders Weir's own queues"},
    {"keep_alive", kUnsent, "the provider keeps its models as it likes"},
};

}  // namespace

const std::span<const provider::FieldRule> kProviderRules = kRules;

}  // namespace weir::openai

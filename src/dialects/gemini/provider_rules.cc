#include "dialects/gemini/provider.h"

namespace weir::gemini {
namespace {

using enum provider::Carried;

constexpr provider::FieldRule kRules[] = {
    {"prompt", kRefused, "only chats are sent to providers"},
    {"suffix", kRefused, "only chats are sent to providers"},
    {"echo", kRefused, "only chats are sent to providers"},
    {"context", kRefused, "token ids mean something to the model that they are of alone"},
    {"return_tokens", kUnsent, "no provider tells them"},
    {"messages.system", kCarried, "those in front as `systemInstruction`"},
    {"messages.later_system", kEmulated,
     "text of the user's turn in which they stand, between `<system>` and `</system>`"},
    {"messages.developer", kCarried, "as `systemInstruction`"},
    {"messages.name", kRefused, "Gemini's contents have no speaker's name"},
    {"messages.reasoning", kUnsent,
     "thoughts of earlier turns are only taken back with their signature"},
    {"messages.images", kCarried},
    {"messages.image_urls", kRefused, "Gemini fetches nothing; send the image inline"},
    {"messages.image_detail", kRefused, "Gemini has no level of detail for one image"},
    {"messages.audio", kCarried},
    {"messages.files", kCarried, "inline, of a type that the model reads"},
    {"messages.tool_images", kRefused, "a tool's result is JSON there"},
    {"messages.prefill", kCarried, "as the last `model` turn"},
    {"tools", kCarried},
    {"tools.strict", kEmulated,
     "function calling in mode `VALIDATED`, in which calls follow their schemas"},
    {"tool_choice.none", kCarried},
    {"tool_choice.required", kCarried, "as mode `ANY`"},
    {"tool_choice.named", kCarried, "as mode `ANY` with one allowed name"},
    {"tool_choice.allowed", kEmulated,
     "as mode `ANY` with allowed names where one is required; else only those tools are sent"},
    {"parallel_tool_calls", kRefused, "Gemini cannot be kept from several calls at once"},
    {"response_format.json_object", kCarried, "as `responseMimeType`"},
    {"response_format.json_schema", kCarried, "as `responseJsonSchema`"},
    {"grammar", kRefused, "Gemini constrains answers by a schema only"},
    {"reasoning_effort", kCarried, "`none` as a budget of 0, others as `thinkingLevel`"},
    {"reasoning_budget", kCarried,
     "as `thinkingBudget`; not together with an effort other than `none`"},
    {"verbosity", kRefused, "Gemini has no such setting"},
    {"chat_template_kwargs", kRefused, "templates are the provider's own"},
    {"temperature", kCarried},
    {"top_p", kCarried},
    {"top_k", kCarried},
    {"min_p", kRefused, "Gemini has no such setting"},
    {"typical_p", kRefused, "Gemini has no such setting"},
    {"repeat_penalty", kRefused, "Gemini has no such setting"},
    {"frequency_penalty", kCarried},
    {"presence_penalty", kCarried},
    {"repeat_last_n", kRefused, "Gemini has no such setting"},
    {"dry", kRefused, "Gemini has no such setting"},
    {"xtc", kRefused, "Gemini has no such setting"},
    {"mirostat", kRefused, "Gemini has no such setting"},
    {"seed", kCarried, "those over 2,147,483,647 are refused"},
    {"logit_bias", kRefused, "Gemini has no such setting"},
    {"logit_bias.texts", kRefused, "a provider reads no texts there"},
    {"ignore_eos", kRefused, "Gemini has no such setting"},
    {"n", kCarried, "as `candidateCount`"},
    {"max_tokens", kCarried, "as `maxOutputTokens`"},
    {"stop", kCarried, "at most 5 strings"},
    {"prediction", kUnsent, "a hint, for speed alone"},
    {"logprobs", kCarried},
    {"priority", kUnsent, "it orders Weir's own queues"},
    {"keep_alive", kUnsent, "the provider keeps its models as it likes"},
};

}  // namespace

const std::span<const provider::FieldRule> kProviderRules = kRules;

}  // namespace weir::gemini

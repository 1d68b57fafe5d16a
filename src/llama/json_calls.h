// Tool calls as plain JSON, for models and templates without a format of their own, and for models
// that write JSON whatever their template says.
//
// Threads: pure. No JSON type in the interface; JSON travels as text.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "chat/message.h"
#include "llama/answer_format.h"

namespace weir::llama {

// What a JSON text that is larger than this is: content.
inline constexpr size_t kJsonCallBytesMax = 256 << 10;

std::vector<AnswerFormat::Data::Function> FunctionsOf(const std::vector<chat::Tool>& tools);

// The calls in `json`: one object, or an array of them, each of which fits exactly one of
// `functions` by name, required and known properties. Nothing when any part does not fit.
std::optional<std::vector<chat::ToolCall>> CallsIn(
    std::string_view json, const std::vector<AnswerFormat::Data::Function>& functions);

// The system text that offers `tools` to a model whose template cannot.
std::string ToolPrompt(const std::vector<chat::Tool>& tools, bool required);
// How a call of the past reads in a conversation with such a model.
std::string CallText(const chat::ToolCall& call);
// One call of one of `tools`, its arguments as their schemas say; a schema that the converter does
// not take allows any object, unless the tool is strict: then it is an error that names it.
Result<std::string> CallGrammar(const std::vector<chat::Tool>& tools);

}  // namespace weir::llama

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
#include "llama/schema_check.h"

namespace weir::llama {

// What a JSON text that is larger than this is: content.
inline constexpr size_t kJsonCallBytesMax = 256 << 10;

std::vector<AnswerFormat::Data::Function> FunctionsOf(const std::vector<chat::Tool>& tools);

// The calls in `json`: one object, or an array of them, each of which fits exactly one of
// `functions` by name, required and known properties. Nothing when any part does not fit.
std::optional<std::vector<chat::ToolCall>> CallsIn(
    std::string_view json, const std::vector<AnswerFormat::Data::Function>& functions);

// As much of a call as CallGrammar let through before a limit cut it off: its arguments are no
// whole JSON. Nothing when its name was not complete.
std::optional<chat::ToolCall> CutCallIn(std::string_view json);

// The system text that offers `tools` to a model whose template cannot.
std::string ToolPrompt(const std::vector<chat::Tool>& tools, bool required);
// How a call of the past reads in a conversation with such a model.
std::string CallText(const chat::ToolCall& call);
// Whether the tool of this name is among those that may be called.
bool Allows(const chat::ToolChoice& choice, std::string_view name);
// As what the parameters of `tool` are read.
SchemaUse UseOf(const chat::Tool& tool);
// One call of one of `tools` that `choice` allows, its arguments as their schemas say. A schema
// that cannot be enforced in full is an error that names it: "tools[3].function.parameters/...".
Result<std::string> CallGrammar(const std::vector<chat::Tool>& tools,
                                const chat::ToolChoice& choice);
// The same, or else what `answer`, a grammar of ours, describes. A call may come in the tags that
// some models were trained to put around one.
Result<std::string> CallOrAnswerGrammar(const std::vector<chat::Tool>& tools,
                                        const chat::ToolChoice& choice, const std::string& answer);

}  // namespace weir::llama

// Pieces of an answer that the stream and the whole object share. All append JSON to a Writer.
#pragma once

#include <span>

#include "chat/event.h"
#include "dialects/openai/answer.h"
#include "json/writer.h"

namespace weir::openai {

// id, object, created, model, system_fingerprint: the members before the choices.
void WriteHead(json::Writer& writer, const AnswerHead& head, std::string_view object);

std::string_view FinishWord(chat::FinishReason reason, const AnswerForm& form);

// The array of them, with bytes and alternatives.
void WriteTokens(json::Writer& writer, std::span<const chat::TokenLogprob> tokens);
// The chat form: {"content": [...], "refusal": null}.
void WriteLogprobs(json::Writer& writer, std::span<const chat::TokenLogprob> tokens);
// The form of plain completions. `offset` is that of the first token in the answer, in code points;
// gives the next one.
int64_t WriteLegacyLogprobs(json::Writer& writer, std::span<const chat::TokenLogprob> tokens,
                            int64_t offset);

// null unless prompt and completion are known: an unknown count is not zero.
void WriteUsage(json::Writer& writer, const chat::Usage& usage);

}  // namespace weir::openai

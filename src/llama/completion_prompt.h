// Prompts without a chat template: plain text, token ids, and the middle between two texts.
//
// Pure; any thread.
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"
#include "chat/request.h"
#include "llama/model.h"

namespace weir::llama {

// A plain completion's prompt as tokens, the beginning token in front where the model asks for one.
// Without parse_special it is text of a client like any other: no control token comes out of it.
// With it the client writes the template itself, which the operator must allow.
Result<std::vector<Token>> CompletionTokens(const Vocabulary& vocabulary,
                                            const chat::Prompt& prompt, bool parse_special = false);
// Fill in the middle, with what stands in other files where some are given. kUnprocessable for a
// model without the tokens for it.
Result<std::vector<Token>> InfillTokens(const Vocabulary& vocabulary, std::string_view prefix,
                                        std::string_view suffix,
                                        const std::vector<chat::ContextFile>& files = {});

}  // namespace weir::llama

// The content of one message: a string, or an array of typed parts. Errors go to the Fields'
// Problem.
#pragma once

#include <vector>

#include "chat/message.h"
#include "json/fields.h"

namespace weir::openai {

// `fields` is the message. Nothing where `content` is absent or null. `images` counts through the
// whole request.
std::optional<std::vector<chat::Part>> ReadContent(json::Fields& fields, chat::Role role,
                                                   int& images);

}  // namespace weir::openai

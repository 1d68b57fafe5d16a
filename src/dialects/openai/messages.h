// The `messages` of a chat request. Errors go to the Fields' Problem.
#pragma once

#include <vector>

#include "chat/message.h"
#include "json/fields.h"

namespace weir::openai {

std::vector<chat::Message> ReadMessages(json::Fields& fields);

}  // namespace weir::openai

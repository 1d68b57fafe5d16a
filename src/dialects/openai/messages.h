// The `messages` of a chat request. Errors go to the Fields' Problem.
#pragma once

#include <string>
#include <vector>

#include "chat/message.h"
#include "json/fields.h"

namespace weir::openai {

std::vector<chat::Message> ReadMessages(json::Fields& fields);

// The `arguments` of a call: text of a JSON object, or the object itself; "{}" where there are
// none.
std::string ReadCallArguments(json::Fields& call);

}  // namespace weir::openai

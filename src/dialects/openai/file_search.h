// OpenAI's tool "file_search", as chats and Responses offer it.
#pragma once

#include "chat/file_search.h"
#include "json/fields.h"

namespace weir::openai {

// The fields of the tool beside `type`; errors go to the Fields' Problem.
chat::FileSearch ReadFileSearch(json::Fields& tool);

}  // namespace weir::openai

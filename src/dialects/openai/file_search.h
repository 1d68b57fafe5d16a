// OpenAI's tool "file_search", as chats and Responses offer it.
#pragma once

#include "chat/file_search.h"
#include "json/fields.h"

namespace weir::openai {

// The fields of the tool beside `type`; errors go to the Fields' Problem.
chat::FileSearch ReadFileSearch(json::Fields& tool);
// `ranking_options`, there and of a search in a vector store.
void ReadRanking(json::Fields& fields, chat::FileSearch& out);

}  // namespace weir::openai

// System blocks and messages of a request. Errors go to the Fields' Problem.
#pragma once

#include <vector>

#include "chat/message.h"
#include "dialects/anthropic/error.h"
#include "json/fields.h"

namespace weir::anthropic {

inline constexpr size_t kNameBytesMax = 256;

// A block's, a tool's or a request's `cache_control`.
chat::CacheMark ReadCacheMark(json::Fields& fields);

// `fields` is the request. Tool results become tool messages of their own. Of each message it says
// in `origins`, where that is given, which of the client's it is.
std::vector<chat::Message> ReadConversation(json::Fields& fields,
                                            std::vector<Origin>* origins = nullptr);

}  // namespace weir::anthropic

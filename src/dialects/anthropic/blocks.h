// System blocks and messages of a request. Errors go to the Fields' Problem.
#pragma once

#include <vector>

#include "chat/message.h"
#include "json/fields.h"

namespace weir::anthropic {

inline constexpr size_t kNameBytesMax = 256;

// `fields` is the request. Tool results become tool messages of their own.
// A block's, a tool's or a request's `cache_control`.
chat::CacheMark ReadCacheMark(json::Fields& fields);

std::vector<chat::Message> ReadConversation(json::Fields& fields);

}  // namespace weir::anthropic

// The messages of a chat, and images. Errors go to the Fields' Problem.
#pragma once

#include <vector>

#include "chat/message.h"
#include "json/fields.h"

namespace weir::ollama {

inline constexpr size_t kNameBytesMax = 256;
inline constexpr size_t kTextBytesMax = size_t{32} << 20;

std::vector<chat::Message> ReadMessages(json::Fields& fields);
// "images" of a message or of /api/generate, as parts.
void ReadImages(json::Fields& fields, int& images, std::vector<chat::Part>& out);

}  // namespace weir::ollama

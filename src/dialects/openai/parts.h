// The content of one message: a string, or an array of typed parts. Errors go to the Fields'
// Problem.
#pragma once

#include <string_view>
#include <vector>

#include "chat/message.h"
#include "json/fields.h"

namespace weir::openai {

// `fields` is the message. Nothing where `content` is absent or null. `images` counts through the
// whole request.
std::optional<std::vector<chat::Part>> ReadContent(json::Fields& fields, chat::Role role,
                                                   int& images);

// An image's URL at `key`: https, or a data URL with base64, whose bytes are then in `out`.
void ReadImageUrl(json::Fields& fields, std::string_view key, chat::Part& out);
// `filename` and `file_data`: a data URL with base64, or base64.
void ReadFileData(json::Fields& file, chat::Part& out);

inline constexpr size_t kPartsMax = 1024;
inline constexpr int kImagesMax = 16;

}  // namespace weir::openai

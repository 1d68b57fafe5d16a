// What kind of image a file is, by its first bytes: what clients and servers say of it is not
// believed.
#pragma once

#include <string_view>

namespace weir::chat {

// "image/png", "image/jpeg", "image/gif", "image/webp" or "image/bmp"; empty when it is none.
std::string_view ImageTypeOf(std::string_view bytes);

}  // namespace weir::chat

// Base64 as RFC 4648 has it: the standard alphabet, padding required, nothing after it, no white
// space.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace weir {

std::string EncodeBase64(std::string_view bytes);
// Nothing when `text` is not base64.
std::optional<std::string> DecodeBase64(std::string_view text);

}  // namespace weir

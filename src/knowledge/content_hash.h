// SHA-256 as lower case hexadecimal text, for contents and ids that follow from them. With
// libsodium, which the gateway has anyway; the model store's own needs OpenSSL.
#pragma once

#include <string>
#include <string_view>

namespace weir::knowledge {

std::string ContentHash(std::string_view text);

}  // namespace weir::knowledge

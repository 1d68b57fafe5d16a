// The currencies of ISO 4217 that money is paid in.
#pragma once

#include <string_view>

namespace weir::config {

bool IsCurrency(std::string_view code);  // "USD"

}  // namespace weir::config

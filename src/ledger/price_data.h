// data/prices.json, as it was when the program was built.
#pragma once

#include <string_view>

namespace weir::ledger {

extern const std::string_view kPricesJson;

}  // namespace weir::ledger

// Prices of known models at known providers: data/prices.json as it was built in, or a file of the
// operator's in its place. Never fetched. docs/formats/ledger.md describes the file. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/settings.h"
#include "ledger/price.h"

namespace weir::ledger {

class PriceList {
 public:
  static constexpr size_t kBytesMax = 1u << 20;
  static constexpr size_t kPricesMax = 10'000;

  static const PriceList& BuiltIn();
  // An Error names the row and the field. `name` is the file's, for that.
  static Result<PriceList> Parse(std::string_view json, const std::string& name);

  // What the configuration says of the target, or else what the list says of that model at the
  // provider that the backend's address belongs to. Nothing: unpriced.
  std::optional<Price> Find(const config::Backend& backend, const config::Target& target) const;
  const std::string& checked() const { return checked_; }
  size_t size() const { return rows_.size(); }

 private:
  struct Row {
    std::string provider = {};  // a preset's name
    std::vector<std::string> models = {};
    Price price = {};
  };
  std::string checked_ = {};  // the day when somebody compared it with its sources
  std::vector<Row> rows_ = {};
};

}  // namespace weir::ledger

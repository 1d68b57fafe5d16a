#include "ledger/price_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <utility>
#include <vector>

#include "base/check.h"
#include "config/currency.h"
#include "config/nearest.h"
#include "config/preset.h"
#include "config/units.h"
#include "json/fields.h"
#include "json/parse.h"
#include "ledger/price_data.h"

namespace weir::ledger {
namespace {

// As decimal text, so that no digit is lost on the way.
std::optional<Pico> ReadAmount(json::Fields& fields, std::string_view key,
                               int decimals = config::kPerMillionDecimals) {
  const auto text = fields.String(key, 32);
  if (!text) return std::nullopt;
  const auto amount = config::ParseDecimal(*text, decimals);
  if (!amount) fields.Refuse(key, amount.error());
  return amount ? std::optional(*amount) : std::nullopt;
}

// "2026-11-21".
bool IsDay(std::string_view text) {
  constexpr std::string_view kForm = "0000-00-00";
  const auto fits = [](char form, char c) { return form == '-' ? c == '-' : c >= '0' && c <= '9'; };
  if (!std::ranges::equal(kForm, text, fits)) return false;
  const auto number = [text](size_t at, size_t digits) {
    int value = 0;
    for (const char c : text.substr(at, digits)) value = value * 10 + (c - '0');
    return value;
  };
  return std::chrono::year_month_day(std::chrono::year(number(0, 4)),
                                     std::chrono::month(static_cast<unsigned>(number(5, 2))),
                                     std::chrono::day(static_cast<unsigned>(number(8, 2))))
      .ok();
}

// One of presets.json: a row of another provider would never be found.
void CheckProvider(json::Fields& row, const std::string& provider) {
  if (config::FindPreset(provider) != nullptr) return;
  std::vector<std::string_view> known;
  for (const config::Preset& preset : config::Presets()) known.push_back(preset.name);
  row.Refuse("provider", fmt::format("{} is no preset{}", config::Quoted(provider),
                                     config::Suggestion(provider, known)));
}

// Known by its address alone: what a server calls itself says nothing of its prices.
std::string ProviderOf(const config::Backend& backend) {
  const config::Preset* preset = config::PresetOfUrl(*backend.url);
  return preset == nullptr ? "" : preset->name;
}

}  // namespace

Result<PriceList> PriceList::Parse(std::string_view text, const std::string& name) {
  const auto document = json::Parse(text, {.depth = 8, .bytes = kBytesMax});
  if (!document) {
    return Fail(Code::kInvalidArgument, fmt::format("{}: {}", name, document.error().message));
  }
  json::Problem problem;
  json::Fields fields(problem, *document);
  PriceList list;
  fields.Require().Int("version", 1, 1);
  list.checked_ = fields.Require().String("checked", 10).value_or("");
  if (!IsDay(list.checked_)) fields.Refuse("checked", "takes a day, like \"2026-11-21\"");
  std::set<std::pair<std::string, std::string>> named;  // provider and model
  const json::Array* rows = fields.Require().List("prices", kPricesMax);
  for (size_t i = 0; rows != nullptr && i < rows->size(); ++i) {
    json::Fields row(problem, (*rows)[i], fields.PathOf("prices", i));
    Row made;
    made.provider = row.Require().String("provider", 64).value_or("");
    CheckProvider(row, made.provider);
    made.models = row.Require().Strings("models", 64, 256);
    if (made.models.empty()) row.Refuse("models", "is an empty list; name at least one");
    for (const std::string& model : made.models) {
      if (named.emplace(made.provider, model).second) continue;
      row.Refuse("models", fmt::format("names {} of {} a second time", config::Quoted(model),
                                       config::Quoted(made.provider)));
    }
    Price& price = made.price;
    price.currency = row.Require().String("currency", 3).value_or("");
    if (!price.currency.empty() && !config::IsCurrency(price.currency)) {
      row.Refuse("currency", "is no currency of ISO 4217");
    }
    price.per_minute = ReadAmount(row, "per_minute", config::kMoneyDecimals);
    if (!price.per_minute) row.Require();
    price.input = ReadAmount(row, "input_per_million");
    price.cached_input = ReadAmount(row, "cached_input_per_million");
    price.output = ReadAmount(row, "output_per_million");
    price.source = row.Require().String("source", 512).value_or("");
    if (price.source.empty()) row.Refuse("source", "is empty; say where the price stands");
    row.String("note", 512);
    row.RefuseUnread();
    list.rows_.push_back(std::move(made));
  }
  fields.String("note", 2048);
  fields.RefuseUnread();
  if (problem) {
    Error error = problem.Take();
    error.message = fmt::format("{}: {}", name, error.message);
    return Fail(std::move(error));
  }
  return list;
}

const PriceList& PriceList::BuiltIn() {
  static const PriceList list = [] {
    auto parsed = Parse(kPricesJson, "data/prices.json");
    CHECK(parsed.has_value(), "data/prices.json is tested");
    return std::move(*parsed);
  }();
  return list;
}

std::optional<Price> PriceList::Find(const config::Backend& backend,
                                     const config::Target& target) const {
  Price price;
  if (!target.price.currency->empty()) {
    price = {.target = *target.name,
             .currency = *target.price.currency,
             .input = *target.price.input,
             .cached_input = *target.price.cached_input,
             .output = *target.price.output,
             .per_minute = *target.price.per_minute,
             .source = "configuration"};
    price.version = VersionOf(price, "");
    return price;
  }
  const std::string provider = ProviderOf(backend);
  if (provider.empty()) return std::nullopt;
  const auto row = std::ranges::find_if(rows_, [&](const Row& candidate) {
    return candidate.provider == provider &&
           std::ranges::find(candidate.models, *target.model) != candidate.models.end();
  });
  if (row == rows_.end()) return std::nullopt;
  price = row->price;
  price.target = *target.name;
  price.version = VersionOf(price, checked_);
  return price;
}

}  // namespace weir::ledger

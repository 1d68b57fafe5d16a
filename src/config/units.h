// Quantities as people write them. All exact: no floating point, and what does not fit is refused,
// never rounded. Errors are the rest of a sentence that starts with the setting's name ("takes
// ...").
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "config/settings.h"

namespace weir::config {

template <class T>
using Parsed = std::expected<T, std::string>;

// "30s", "5m", "1h30m", "200ms", "90" (seconds), "0". At most 3650 days. "forever" is kForever.
// "forever" is kForever.
Parsed<Duration> ParseDuration(std::string_view text);
// The shortest whole form ("90s", "5m", "forever").
std::string ToText(Duration duration);

// "512", "32KiB", "8MiB", "1.5GiB", "10MB" (decimal), "2TiB"; whole bytes only, at most 2^60.
Parsed<int64_t> ParseSize(std::string_view text);
std::string SizeToText(int64_t bytes);

// "-12", "9347".
Parsed<int64_t> ParseInteger(std::string_view text);

// A decimal without sign or exponent ("0.001", "5", "1_000.50") in units of 10^-decimals.
Parsed<int64_t> ParseDecimal(std::string_view text, int decimals);
// Back, without trailing zeros.
std::string DecimalToText(int64_t units, int decimals);

// Money is kept in pico: 12 decimals. A price for a million tokens has 6, and so a price for one
// token 12.
inline constexpr int kMoneyDecimals = 12;
inline constexpr int kPerMillionDecimals = 6;

// How a whole is parted among GPUs: one number for each, in their order; zero leaves one out.
inline constexpr size_t kSharesMax = 16;
Parsed<std::vector<double>> CheckShares(std::vector<double> shares);
Parsed<std::vector<double>> ParseShares(std::string_view text);  // "3,1"

// A basic TOML string, quotes included.
std::string TomlText(std::string_view text);

// "127.0.0.1:9347", "[::1]:0", "localhost:8080".
Parsed<Endpoint> ParseEndpoint(std::string_view text);

}  // namespace weir::config

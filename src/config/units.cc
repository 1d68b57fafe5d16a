#include "config/units.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <optional>
#include <ranges>
#include <span>
#include <utility>

#include "base/duration.h"

namespace weir::config {
namespace {

struct Unit {
  std::string_view name;
  int64_t size;
};

constexpr std::array kTimes = {Unit{"d", 86'400'000}, Unit{"h", 3'600'000}, Unit{"m", 60'000},
                               Unit{"s", 1000}, Unit{"ms", 1}};
constexpr int64_t kDurationMaxMs = int64_t{3650} * 86'400'000;

constexpr std::array kSizes = {
    Unit{"TiB", int64_t{1} << 40},
    Unit{"GiB", int64_t{1} << 30},
    Unit{"MiB", int64_t{1} << 20},
    Unit{"KiB", int64_t{1} << 10},
    Unit{"TB", 1'000'000'000'000},
    Unit{"GB", 1'000'000'000},
    Unit{"MB", 1'000'000},
    Unit{"KB", 1'000},
    Unit{"B", 1},
};
constexpr int64_t kSizeMax = int64_t{1} << 60;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// `text` is a decimal; times `unit` it must be whole and at most `max`.
std::optional<int64_t> Scaled(std::string_view text, int64_t unit, int64_t max) {
  const size_t point = text.find('.');
  __int128 whole = 0;
  size_t digits = 0;
  for (const char c : text.substr(0, point)) {
    if (!IsDigit(c) || ++digits > 19) return std::nullopt;
    whole = whole * 10 + (c - '0');
  }
  if (digits == 0) return std::nullopt;
  __int128 total = whole * unit;
  if (point != std::string_view::npos) {
    std::string_view fraction = text.substr(point + 1);
    if (fraction.empty()) return std::nullopt;
    while (!fraction.empty() && fraction.back() == '0') fraction.remove_suffix(1);
    __int128 scale = 1;
    __int128 part = 0;
    for (const char c : fraction) {
      if (!IsDigit(c) || scale > 1'000'000'000'000'000'000) return std::nullopt;
      scale *= 10;
      part = part * 10 + (c - '0');
    }
    if (part * unit % scale != 0) return std::nullopt;
    total += part * unit / scale;
  }
  if (total > max) return std::nullopt;
  return static_cast<int64_t>(total);
}

// The number and the unit's name after it, without a space between them.
std::pair<std::string_view, std::string_view> Split(std::string_view text) {
  const size_t end =
      std::ranges::find_if_not(text, [](char c) { return IsDigit(c) || c == '.'; }) - text.begin();
  return {text.substr(0, end), text.substr(end)};
}

const Unit* FindUnit(std::span<const Unit> units, std::string_view name) {
  const auto found = std::ranges::find(units, name, &Unit::name);
  return found == units.end() ? nullptr : &*found;
}

}  // namespace

Parsed<Duration> ParseDuration(std::string_view text) {
  if (text == "forever") return kForever;
  const auto ms = DurationMs(text);
  if (!ms || *ms < 0 || text.starts_with('-') || *ms > kDurationMaxMs) {
    return std::unexpected(
        "takes a duration like \"200ms\", \"30s\", \"1h30m\" or whole seconds, at most 3650d");
  }
  return std::chrono::milliseconds(*ms);
}

std::string ToText(Duration duration) {
  if (duration == kForever) return "forever";
  const int64_t ms = std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
  for (const Unit& unit : kTimes) {
    if (ms != 0 && ms % unit.size == 0) return fmt::format("{}{}", ms / unit.size, unit.name);
  }
  return "0s";
}

Parsed<int64_t> ParseSize(std::string_view text) {
  const auto [number, name] = Split(text);
  const Unit* unit = FindUnit(kSizes, name.empty() ? "B" : name);
  if (unit != nullptr) {
    if (const auto scaled = Scaled(number, unit->size, kSizeMax)) return *scaled;
  }
  return std::unexpected("takes a size like \"512\", \"32KiB\", \"8MiB\", \"1.5GiB\" or \"10MB\"");
}

std::string SizeToText(int64_t bytes) {
  for (const Unit& unit : kSizes) {
    if (unit.name.size() == 3 && bytes != 0 && bytes % unit.size == 0) {
      return fmt::format("{}{}", bytes / unit.size, unit.name);
    }
  }
  return fmt::format("{}B", bytes);
}

Parsed<int64_t> ParseInteger(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    return std::unexpected("takes a whole number");
  }
  return value;
}

Parsed<int64_t> ParseDecimal(std::string_view text, int decimals) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    // As in TOML, an underscore stands between two digits.
    if (text[i] == '_' && i > 0 && i + 1 < text.size() && IsDigit(text[i - 1]) &&
        IsDigit(text[i + 1])) {
      continue;
    }
    plain += text[i];
  }
  int64_t unit = 1;
  for (int i = 0; i < decimals; ++i) unit *= 10;
  if (plain.size() <= 40) {
    if (const auto scaled = Scaled(plain, unit, INT64_MAX)) return *scaled;
  }
  return std::unexpected(fmt::format(
      "takes a plain decimal like 0.001 or \"0.001\", not negative, with at most {} digits after "
      "the point and below {}",
      decimals, INT64_MAX / unit));
}

std::string DecimalToText(int64_t units, int decimals) {
  std::string digits = fmt::format("{:0{}}", units, decimals + 1);
  std::string text = digits.substr(0, digits.size() - static_cast<size_t>(decimals));
  std::string fraction = digits.substr(text.size());
  fraction.erase(fraction.find_last_not_of('0') + 1);
  return fraction.empty() ? text : text + "." + fraction;
}

std::string TomlText(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + '"';
}

Parsed<std::vector<double>> CheckShares(std::vector<double> shares) {
  if (shares.empty() || shares.size() > kSharesMax) {
    return std::unexpected(fmt::format("takes 1 to {} shares", kSharesMax));
  }
  const auto is_share = [](double share) { return share >= 0 && share <= 1e6; };
  if (!std::ranges::all_of(shares, is_share)) {
    return std::unexpected("takes shares from 0 to 1000000");
  }
  if (!std::ranges::any_of(shares, [](double share) { return share > 0; })) {
    return std::unexpected("takes a share that is more than 0");
  }
  return shares;
}

Parsed<std::vector<double>> ParseShares(std::string_view text) {
  std::vector<double> shares;
  for (const auto part : std::views::split(text, ',')) {
    double share = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), share);
    if (error != std::errc() || end != part.data() + part.size()) {
      return std::unexpected("takes numbers with commas between them, like 3,1");
    }
    shares.push_back(share);
  }
  return CheckShares(std::move(shares));
}

Parsed<Endpoint> ParseEndpoint(std::string_view text) {
  constexpr std::string_view kExpected =
      "takes ADDRESS:PORT with a numeric address or localhost, like \"127.0.0.1:9347\" or "
      "\"[::1]:9347\"";
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || text.size() > 80)
    return std::unexpected(std::string(kExpected));
  std::string host(text.substr(0, colon));
  const auto port = ParseInteger(text.substr(colon + 1));
  if (!port || *port < 0 || *port > 65'535) return std::unexpected(std::string(kExpected));
  std::array<unsigned char, 16> address;
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  const bool good =
      bracketed ? inet_pton(AF_INET6, host.c_str(), address.data()) == 1
                : host == "localhost" || inet_pton(AF_INET, host.c_str(), address.data()) == 1;
  if (!good) return std::unexpected(std::string(kExpected));
  return Endpoint{std::move(host), static_cast<uint16_t>(*port)};
}

}  // namespace weir::config

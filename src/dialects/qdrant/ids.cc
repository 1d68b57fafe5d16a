#include "dialects/qdrant/ids.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/ascii.h"
#include "vectors/types.h"

namespace weir::qdrant {
namespace {

constexpr size_t kDigits = 20;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

bool IsHex(char c) { return IsDigit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

// "936DA01F9ABD4d9d80C702AF85C822A8", with hyphens, braces or "urn:uuid:" too.
std::optional<std::string> ParseUuid(std::string_view text) {
  if (text.starts_with("urn:uuid:")) text.remove_prefix(9);
  if (text.size() == 38 && text.front() == '{' && text.back() == '}')
    text = text.substr(1, text.size() - 2);
  std::string hex;
  if (text.size() == 36) {
    for (size_t i = 0; i < text.size(); ++i) {
      const bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;
      if (hyphen != (text[i] == '-')) return std::nullopt;
      if (!hyphen) hex += text[i];
    }
  } else if (text.size() == 32) {
    hex = text;
  }
  if (hex.empty() || !std::ranges::all_of(hex, IsHex)) return std::nullopt;
  for (char& c : hex) {
    if (c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
  }
  for (const size_t at : {8, 13, 18, 23}) hex.insert(at, 1, '-');
  return hex;
}

std::string Digits(uint64_t number) { return fmt::format("{:020}", number); }

std::optional<std::string> NumberId(const json::Value& value) {
  if (const int64_t* i = value.AsInt(); i != nullptr && *i >= 0)
    return Digits(static_cast<uint64_t>(*i));
  if (const uint64_t* u = value.AsUint()) return Digits(*u);
  return std::nullopt;
}

}  // namespace

std::optional<std::string> NewId(const json::Value& value) {
  if (auto number = NumberId(value)) return number;
  const std::string* text = value.AsString();
  return text != nullptr ? ParseUuid(*text) : std::nullopt;
}

std::optional<std::string> KnownId(const json::Value& value) {
  if (auto id = NewId(value)) return id;
  const std::string* text = value.AsString();
  if (text == nullptr || text->empty() || text->size() > vectors::Limits::kIdBytes)
    return std::nullopt;
  return *text;
}

std::string IdInPath(std::string_view text) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc() && end == text.data() + text.size()) return Digits(number);
  return ParseUuid(text).value_or(std::string(text));
}

std::string ReadNewId(json::Problem& problem, const json::Value& value, const std::string& path) {
  if (auto id = NewId(value)) return *id;
  problem.Set({Code::kInvalidArgument,
               path + " is not a valid point id; it takes a whole number from 0 on, or a UUID",
               path, "invalid_id"});
  return {};
}

std::string ReadKnownId(json::Problem& problem, const json::Value& value, const std::string& path) {
  if (auto id = KnownId(value)) return *id;
  problem.Set({Code::kInvalidArgument,
               fmt::format("{} is not a valid point id; it takes a whole number from 0 on, a UUID, "
                           "or a text of 1 to {} bytes",
                           path, vectors::Limits::kIdBytes),
               path, "invalid_id"});
  return {};
}

void AppendId(json::Writer& writer, std::string_view id) {
  if (id.size() == kDigits && std::ranges::all_of(id, IsDigit)) {
    uint64_t number = 0;
    const auto [end, error] = std::from_chars(id.data(), id.data() + id.size(), number);
    if (error == std::errc()) {
      writer.Raw(fmt::format("{}", number));
      return;
    }
  }
  writer.String(id);
}

}  // namespace weir::qdrant

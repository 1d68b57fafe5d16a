#include "vectors/full_name.h"

namespace weir::vectors {
namespace {

std::string Escaped(std::string_view part) {
  std::string out;
  for (const char c : part) {
    if (c == '/') {
      out += "%2F";
    } else if (c == '%') {
      out += "%25";
    } else {
      out += c;
    }
  }
  return out;
}

std::optional<std::string> Unescaped(std::string_view part) {
  std::string out;
  for (size_t i = 0; i < part.size(); ++i) {
    if (part[i] != '%') {
      out += part[i];
      continue;
    }
    const std::string_view code = part.substr(i, 3);
    if (code != "%2F" && code != "%25") return std::nullopt;
    out += code == "%2F" ? '/' : '%';
    i += 2;
  }
  return out;
}

}  // namespace

std::string Prefix(std::string_view tenant) { return Escaped(tenant) + '/'; }

std::string Prefix(std::string_view tenant, std::string_view database) {
  return Prefix(tenant) + Escaped(database) + '/';
}

std::string Joined(const FullName& name) {
  return Prefix(name.tenant, name.database) + Escaped(name.name);
}

std::optional<FullName> Split(std::string_view joined) {
  const size_t first = joined.find('/');
  if (first == std::string_view::npos) return std::nullopt;
  const size_t second = joined.find('/', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  if (joined.find('/', second + 1) != std::string_view::npos) return std::nullopt;
  auto tenant = Unescaped(joined.substr(0, first));
  auto database = Unescaped(joined.substr(first + 1, second - first - 1));
  auto name = Unescaped(joined.substr(second + 1));
  if (!tenant || !database || !name) return std::nullopt;
  return FullName{std::move(*tenant), std::move(*database), std::move(*name)};
}

}  // namespace weir::vectors

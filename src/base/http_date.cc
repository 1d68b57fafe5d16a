#include "base/http_date.h"

#include <ctime>
#include <string>

namespace weir {

std::optional<WallTime> ParseHttpDate(std::string_view text) {
  constexpr size_t kBytesMax = 64;
  if (text.size() > kBytesMax) return std::nullopt;
  const std::string date(text);
  for (const char* form :
       {"%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"}) {
    std::tm parts{};
    const char* end = strptime(date.c_str(), form, &parts);
    if (end == nullptr || *end != '\0') continue;
    return WallTime(std::chrono::seconds(timegm(&parts)));
  }
  return std::nullopt;
}

}  // namespace weir

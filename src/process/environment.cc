#include "process/environment.h"

#include <algorithm>
#include <string_view>

extern char** environ;

namespace weir {

std::vector<std::string> EnvironmentWithoutSecrets(const std::vector<std::string>& secrets) {
  std::vector<std::string> kept;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view line(*entry);
    const std::string_view name = line.substr(0, line.find('='));
    const bool secret = name.contains("TOKEN") || name.contains("KEY") || name.contains("SECRET") ||
                        name.contains("PASSWORD") ||
                        std::ranges::find(secrets, name) != secrets.end();
    if (!secret) kept.emplace_back(line);
  }
  return kept;
}

}  // namespace weir

#include "process/environment.h"

#include <string_view>

extern char** environ;

namespace weir {

std::vector<std::string> EnvironmentWithoutSecrets() {
  std::vector<std::string> kept;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view line(*entry);
    const std::string_view name = line.substr(0, line.find('='));
    const bool secret = name.contains("TOKEN") || name.contains("KEY") || name.contains("SECRET") ||
                        name.contains("PASSWORD");
    if (!secret) kept.emplace_back(line);
  }
  return kept;
}

}  // namespace weir

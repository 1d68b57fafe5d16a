#include "cli/commands.h"

#include <fmt/core.h>

namespace weir::cli {

int Run(const std::vector<std::string>& words) {
  if (!words.empty() && (words.front() == "version" || words.front() == "--version")) {
    fmt::print("weir {}\n", WEIR_VERSION);
    return 0;
  }
  fmt::print(stderr, "weir: no such command; see weir --help\n");
  return 2;
}

}  // namespace weir::cli

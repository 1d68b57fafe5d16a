#include "cli/settings.h"

#include <fmt/core.h>

#include <utility>

#include "cli/exit_code.h"

namespace weir::cli {

namespace {

config::Invocation InvocationOf(const std::vector<std::string>& words) {
  config::Invocation invocation{.variable = config::ProcessVariable};
  for (size_t i = 0; i + 1 < words.size(); i += 2) {
    invocation.flags.emplace_back(words[i], words[i + 1]);
  }
  return invocation;
}

}  // namespace

std::expected<config::Settings, std::vector<config::Problem>> LoadFor(
    const std::vector<std::string>& words, std::optional<config::File> file) {
  config::Invocation invocation = InvocationOf(words);
  invocation.file = std::move(file);
  return config::Load(invocation);
}

std::expected<config::File, config::Problem> FileFor(const std::vector<std::string>& words) {
  return config::ReadFile(InvocationOf(words));
}

int ReportProblems(const std::vector<config::Problem>& problems) {
  for (const config::Problem& problem : problems) {
    fmt::print(stderr, "weir: {}\n", config::ToText(problem));
  }
  return static_cast<int>(Exit::kFailed);
}

}  // namespace weir::cli

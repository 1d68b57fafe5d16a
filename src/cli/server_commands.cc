// config check and show, version.
#include <fmt/core.h>

#include <cstdlib>

#include "cli/document.h"
#include "cli/exit_code.h"
#include "cli/options.h"
#include "cli/settings.h"
#include "config/command.h"
#include "config/show.h"
#include "json/writer.h"
#include "ledger/from_settings.h"
#include "policy/unknown_names.h"
#include "privacy/detectors_from_settings.h"
#include "routing/from_settings.h"

namespace weir::cli {
int CheckConfig(const Common&, const std::vector<std::string>& words) {
  const auto settings = LoadFor(words);
  if (!settings) return ReportProblems(settings.error());
  // What the server refuses at its start, or at the latest on reload.
  std::vector<std::string> problems = routing::PolicyProblems(*settings);
  for (std::string& problem : privacy::DetectorProblems(*settings)) {
    problems.push_back(std::move(problem));
  }
  const char* path = std::getenv("PATH");
  for (const config::Problem& problem :
       config::CommandProblems(*settings, path == nullptr ? "" : path)) {
    problems.push_back(config::ToText(problem));
  }
  for (const config::Problem& problem : config::FileProblems(*settings)) {
    problems.push_back(config::ToText(problem));
  }
  for (const std::string& problem : problems) fmt::print(stderr, "weir: {}\n", problem);
  if (!problems.empty()) return static_cast<int>(Exit::kFailed);
  for (const std::string& line : routing::WithoutEffect(*settings)) {
    fmt::print(stderr, "weir: {}\n", line);
  }
  for (const std::string& line : policy::UnknownNames(*settings)) {
    fmt::print(stderr, "weir: {}\n", line);
  }
  const auto prices = ledger::PricesOf(*settings);
  if (!prices) return Report(prices.error());
  for (const std::string& line : ledger::MoneyNotes(*settings, *prices)) {
    fmt::print(stderr, "weir: {}\n", line);
  }
  fmt::print("{}: good\n", settings->file.empty() ? "the defaults" : settings->file);
  return 0;
}

int ShowConfig(const Common&, const std::vector<std::string>& words) {
  const auto settings = LoadFor(words);
  if (!settings) return ReportProblems(settings.error());
  fmt::print("{}", config::Show(*settings));
  return 0;
}

int Version(const Common& common) {
  if (common.json) {
    fmt::print("{{\"version\":\"{}\"}}\n", WEIR_VERSION);
  } else {
    fmt::print("weir {}\n", WEIR_VERSION);
  }
  return 0;
}

}  // namespace weir::cli

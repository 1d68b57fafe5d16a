#include "config/start_only.h"

#include <fmt/format.h>

#include <algorithm>

#include "config/scalars.h"

namespace weir::config {
namespace {

constexpr std::string_view kStartOnly[] = {
    "listen",
    "drain_timeout",
    "load_timeout",
    "log_level",
    "data",
    "models",
    "limits.body",
    "limits.upload",
    "limits.model_changes",
    "limits.headers",
    "limits.header_line",
    "limits.header_count",
    "limits.header_timeout",
    "limits.idle_timeout",
    "limits.stall_timeout",
    "limits.connections",
    "limits.kept_answers",
    "limits.kept_for",
    "limits.kept_files",
    "limits.kept_decisions",
    "limits.kept_decisions_for",
    "engine.step_timeout",
    "engine.restarts",
    "engine.restart_window",
};

}  // namespace

std::vector<std::string> StartOnlyChanges(const Settings& in_force, const Settings& next) {
  std::vector<std::string> lines;
  for (const Scalar& scalar : Scalars()) {
    const std::string name = FullName(scalar);
    if (std::ranges::find(kStartOnly, name) == std::end(kStartOnly)) continue;
    const std::string now = ValueToText(scalar, in_force);
    const std::string wanted = ValueToText(scalar, next);
    if (now == wanted) continue;
    lines.push_back(
        fmt::format("{} = {} takes effect when weir serve is started anew; until then it is {}",
                    name, wanted, now));
  }
  return lines;
}

}  // namespace weir::config

#include "cli/exit_code.h"

#include <fmt/core.h>

#include "base/terminal_text.h"

namespace weir::cli {

Exit ExitOf(const Error& error) {
  if (error.reason == "no_server") return Exit::kNoServer;
  switch (error.code) {
    case Code::kNotFound:
      return Exit::kNothingThere;
    case Code::kForbidden:
      return Exit::kRefusedByPolicy;
    default:
      return Exit::kFailed;
  }
}

int Report(const Error& error) {
  fmt::print(stderr, "weir: {}\n", WithoutControls(error.message));
  return static_cast<int>(ExitOf(error));
}

}  // namespace weir::cli

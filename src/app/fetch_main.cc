// The program weir-fetch: one pull, started by `weir pull` with its job on the standard input.
#include <unistd.h>

#include <cstdlib>

#include "base/log.h"
#include "fetch/fetch.h"

int main() {
  const char* level = std::getenv("WEIR_LOG_LEVEL");
  weir::SetUpLog("fetch", weir::LogLevelFromName(level == nullptr ? "warning" : level));
  return weir::fetch::RunFetch(STDIN_FILENO, STDOUT_FILENO);
}

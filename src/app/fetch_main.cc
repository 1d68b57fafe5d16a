// The program weir-fetch: one pull, started by `weir pull` with its job on the standard input, or
// by the launcher with the gateway's socket and the model store that the operator chose; or one web
// page, started by `weir ingest`.
#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>

#include "base/log.h"
#include "fetch/fetch.h"
#include "fetch/page.h"
#include "wire/control.h"

int main(int argc, char** argv) {
  const char* level = std::getenv("WEIR_LOG_LEVEL");
  weir::SetUpLog("fetch", weir::LogLevelFromName(level == nullptr ? "warning" : level));
  if (argc == 1) return weir::fetch::RunFetch(STDIN_FILENO, STDOUT_FILENO);
  if (argc == 2 && argv[1] == std::string_view("page")) {
    return weir::fetch::RunPage(STDIN_FILENO, STDOUT_FILENO);
  }
  if (argc != 3 || argv[1] != std::string_view("for-server") ||
      fcntl(weir::wire::kEngineSocketFd, F_GETFD) < 0) {
    fmt::print(stderr, "weir: this program is started by 'weir pull' and 'weir serve'\n");
    return 2;
  }
  return weir::fetch::RunFetchForServer(weir::wire::kEngineSocketFd, argv[2]);
}

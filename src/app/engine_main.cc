// The program weir-engine: one model, started by the launcher with its descriptors in place
// (wire/control.h).
#include <cstdlib>

#include "base/log.h"
#include "engine/engine.h"
#include "wire/control.h"

int main() {
  const char* level = std::getenv("WEIR_LOG_LEVEL");
  weir::SetUpLog("engine", weir::LogLevelFromName(level == nullptr ? "info" : level));
  return weir::engine::RunEngine(
      {.socket = weir::wire::kEngineSocketFd, .model = weir::wire::kEngineFileFdFirst});
}

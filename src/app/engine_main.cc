// The program weir-engine: one model, started by the launcher with its descriptors in place
// (wire/control.h).
#include <cstdlib>
#include <string_view>

#include "base/log.h"
#include "engine/engine.h"
#include "wire/control.h"

int main() {
  const char* level = std::getenv("WEIR_LOG_LEVEL");
  const bool debug = level != nullptr && std::string_view(level) == "debug";
  weir::SetUpLog("engine", debug ? weir::LogLevel::kDebug : weir::LogLevel::kInfo);
  return weir::engine::RunEngine(
      {.socket = weir::wire::kEngineSocketFd, .model = weir::wire::kEngineFileFdFirst});
}

// The program weir-serve: the launcher and the gateway of a server, and the wardens of servers that
// it runs. `weir serve` becomes it. Apart
// from `weir`, so that what runs for months holds neither the command line nor an HTTP client.
#include <fmt/core.h>

#include <string>
#include <string_view>
#include <vector>

#include "app/configuration_copy.h"
#include "app/gateway_main.h"
#include "app/serve.h"
#include "app/serve_arguments.h"
#include "base/log.h"
#include "supervisor/warden.h"
#include "wire/control.h"

namespace weir::app {
namespace {

constexpr int kExitUsage = 2;

std::expected<config::File, std::string> HandedDown() {
  auto file = ReadCopy(wire::kGatewayConfigurationFd);
  if (!file) return std::unexpected("this command is the launcher's; use weir serve");
  return *std::move(file);
}

// Launcher and gateway start alike: the same words, the same settings.
int Serve(const std::vector<std::string>& words, bool gateway) {
  const auto arguments = ParseServeArguments(words);
  if (!arguments) {
    fmt::print(stderr, "weir: {}\n", arguments.error());
    return kExitUsage;
  }
  if (arguments->help) {
    fmt::print("{}", ServeHelp());
    return 0;
  }
  auto file = gateway ? HandedDown() : ReadConfiguration(*arguments);
  if (!file) {
    fmt::print(stderr, "weir: {}; see weir serve --help\n", file.error());
    return kExitUsage;
  }
  auto settings = LoadSettings(*arguments, *file);
  if (!settings) {
    for (const std::string& line : settings.error())
      fmt::print(stderr, "weir: {}; see weir serve --help\n", line);
    return kExitUsage;
  }
  SetUpLog(gateway ? "gateway" : "launcher", LogLevelFromName(*settings->log_level));
  return gateway ? RunGateway(*arguments, std::move(*settings))
                 : RunServe(words, *arguments, *file, *settings);
}

}  // namespace
}  // namespace weir::app

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  const std::string command = words.empty() ? "" : words.front();
  if (command == "server-process") return weir::RunWarden({words.begin() + 1, words.end()});
  if (command != "serve" && command != "gateway-process") {
    fmt::print(stderr, "weir: this program is started by 'weir serve'\n");
    return weir::app::kExitUsage;
  }
  return weir::app::Serve({words.begin() + 1, words.end()}, command == "gateway-process");
}

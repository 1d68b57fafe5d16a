// The launcher's main loop: keeps the gateway running, starts engines for it, runs the servers of
// the configuration, and ends everything in order.
//
//   gateway dies       engines are killed, the gateway is started again on the same listening
//                      sockets (a client that connects meanwhile waits in the backlog and is not
//                      refused); too often: exit code 1. Servers live on
//   gateway exits before it was ever ready
//                      it said why on stderr; the launcher ends with its exit code
//   engine ends        the gateway is told at once; a model whose engine failed too often cannot be
//                      started for a while
//   SIGTERM, SIGINT    the gateway drains, then servers end; SIGKILL when drain_timeout and a
//                      margin are over, or at a second signal
//   SIGHUP             the gateway is handed the configuration as it is now. When it has taken
//   that,
//                      servers follow, and it is what a gateway and doors that start later are
//                      handed
//
// One thread, one poll(). It sees no request text and no key, parses nothing but control messages,
// the configuration, and the status line of a server's health, and stays small.
#pragma once

#include <sys/types.h>
#include <unistd.h>

#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "process/signals.h"
#include "supervisor/engines.h"
#include "supervisor/gateway_process.h"
#include "supervisor/servers.h"

namespace weir {

// A document that breaks its reader does so each time: that is no reason to wait with the next. Nor
// is a pull that fails.
inline constexpr RestartLimits kNeverHeldBack = {.restarts_max = 1'000'000,
                                                 .window = std::chrono::seconds(1)};

struct LauncherOptions {
  GatewayOptions gateway;  // its configuration is that of doors too
  EngineOptions engine;
  EngineOptions door = {.takes_files = false, .engines_max = wire::kDoorsMax};  // egress processes
  EngineOptions reader = {.takes_files = false,
                          .engines_max = wire::kReadersMax,
                          .restarts = kNeverHeldBack};  // reader processes
  EngineOptions fetch = {.takes_files = false,
                         .engines_max = wire::kFetchesMax,
                         .restarts = kNeverHeldBack};  // fetch processes
  ServersOptions servers = {};
  // The servers of a configuration; nothing when it cannot be read.
  std::function<std::optional<std::vector<ServerSpec>>(int configuration)> load_servers = {};
  // The configuration as it is now, for a reload; or what is wrong with it that the gateway cannot
  // see, for people, and there is no reload.
  std::function<std::expected<Fd, std::vector<std::string>>()> read_configuration = {};
  std::string data_folder;  // serve.json goes there
  Duration drain_timeout = std::chrono::seconds(30);
  Duration drain_margin = std::chrono::seconds(5);
  RestartLimits gateway_restarts = {.backoffs_max = 0};
  int output = STDOUT_FILENO;  // the ready line
};

// `signals` must deliver SIGTERM, SIGINT and SIGHUP. Returns the exit code of `weir serve`: 0 after
// an ordered end. Every process that it started has ended when it returns.
int RunLauncher(const LauncherOptions& options, SignalQueue& signals, const Clock& clock);

// The folder of the running program, where its sibling programs lie.
Result<std::string> ProgramFolder();

}  // namespace weir

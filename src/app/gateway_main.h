// The gateway process: the composition root of everything between the listening sockets and the
// engines.
#pragma once

#include "app/serve_arguments.h"
#include "config/settings.h"

namespace weir::app {

// Started by the launcher alone; the inherited descriptors are those of wire/control.h. The exit
// code of the process.
int RunGateway(const ServeArguments& arguments, config::Settings settings);

}  // namespace weir::app

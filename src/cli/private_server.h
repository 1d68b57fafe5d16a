// A server for one command, when none runs: `weir serve` on a free port over the same folders,
// ended with the command.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "cli/server_link.h"

namespace weir::cli {

class PrivateServer {
 public:
  // Waits for its ready line. What it says on stderr goes to ours only when it does not start.
  static Result<std::unique_ptr<PrivateServer>> Start(const Folders& folders);
  ~PrivateServer();
  PrivateServer(const PrivateServer&) = delete;
  PrivateServer& operator=(const PrivateServer&) = delete;

  const std::string& url() const { return url_; }

 private:
  struct State;
  PrivateServer(std::unique_ptr<State> state, std::string url);
  std::unique_ptr<State> state_;
  std::string url_;
};

// The running server, or one of our own that `own` keeps alive.
Result<ServerLink> ReachServer(const Folders& folders, std::unique_ptr<PrivateServer>& own);

}  // namespace weir::cli

#include "cli/private_server.h"

#include <fmt/core.h>
#include <unistd.h>

#include <csignal>
#include <string_view>
#include <utility>

#include "process/child.h"
#include "process/fd.h"
#include "supervisor/launcher.h"

extern char** environ;

namespace weir::cli {
namespace {

constexpr std::string_view kReady = "weir: ready on ";
constexpr size_t kReadyLineMax = 4096;

// The first line of a pipe; what came before the end of it when there is none.
std::string ReadLine(int fd) {
  std::string line;
  char c = 0;
  while (line.size() < kReadyLineMax && read(fd, &c, 1) == 1 && c != '\n') line += c;
  return line;
}

std::vector<std::string> Environment() {
  std::vector<std::string> all;
  for (char** entry = environ; *entry != nullptr; ++entry) all.emplace_back(*entry);
  return all;
}

}  // namespace

struct PrivateServer::State {
  Child child;
  Fd output;
};

PrivateServer::PrivateServer(std::unique_ptr<State> state, std::string url)
    : state_(std::move(state)), url_(std::move(url)) {}

PrivateServer::~PrivateServer() {
  state_->child.Kill(SIGTERM);
  state_->child.Wait();
}

Result<std::unique_ptr<PrivateServer>> PrivateServer::Start(const Folders& folders) {
  const auto folder = ProgramFolder();
  if (!folder) return std::unexpected(folder.error());
  auto pipe = MakePipe();
  if (!pipe) return std::unexpected(pipe.error());
  auto child =
      Child::Spawn({.program = *folder + "/weir",
                    .arguments = {"serve", "--listen", "127.0.0.1:0", "--data", folders.data,
                                  "--models", folders.models, "--log-level", "error"},
                    .environment = Environment(),
                    .descriptors = {{1, pipe->write.get()}}});
  if (!child) return std::unexpected(child.error());
  pipe->write.Reset();
  const std::string line = ReadLine(pipe->read.get());
  if (!line.starts_with(kReady)) {
    return Fail(Code::kUnavailable, "a server could not be started; the line above says why");
  }
  auto state = std::make_unique<State>(State{std::move(*child), std::move(pipe->read)});
  return std::unique_ptr<PrivateServer>(
      new PrivateServer(std::move(state), line.substr(kReady.size())));
}

Result<ServerLink> ReachServer(const Folders& folders, std::unique_ptr<PrivateServer>& own) {
  if (auto link = ServerLink::Find(folders)) return *link;
  auto started = PrivateServer::Start(folders);
  if (!started) return std::unexpected(started.error());
  own = std::move(*started);
  return ServerLink::At(own->url(), folders);
}

}  // namespace weir::cli

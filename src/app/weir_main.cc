// The program `weir`: the command line. `weir serve` becomes the program weir-serve beside it.
#include <fmt/core.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "cli/commands.h"
#include "supervisor/launcher.h"

namespace {

// Returns only when the program could not be started.
int BecomeServer(char** argv) {
  const auto folder = weir::ProgramFolder();
  if (folder) execv((*folder + "/weir-serve").c_str(), argv);
  fmt::print(stderr, "weir: weir-serve is not beside this program; install Weir again\n");
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (!words.empty() && words.front() == "serve") return BecomeServer(argv);
  return weir::cli::Run(words);
}

// Scripts that complete `weir` in a shell: commands, what stands under them, their flags, and the
// names of stored models. Made of what the command line itself was built from, so that they cannot
// say anything else. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace weir::cli {

struct CommandWords {
  std::string name = {};
  std::vector<std::string> subcommands = {};
  std::vector<std::string> flags = {};  // "--json", those of its subcommands too; each once
};

// `shell` is bash, zsh or fish; kInvalidArgument for any other.
Result<std::string> CompletionScript(std::string_view shell,
                                     const std::vector<CommandWords>& commands);

}  // namespace weir::cli
